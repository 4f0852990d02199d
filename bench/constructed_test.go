package main

import (
	"slices"
	"testing"
)

func TestJudged(t *testing.T) {
	differences["listed"] = "reason"
	defer delete(differences, "listed")
	for _, c := range []struct {
		name  string
		equal bool
		want  string
	}{
		{"a", true, verdictEqual}, {"a", false, verdictDiffers}, {"listed", false, verdictKnown},
		{"listed", true, verdictDiffers},
	} {
		got := judged(c.name, comparison{Equal: c.equal, Rows: 3, OnlyOurs: 1, Quarantined: make([]rejected, 2)})
		if got.Verdict != c.want || got.Rows != 3 || got.Quarantined != 2 || (got.Detail == "") != (c.want == verdictEqual) {
			t.Errorf("%s, equal %t: %+v", c.name, c.equal, got)
		}
	}
}

func TestMisjudged(t *testing.T) {
	names := []string{"y_a", "n_b", "i_c", "y_d", "n_e", "i_f"}
	if got := misjudged(names, []rejected{{Row: 2}, {Row: 3}, {Row: 4}}); !slices.Equal(got, []string{"y_d", "n_e"}) {
		t.Errorf("got %q", got)
	}
}

// Each case that is listed exists: a reason for one that is gone explains nothing.
func TestKnownDifferencesExist(t *testing.T) {
	for _, list := range []map[string]string{differences, inexpressible} {
		for name, reason := range list {
			if _, err := caseInput("../" + casesFolder + "/" + name); err != nil && name != "JSONTestSuite" {
				t.Errorf("%s: %v", name, err)
			}
			if reason == "" {
				t.Errorf("%s: no reason", name)
			}
		}
	}
}
