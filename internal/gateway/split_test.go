package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func texts(records [][]byte) []string {
	list := make([]string, len(records))
	for i, r := range records {
		list[i] = string(r)
	}
	return list
}

func TestCut(t *testing.T) {
	small := Limits{Body: 1000, Records: 3, Record: 100}
	for _, c := range []struct {
		content string
		array   bool
		want    []string
		status  int
		detail  string
	}{
		{"{\"a\":1}\n{\"b\":2}\n", false, []string{`{"a":1}`, `{"b":2}`}, 0, ""},
		{"\r\n  {\"a\":1}\r\n\r\n1", false, []string{`{"a":1}`, "1"}, 0, ""},
		{"1\n2\n3", false, []string{"1", "2", "3"}, 0, ""},
		{"1\n2\n3\n4", false, nil, 413, "more than 3 records"},
		{"", false, nil, 400, "has no records"},
		{" \n\t\n", false, nil, 400, "has no records"},
		{`[{"a":[1,{"x":"],}"}]},{"b":"\"\\"} ]`, true, []string{`{"a":[1,{"x":"],}"}]}`, `{"b":"\"\\"}`}, 0, ""},
		{" [1 ,\n2\t] \n", true, []string{"1", "2"}, 0, ""},
		{"[1,2,3]", true, []string{"1", "2", "3"}, 0, ""},
		{"[1,2,3,4]", true, nil, 413, "more than 3 records"},
		{"[]", true, nil, 400, "has no records"},
		{"", true, nil, 400, "byte 0: the body is not a JSON array"},
		{"\n{}", true, nil, 400, "byte 1: the body is not a JSON array"},
		{"[] 1", true, nil, 400, "byte 3: the body goes on after the end of the array"},
		{"[1] ]", true, nil, 400, "byte 4: the body goes on after the end of the array"},
		{"[1,]", true, nil, 400, "byte 3: an element of the array is missing"},
		{"[,1]", true, nil, 400, "byte 1: an element of the array is missing"},
		{"[1", true, nil, 400, "byte 2: the body ends within the array"},
		{"[1,", true, nil, 400, "byte 3: the body ends within the array"},
		{`["a`, true, nil, 400, "byte 1: the string that begins here does not end"},
		{`["a\`, true, nil, 400, "byte 1: the string that begins here does not end"},
		{"[}", true, nil, 400, "byte 1: unexpected }"},
	} {
		got, p := cut(nil, []byte(c.content), c.array, small)
		switch {
		case c.status == 0 && (p != nil || !slices.Equal(texts(got), c.want)):
			t.Errorf("%q: %q, %+v, want %q", c.content, got, p, c.want)
		case c.status != 0 && (p == nil || p.Status != c.status || !strings.Contains(p.Detail, c.detail)):
			t.Errorf("%q: %+v, want %d with %q", c.content, p, c.status, c.detail)
		}
	}
}

// A huge count costs no more than the limit.
func TestCutStopsAtTheLimit(t *testing.T) {
	for name, records := range map[string]func() ([][]byte, error){
		"lines": func() ([][]byte, error) { return cutLines(nil, bytes.Repeat([]byte("1\n"), 1000), 10) },
		"array": func() ([][]byte, error) {
			return cutArray(nil, append([]byte("["), bytes.Repeat([]byte("1,"), 1000)...), 10)
		},
	} {
		if got, err := records(); len(got) != 11 || err != nil {
			t.Errorf("%s: %d records, %v", name, len(got), err)
		}
	}
}

func TestCheck(t *testing.T) {
	l := Limits{Record: 40}
	for _, c := range []struct {
		raw, want string
		status    int
		reason    string
	}{
		{`{"a": 1}`, `{"a": 1}`, 0, ""},
		{"{\"a\":\r\n [1,\n 2]}", `{"a":[1,2]}`, 0, ""},
		{`{"a":"` + strings.Repeat("x", 32) + `"}`, `{"a":"` + strings.Repeat("x", 32) + `"}`, 0, ""},
		{`{"a":"` + strings.Repeat("x", 33) + `"}`, "", 413, "41 bytes, more than 40"},
		{`[1]`, "", 400, "not a JSON object"},
		{`null`, "", 400, "not a JSON object"},
		{"\x00dip marker 5", "", 400, "not a JSON object"},
		{`{"a":}`, "", 400, "the record is not valid JSON at byte 5: want a value"},
		{`{"a":1} {}`, "", 400, "the record has data after its object, at byte 8"},
		{"{\"a\":\"\n\"}", "", 400, "not valid JSON"},
		{"{\"a\":\"\xff\"}", "", 400, "not valid UTF-8"},
	} {
		got, refused := check([]byte(c.raw), true, l)
		switch {
		case c.status == 0 && (refused != nil || string(got) != c.want):
			t.Errorf("%q: %q, %+v", c.raw, got, refused)
		case c.status != 0 && (refused == nil || refused.Status != c.status || !strings.Contains(refused.Reason, c.reason)):
			t.Errorf("%q: %+v, want %d with %q", c.raw, refused, c.status, c.reason)
		}
	}
}

// An array is cut into the elements that encoding/json finds, and refused if it is none.
func FuzzCutArray(f *testing.F) {
	for _, seed := range []string{`[{"a":1},{"b":[2,"]"]}]`, "[]", "[ 1 , 2 ]", `["\\\"",{}]x`, "[1,]", "[[],{}]", "[{]}",
		"null", "[1 2]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		records, err := cutArray(nil, content, len(content)+1)
		valid := err == nil
		for _, r := range records {
			valid = valid && json.Valid(r)
		}
		var want []json.RawMessage
		known := json.Unmarshal(content, &want) == nil && want != nil
		if known != valid {
			t.Fatalf("%q: %q, %v, while encoding/json says %t", content, records, err, known)
		}
		if !known {
			return
		}
		if len(records) != len(want) {
			t.Fatalf("%q: %d elements, want %d", content, len(records), len(want))
		}
		for i, r := range records {
			if !bytes.Equal(r, want[i]) {
				t.Errorf("%q: element %d is %q, want %q", content, i, r, want[i])
			}
		}
	})
}

// Records that are refused for their length need no room.
func TestRoom(t *testing.T) {
	raws := [][]byte{make([]byte, 100), make([]byte, 11), []byte("{}")}
	names := newNaming("p", "k", "")
	ids, rest := need(raws, Limits{Record: 11}, names)
	if wantIDs, wantRest := need(raws[1:], Limits{Record: 11}, names); ids != wantIDs || rest != wantRest+overhead {
		t.Errorf("%d and %d bytes, want %d and %d", ids, rest, wantIDs, wantRest+overhead)
	}
}

// Whatever comes, each record is sent as one line that is the same JSON object, or has a result with a reason.
func FuzzRecords(f *testing.F) {
	f.Add([]byte("{\"a\":1}\n{\"b\":\n{}"), false)
	f.Add([]byte("[{\"a\":\n1},2]"), true)
	l := Limits{Body: 1 << 20, Records: 100, Record: 1000}
	f.Fuzz(func(t *testing.T, content []byte, array bool) {
		raws, p := cut(nil, bytes.Clone(content), array, l)
		if p != nil {
			if p.Status != http.StatusBadRequest && p.Status != http.StatusRequestEntityTooLarge || p.Detail == "" {
				t.Fatalf("%q: %+v", content, p)
			}
			return
		}
		names := newNaming("p", "k", "")
		size, _ := need(raws, l, names)
		ids := make([]byte, size)
		before := make([][]byte, len(raws)) // breaks are removed where they are
		for i, raw := range raws {
			before[i] = bytes.Clone(raw)
		}
		records, failed := prepare(nil, nil, raws, true, l, names, ids[:0])
		used := 0
		for _, r := range records {
			if &ids[used] != &r.id[0] {
				t.Fatalf("%q: the ids do not fit into %d bytes", content, len(ids))
			}
			used += len(r.id)
		}
		if len(records)+len(failed) != len(raws) {
			t.Fatalf("%q: %d records and %d results of %d", content, len(records), len(failed), len(raws))
		}
		places := map[int]bool{}
		for _, r := range records {
			places[r.place] = true
			line := r.line
			var got, want any
			if bytes.ContainsAny(line, "\r\n") || line[0] != '{' || json.Unmarshal(line, &got) != nil ||
				json.Unmarshal(before[r.place], &want) != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%q became %q", before[r.place], line)
			}
		}
		for _, r := range failed {
			if r.Status < 400 || r.Reason == "" || places[r.Index] {
				t.Errorf("%q: %+v", raws[r.Index], r)
			}
		}
	})
}
