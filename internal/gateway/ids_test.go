package gateway

import (
	"fmt"
	"strings"
	"testing"
)

func derivedID(producer, key string, index int, record []byte) string {
	return string(appendDerived(nil, producer, key, index, record))
}

// id is the id of a record.
func (n naming) id(index int, record []byte) (string, *Result) {
	id, refused := n.appendID(nil, index, record)
	return string(id), refused
}

func TestDerivedIDs(t *testing.T) {
	base := derivedID("p", "k", 1, []byte("{}"))
	if again := derivedID("p", "k", 1, []byte("{}")); again != base || len(base) != 32 {
		t.Errorf("%s, then %s", base, again)
	}
	seen := map[string]bool{base: true}
	for _, other := range []string{derivedID("q", "k", 1, []byte("{}")), derivedID("p", "l", 1, []byte("{}")),
		derivedID("p", "k", 2, []byte("{}")), derivedID("p", "k", 1, []byte(`{"a":1}`)), derivedID("pk", "", 1, []byte("{}")),
		derivedID("", "pk", 1, []byte("{}"))} {
		if seen[other] {
			t.Errorf("%s names two records", other)
		}
		seen[other] = true
	}
}

// Without a key or a member, records of different requests never share an id.
func TestRandomIDs(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		n := newNaming("p", "", "")
		for i := range 10 {
			id, refused := n.id(i, []byte("{}"))
			again, _ := n.id(i, []byte("{}"))
			if refused != nil || seen[id] || id == "" || id != again {
				t.Fatalf("%q, %q, %+v", id, again, refused)
			}
			if most := n.longest([]byte("{}")); len(id) > most {
				t.Errorf("%q is longer than %d", id, most)
			}
			seen[id] = true
		}
	}
}

func TestMemberIDs(t *testing.T) {
	long := strings.Repeat("x", 256)
	for _, c := range []struct{ record, want, reason string }{
		{`{"id":"a","b":{"id":"c"}}`, "a", ""},
		{`{"id":17}`, "17", ""},
		{`{"id":-1.50}`, "-1.50", ""},
		{`{"id":"\u00e9"}`, "é", ""},
		{`{"id":"` + long + `"}`, long, ""},
		{`{"id":"` + long + `x"}`, "", "want 1 to 256 bytes"},
		{`{"id":""}`, "", "want 1 to 256 bytes"},
		{`{"id":"a\nb"}`, "", "without a line feed"},
		{`{"id":null}`, "", "want a string or a number"},
		{`{"id":true}`, "", "want a string or a number"},
		{`{"id":{"a":1}}`, "", "want a string or a number"},
		{`{"ID":"a"}`, "", `has no "id"`},
		{`{}`, "", `has no "id"`},
		{` { "a" : [ 1, { "id" : 2 } ] , "id" : "b" } `, "b", ""},
		{`{"id":"a","id":"b"}`, "b", ""},
		{`{"\u0069d":"a"}`, "a", ""},
		{`{"a":"\"id\":1","id":"}"}`, "}", ""},
	} {
		got, refused := newNaming("p", "key", "id").id(0, []byte(c.record))
		if got != c.want || (refused == nil) != (c.reason == "") ||
			refused != nil && (refused.Status != 400 || !strings.Contains(refused.Reason, c.reason)) {
			t.Errorf("%s: %q, %+v", c.record, got, refused)
		}
	}
}

func TestIdempotencyKeys(t *testing.T) {
	for key, ok := range map[string]bool{"": true, "a": true, `"a-1"`: true, strings.Repeat("k", 255): true,
		strings.Repeat("k", 256): false, "a b": false, "a\tb": false, "é": false} {
		if err := checkKey(key); (err == nil) != ok {
			t.Errorf("%q: %v", key, err)
		}
	}
}

func TestReplays(t *testing.T) {
	r := NewReplays(3)
	same := func(producer, segment, key, body string) bool { return r.Same(producer, segment, key, []byte(body)) }
	if !same("p", "s", "k", "1") || !same("p", "s", "k", "1") || same("p", "s", "k", "2") || !same("p", "s", "k", "1") {
		t.Error("a key has the body that it came with first")
	}
	if !same("q", "s", "k", "2") || !same("p", "t", "k", "2") {
		t.Error("keys belong to a producer and a segment")
	}
	same("p", "s", "k", "1")
	for i := range 2 {
		same("p", "s", fmt.Sprint(i), "x")
	}
	if same("p", "s", "k", "2") || !same("q", "s", "k", "other") || len(r.known) != 3 || r.order.Len() != 3 {
		t.Errorf("the newest keys are kept, and no more than 3: %d", len(r.known))
	}
}
