package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/lake"
)

// unprovable are the fields that only the ledger knows: without it a change of one of them is not detected. The
// list is that of docs/certificate.md.
var unprovable = map[string]string{
	"stack":             "the name of the stack is in no other object",
	"received":          "a time; only the partition by load date depends on it",
	"certified":         "a time; it is only known that no chunk was acknowledged later",
	"chain.reruns":      "a rerun leaves the same proof as a first run",
	"chunks[].runtime":  "who did the work leaves no trace in it",
	"chunks[].at":       "a time; it is only known that the certificate is not older",
	"chunks[].revision": "which output the code was meant to make leaves no trace in it",
	"chunks[].millis":   "how long the work took leaves no trace in it",
}

// unprovableRejected are those of a rejected record: the verifier words its reasons differently. Its SHA-256 covers
// them.
var unprovableRejected = map[string]string{
	"field":  "for people",
	"reason": "for people",
}

// edit is one change of one field.
type edit struct {
	path, what string
	apply      func(root reflect.Value)
}

// edits lists changes of every field of a value, nested ones too, in all ways that its kind allows.
func edits(v reflect.Value) (list []edit) {
	walk(v, "", nil, func(path string, steps []int, leaf reflect.Value) {
		for what, changed := range changes(leaf) {
			list = append(list, edit{path, what, func(root reflect.Value) { follow(root, steps).Set(changed) }})
		}
	})
	return list
}

func walk(v reflect.Value, path string, steps []int, visit func(string, []int, reflect.Value)) {
	steps = steps[:len(steps):len(steps)]
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			break
		}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name != "" && path != "" {
				name = "." + name
			}
			walk(v.Field(i), path+name, append(steps, i), visit)
		}
		return
	case reflect.Pointer:
		if visit(path, steps, v); !v.IsNil() {
			walk(v.Elem(), path, append(steps, 0), visit)
		}
		return
	case reflect.Slice:
		visit(path, steps, v)
		for i := range v.Len() {
			walk(v.Index(i), fmt.Sprintf("%s[%d]", path, i), append(steps, i), visit)
		}
		return
	}
	visit(path, steps, v)
}

func follow(v reflect.Value, steps []int) reflect.Value {
	for _, i := range steps {
		switch v.Kind() {
		case reflect.Struct:
			v = v.Field(i)
		case reflect.Pointer:
			v = v.Elem()
		case reflect.Slice:
			v = v.Index(i)
		}
	}
	return v
}

// changes of a field, each another value than it has.
func changes(v reflect.Value) map[string]reflect.Value {
	to := map[string]reflect.Value{}
	set := func(what string, x any) { to[what] = reflect.ValueOf(x).Convert(v.Type()) }
	switch v.Kind() {
	case reflect.Int, reflect.Int64:
		set("+1", v.Int()+1)
		set("-1", v.Int()-1)
		set("negated", -v.Int())
		set("zero", 0)
	case reflect.Uint8:
		set("+1", uint8(v.Uint()+1))
	case reflect.String:
		set("empty", "")
		set("longer", v.String()+"x")
		if s := []byte(v.String()); len(s) > 0 {
			s[len(s)-1] ^= 1
			set("another end", string(s))
		}
	case reflect.Bool:
		set("flipped", !v.Bool())
	case reflect.Struct:
		at := v.Interface().(time.Time)
		set("later", at.Add(time.Hour))
		set("earlier", at.Add(-time.Hour))
		set("zero", time.Time{})
	case reflect.Pointer:
		to["none"] = reflect.Zero(v.Type())
	case reflect.Slice:
		to["none"] = reflect.Zero(v.Type())
		if n := v.Len(); n > 0 {
			to["shorter"] = v.Slice(0, n-1)
			to["longer"] = reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, n+1),
				reflect.AppendSlice(v.Slice3(0, n, n), v.Slice(0, 1)))
		}
	}
	for what, x := range to {
		if reflect.DeepEqual(x.Interface(), v.Interface()) || v.Kind() == reflect.Slice && x.Len() == v.Len() {
			delete(to, what)
		}
	}
	return to
}

var index = regexp.MustCompile(`\[\d+\]`)

func generic(path string) string { return index.ReplaceAllString(path, "[]") }

// tampered is a load of several chunks: some have rows and rejected records, some own nothing, the columns stand in
// another order than the fields, and some rejected records are not UTF-8.
func tampered(t *testing.T) *world {
	t.Helper()
	d := csvDialect
	d.Header = true
	content := []byte("score,price,id,day,at,ok,note\n")
	for i, line := range bytes.SplitAfter(records(rand.New(rand.NewPCG(3, 9)), 26), []byte("\n")) {
		content = append(content, line...)
		if i == 12 {
			content = append(content, fmt.Sprintf("1,2,3,,,,%q\n", strings.Repeat("long ", 300))...)
		}
	}
	w := verifies(t, things(d, strings.Replace(testSchema, `{"fields"`, `{"fieldsMatch":"equal","fields"`, 1)), content,
		700)
	idle, quarantined, binary := false, false, false
	for _, k := range w.certificate.Chunks {
		idle = idle || k.RowsIn == 0
		quarantined = quarantined || k.Quarantined > 0 && k.RowsOut > 0
		binary = binary || k.Quarantine != nil &&
			bytes.Contains(w.quarantine(t, k), []byte("rawBase64"))
	}
	if !idle || !quarantined || !binary || len(w.certificate.Columns) == 0 {
		t.Fatalf("the load is too plain: %+v", w.certificate)
	}
	return w
}

func (w *world) notVerified(t *testing.T, offline bool) bool {
	t.Helper()
	report, err := w.verify(t, offline)
	if err != nil {
		t.Fatal(err)
	}
	return !report.Verified && len(report.Problems) > 0
}

// Each single change of a field of a certificate is detected: all of them with the ledger, all but the listed ones
// without it.
func TestTamperedCertificate(t *testing.T) {
	w := tampered(t)
	noticed, seen := map[string]bool{}, map[string]bool{}
	for _, e := range edits(reflect.ValueOf(w.certificate)) {
		for _, offline := range []bool{false, true} {
			c := w.copy(t)
			e.apply(reflect.ValueOf(&c.certificate).Elem())
			found := c.notVerified(t, offline)
			path := generic(e.path)
			seen[path] = true
			noticed[path] = noticed[path] || !offline || found
			if _, exempt := unprovable[path]; !found && !(offline && exempt) {
				t.Errorf("%s, %s (offline %t): VERIFIED", e.path, e.what, offline)
			}
		}
	}
	for path := range unprovable {
		if !seen[path] {
			t.Errorf("%s is listed as unprovable, but is not a field", path)
		}
	}
	if len(seen) < 55 {
		t.Errorf("only %d fields were changed: %v", len(seen), seen)
	}
}

// Every difference from the ledger is detected.
func TestTamperedLedger(t *testing.T) {
	w := tampered(t)
	for _, e := range edits(reflect.ValueOf(w.certificate)) {
		c := w.copy(t)
		e.apply(reflect.ValueOf(&c.certificate).Elem())
		v := verification{Options: Options{Certificate: w.certificate, Ledger: &c.certificate}}
		if v.ledger(); len(v.report.Problems) == 0 {
			t.Errorf("%s, %s: not noticed", e.path, e.what)
		}
	}
}

func TestTamperedManifest(t *testing.T) {
	w := tampered(t)
	key := contract.ManifestKey("things", w.load.ID)
	lines := strings.SplitAfter(string(w.content(key)), "\n")
	lines = lines[:len(lines)-1]
	for _, e := range edits(reflect.ValueOf(lines)) {
		c := w.copy(t)
		changed := slices.Clone(lines)
		e.apply(reflect.ValueOf(&changed).Elem())
		c.objects.Put(lakeBucket, key, []byte(strings.Join(changed, "")))
		if !c.notVerified(t, true) {
			t.Errorf("line %s, %s: VERIFIED", e.path, e.what)
		}
	}
	c := w.copy(t, key)
	if !c.notVerified(t, true) {
		t.Error("without a manifest: VERIFIED")
	}
	report, err := Certificate(t.Context(), Options{Lake: c.objects, Certificate: c.certificate, Unpublished: true})
	if err != nil || !report.Verified {
		t.Errorf("not published yet: %+v, %v", report, err)
	}
}

// The folder that an output lies in is a part of its key.
func TestTamperedPartition(t *testing.T) {
	segment := things(csvDialect, testSchema)
	segment.Partition = contract.Partition{Field: "day", By: "month"}
	w := verifies(t, segment, []byte("1,,,2024-02-29,,,a\n2,,,1969-12-31,,,b\n3,,,,,,c\n"), 100)
	for _, e := range edits(reflect.ValueOf(w.certificate.Chunks[0].Outputs)) {
		if generic(e.path) != "[].partition" {
			continue
		}
		c := w.copy(t)
		e.apply(reflect.ValueOf(&c.certificate.Chunks[0].Outputs).Elem())
		if !c.notVerified(t, true) {
			t.Errorf("%s, %s: VERIFIED", e.path, e.what)
		}
	}
}

// replace puts other bytes in the place of an object. A forger who may write certificates too gives them the key, size
// and SHA-256 that they must have.
func (w *world) replace(o *contract.Output, data []byte, forge bool, key func(sha256 string) string) {
	if forge {
		o.SHA256, o.Bytes = lake.Hash(data), int64(len(data))
		o.Key = key(o.SHA256)
	}
	w.objects.Put(lakeBucket, o.Key, data)
}

// Each single change of a rejected record is found, also by what the record says where the hash is forged.
func TestTamperedQuarantine(t *testing.T) {
	w := tampered(t)
	for i, k := range w.certificate.Chunks {
		if k.Quarantine == nil {
			continue
		}
		lines := bytes.SplitAfter(w.quarantine(t, k), []byte("\n"))
		lines = lines[:len(lines)-1]
		for n, line := range lines {
			var r contract.Rejected
			if err := json.Unmarshal(line, &r); err != nil {
				t.Fatal(err)
			}
			moved := edit{"start", "moved with end", func(root reflect.Value) {
				root.FieldByName("Start").SetInt(r.Start + 1)
				root.FieldByName("End").SetInt(r.End + 1)
			}}
			for _, e := range append(edits(reflect.ValueOf(r)), moved) {
				changed := r
				changed.Base64 = bytes.Clone(r.Base64)
				e.apply(reflect.ValueOf(&changed).Elem())
				other, err := json.Marshal(changed)
				if err != nil {
					t.Fatal(err)
				}
				if bytes.Equal(append(other, '\n'), line) {
					continue
				}
				_, exempt := unprovableRejected[generic(e.path)]
				for _, forge := range []bool{false, true} {
					if forge == exempt { // the hash finds all changes in the same way: some show it
						continue
					}
					c := w.copy(t)
					all := bytes.Join(append(append(slices.Clone(lines[:n]), append(other, '\n')), lines[n+1:]...), nil)
					c.replace(c.certificate.Chunks[i].Quarantine, all, forge, func(sum string) string {
						return contract.QuarantineKey("things", c.load.ID, i, k.Start, sum)
					})
					if !c.notVerified(t, true) {
						t.Errorf("chunk %d, record %d, %s, %s (forged %t): VERIFIED", i, n, e.path, e.what, forge)
					}
				}
			}
		}
	}
}

// Other bytes of an output are found by its hash, and other values by themselves.
func TestTamperedOutputs(t *testing.T) {
	w := tampered(t)
	other, why := ingest(t, things(contract.Dialect{Encoding: contract.CSV, Delimiter: ",", Quote: `"`, Header: true},
		strings.Replace(testSchema, `{"fields"`, `{"fieldsMatch":"equal","fields"`, 1)),
		bytes.Replace([]byte(w.objects.Contents(landing)["things/a"]), []byte("1969-12-31"), []byte("1969-12-30"), -1), 700)
	if why != "" {
		t.Fatal(why)
	}
	differ := 0
	for i, k := range w.certificate.Chunks {
		for j, o := range k.Outputs {
			data := w.content(o.Key)
			for at := 0; at < len(data); at += 97 {
				c := w.copy(t)
				changed := bytes.Clone(data)
				changed[at] ^= 1
				c.replace(&c.certificate.Chunks[i].Outputs[j], changed, false, nil)
				if !c.notVerified(t, true) {
					t.Errorf("%s, byte %d: VERIFIED", o.Key, at)
				}
				// With a forged hash, the file is taken at its word; a damaged file must not crash the verifier.
				c = w.copy(t)
				c.replace(&c.certificate.Chunks[i].Outputs[j], changed, true, func(string) string { return o.Key })
				if _, err := c.verify(t, true); err != nil {
					t.Errorf("%s, byte %d: %v", o.Key, at, err)
				}
			}
			for _, cut := range [][]byte{nil, data[:len(data)-1], append(bytes.Clone(data), 0)} {
				c := w.copy(t)
				c.replace(&c.certificate.Chunks[i].Outputs[j], cut, false, nil)
				if !c.notVerified(t, true) {
					t.Errorf("%s with %d bytes: VERIFIED", o.Key, len(cut))
				}
			}
			swapped := other.content(other.certificate.Chunks[i].Outputs[j].Key)
			if bytes.Equal(swapped, data) {
				continue
			}
			differ++
			c := w.copy(t)
			forged := &c.certificate.Chunks[i].Outputs[j]
			c.replace(forged, swapped, true, func(sum string) string {
				return contract.DataKey("things", o.Partition, c.load.ID, i, k.Start, sum)
			})
			c.certificate.Totals.BytesOut += forged.Bytes - o.Bytes
			manifest := contract.ManifestKey("things", c.load.ID)
			c.objects.Put(lakeBucket, manifest, bytes.Replace(c.content(manifest), []byte(o.Key), []byte(forged.Key), 1))
			report, err := c.verify(t, true)
			if err != nil || len(report.Problems) != 1 || !strings.Contains(report.Problems[0], "values") {
				t.Errorf("%s with another value and its hash: %+v, %v", o.Key, report, err)
			}
		}
	}
	if differ == 0 {
		t.Error("no output differs")
	}
}

// The input and the catalog are what the certificate says, and all objects are there.
func TestTamperedObjects(t *testing.T) {
	w := tampered(t)
	for _, bucket := range []string{landing, lakeBucket} {
		for key := range w.objects.Contents(bucket) {
			c := w.copy(t)
			c.objects.Corrupt(bucket, key, func(data []byte) []byte {
				if i := bytes.Index(data, []byte("plain")); i >= 0 {
					data[i] = 'P'
				} else {
					data[len(data)-1] ^= 1
				}
				return data
			})
			if !c.notVerified(t, true) {
				t.Errorf("%s changed: VERIFIED", key)
			}
			if !w.copy(t, key).notVerified(t, true) {
				t.Errorf("%s deleted: VERIFIED", key)
			}
		}
	}
}
