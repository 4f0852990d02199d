package stream

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/verify"
)

// rich is a world whose newest certificates have everything that one can have, and one of them.
func rich(t *testing.T) (*world, contract.Certificate) {
	for seed := uint64(1); seed < 60; seed++ {
		w := newWorld(t, seed)
		w.settings.LookBackSeconds = 60
		w.deploy("look back")
		w.live()
		w.drain()
		for _, c := range w.certificates(w.lake.Contents("lake")) {
			quarantined, parents := 0, 0
			for _, k := range c.Chunks {
				if k.Quarantine != nil {
					quarantined++
				}
			}
			for _, s := range c.Stream.Shards {
				parents += len(s.Parents)
			}
			// A shard that was over before the interval may be left out: the first one, which the changes take away, is not.
			lives := len(c.Stream.Shards[0].Batches) > 0
			if lives && len(c.Stream.Duplicates) > 1 && quarantined > 0 && parents > 1 && c.Stream.IDs != nil && len(c.Chunks) < 12 {
				return w, c
			}
		}
	}
	t.Fatal("no seed makes a rich certificate")
	return nil, contract.Certificate{}
}

// fields visits each value within a certificate, by its path.
func fields(v reflect.Value, path string, visit func(path string, v reflect.Value)) {
	_, isTime := v.Interface().(time.Time)
	switch {
	case v.Kind() == reflect.Pointer && !v.IsNil():
		visit(path, v)
		fields(v.Elem(), path, visit)
	case v.Kind() == reflect.Struct && !isTime:
		for i := range v.NumField() {
			fields(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		visit(path, v)
		for i := range v.Len() {
			fields(v.Index(i), fmt.Sprintf("%s[%d]", path, i), visit)
		}
	default:
		visit(path, v)
	}
}

// changed are other values than v.
func changed(v reflect.Value) (list []reflect.Value) {
	add := func(x any) { list = append(list, reflect.ValueOf(x).Convert(v.Type())) }
	switch x := v.Interface().(type) {
	case int, int64:
		add(v.Int() + 1)
		add(v.Int() - 1)
	case bool:
		add(!x)
	case time.Time:
		add(x.Add(time.Minute))
		add(x.Add(-time.Minute))
	case []byte:
		if len(x) > 0 {
			add(append([]byte{1, 1}, x...))
			add(x[:len(x)-1])
		}
	default:
		switch v.Kind() {
		case reflect.String:
			add(v.String() + "1")
			add("1" + v.String())
		case reflect.Pointer:
			if !v.IsNil() {
				list = append(list, reflect.Zero(v.Type()))
			}
		case reflect.Slice:
			if n := v.Len(); n > 0 {
				list = append(list, v.Slice(0, n-1), v.Slice(1, n), reflect.Append(v.Slice(0, n), v.Index(0)))
			}
		}
	}
	return list
}

// Whatever is changed in what a certificate says of its stream, the archive shows it, even when it is signed again.
func TestAChangedCertificateIsNotVerified(t *testing.T) {
	w, c := rich(t)
	w.lake.Delete("lake", contract.EnvelopeKey("readings", c.Load))
	prove := func(c contract.Certificate) verify.Report {
		r, err := verify.Certificate(t.Context(), verify.Options{Lake: w.lake, Certificate: c, Unpublished: true})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := prove(c); !r.Verified {
		t.Fatalf("%+v", r)
	}
	// A shard's parents are proven by the stream alone. A batch behind the end of the interval may be missing: the next
	// certificate has it, and would not be verified if it held records of this one.
	unproven := func(path string) bool {
		return strings.Contains(path, ".Parents") || strings.HasSuffix(path, ".Batches")
	}
	n := 0
	data, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var forged contract.Certificate
	if err := json.Unmarshal(data, &forged); err != nil {
		t.Fatal(err)
	}
	fields(reflect.ValueOf(forged.Stream).Elem(), "", func(path string, v reflect.Value) {
		if unproven(path) {
			return
		}
		was := reflect.ValueOf(v.Interface())
		for i, x := range changed(v) {
			v.Set(x)
			if n++; prove(forged).Verified {
				t.Errorf("change %d of %s, from %v to %v, is verified", i, path, was, x)
			}
			v.Set(was)
		}
	})
	if r := prove(forged); !r.Verified || n < 200 {
		t.Errorf("after %d changes: %+v", n, r)
	}
}

// A record that is missing in the archive, or another one, is not covered up by the certificate.
func TestAChangedArchiveIsNotVerified(t *testing.T) {
	w, c := rich(t)
	for _, s := range c.Stream.Shards {
		for _, b := range s.Batches {
			w.lake.Corrupt("lake", b.Key, func(data []byte) []byte { return append(data, 0) })
			r, err := verify.Certificate(t.Context(), verify.Options{Lake: w.lake, Certificate: c, Unpublished: true})
			if err != nil || r.Verified {
				t.Errorf("%s: %+v, %v", b.Key, r, err)
			}
			w.lake.Corrupt("lake", b.Key, func(data []byte) []byte { return data[:len(data)-1] })
		}
	}
}
