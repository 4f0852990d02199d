package restore

import (
	"fmt"
	"strings"
	"testing"

	"dip/contract"
	"dip/internal/lake"
)

// What becomes of the versions of a key, oldest first. A letter is a content; "+" is its certificate, "*" that of a
// version with another id. Answers: "." nothing, "d" and a number a duplicate of that version's load, "f" failed, "a"
// loaded again.
func TestMark(t *testing.T) {
	for _, c := range []struct {
		name, versions, skipping, otherwise string
	}{
		{"certified", "A+ B+", ". .", ". ."},
		{"under other ids", "A* B*", "d0 d1", "d0 d1"},
		{"not certified", "A B", "a a", "a a"},
		{"a reply was lost", "A+ A A", ". d0 d0", ". a a"},
		{"each was wanted", "A+ A+", ". .", ". ."},
		{"a retry", "A A+", "f .", "f ."},
		{"a retry of a retry", "A A A+ A", "f f . d2", "f f . a"},
		{"a retry, under other ids", "A A* A", "d1 d1 d1", "d1 d1 a"},
		{"none is certified yet", "A A A", "a d0 d0", "a a a"},
		{"the content before the last one", "A+ B+ A", ". . a", ". . a"},
		{"another content in between", "A B+ A+", "a . .", "a . ."},
		{"between two", "A+ A A+", ". d0 .", ". a ."},
	} {
		for skip, want := range map[bool]string{true: c.skipping, false: c.otherwise} {
			var list []*version
			ids := map[string]string{}
			for i, word := range strings.Fields(c.versions) {
				o := contract.Object{Bucket: "landing", Key: "things/a", VersionID: fmt.Sprint(i), Size: 1, ETag: word[:1]}
				v := &version{Listed: lake.Listed{Object: o}}
				if i > 0 {
					v.same = list[0].ETag == v.ETag
				}
				switch word[1:] {
				case "+":
					v.load = v.id()
				case "*":
					v.load = "load " + fmt.Sprint(i)
				}
				ids[v.id()], ids["load "+fmt.Sprint(i)] = fmt.Sprint(i), fmt.Sprint(i)
				list = append([]*version{v}, list...)
			}
			m := landing{"things/a": list}.mark(map[string]rule{"things": {"catalog/1.json", skip}})
			got := map[string]string{}
			for _, r := range m.records {
				if r.Load.Segment != "things" || r.Load.Catalog != "catalog/1.json" || r.Open {
					t.Errorf("%s: %+v", c.name, r)
				}
				got[ids[r.Load.ID]] = "d" + ids[r.Load.Of]
				if r.Load.Status == contract.Failed {
					got[ids[r.Load.ID]] = "f"
				}
			}
			for _, o := range m.again {
				got[o.VersionID] = "a"
			}
			var all []string
			for i := range list {
				answer := got[fmt.Sprint(i)]
				if answer == "" {
					answer = "."
				}
				all = append(all, answer)
			}
			if answers := strings.Join(all, " "); answers != want {
				t.Errorf("%s, skipping %t: %s, want %s", c.name, skip, answers, want)
			}
		}
	}
}

// An input is its own version if that is there; otherwise one of the same key, size and ETag, the newest first.
func TestClaim(t *testing.T) {
	version := func(id string, size int64, etag string) *version {
		return &version{Listed: lake.Listed{Object: contract.Object{Key: "things/a", VersionID: id, Size: size, ETag: etag}}}
	}
	of := func(load, id string, size int64, etag string) summary {
		return summary{load: load, input: contract.Object{Key: "things/a", VersionID: id, Size: size, ETag: etag}}
	}
	l := landing{"things/a": {version("w3", 1, "x"), version("w2", 2, "y"), version("v1", 1, "x"), version("w0", 9, "z")}}
	certificates := []summary{of("fourth", "v4", 1, "x"), of("third", "v3", 1, "x"), of("second", "v2", 2, "y"),
		of("first", "v1", 1, "x"), of("other", "v0", 9, "encrypted")}
	l.claim(certificates)
	for load, want := range map[int]string{0: "w3", 1: "", 2: "w2", 3: "v1", 4: ""} {
		got := ""
		if v := l.of(certificates[load]); v != nil {
			got = v.VersionID
		}
		if got != want {
			t.Errorf("the input of %s is %q, want %q", certificates[load].load, got, want)
		}
	}
	if left := l.candidates(certificates[4]); len(left) != 1 || left[0].VersionID != "w0" {
		t.Errorf("candidates: %v", left)
	}
	if left := l.candidates(certificates[1]); len(left) != 0 {
		t.Errorf("candidates for what is gone: %v", left)
	}
}
