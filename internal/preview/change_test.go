package preview

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dip/config"
)

func TestPaths(t *testing.T) {
	in := map[string]any{
		"tags": map[string]any{"dip:stack": "dev", "a.b": "c"}, "rules": []any{map[string]any{"days": 3.0}}, "on": true,
		"arn": Unknown, "some": []any{Unknown}, "none": nil,
	}
	for path, want := range map[string]string{
		"tags.dip:stack": "dev", `tags["a.b"]`: "c", "rules[0].days": "3", "rules[1].days": "", "rules[x]": "",
		"on": "true", "on.more": "", "missing": "", "arn": "known later", "some": "", "none": "",
		"rules": `[{"days":3}]`,
	} {
		if got := value(in, path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if got := keys(`a.b[0]["c.d"].e`); !reflect.DeepEqual(got, []string{"a", "b", "0", "c.d", "e"}) {
		t.Errorf("%q", got)
	}
}

// Providers name properties by path, or by their top level alone; outputs are compared where the provider did so.
func TestProperties(t *testing.T) {
	s := step("replace", "aws:sqs/queue:Queue", "q", map[string]any{"name": "a", "delaySeconds": 0.0, "tags": "t"},
		map[string]any{"name": "b", "delaySeconds": 5.0})
	s.Old.Outputs = map[string]any{"delaySeconds": 3.0}
	s.Diff = map[string]Diff{"delaySeconds": {Kind: "update"}, "tagsAll.x": {Kind: "add"}}
	s.DiffReasons, s.ReplaceReasons = []string{"name", "delaySeconds", "tagsAll"}, []string{"name"}
	want := []Property{
		{Path: "delaySeconds", Before: "3", After: "5"}, {Path: "name", Before: "a", After: "b", Replaces: true},
	}
	if got := s.properties(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	s.Diff["delaySeconds"] = Diff{Kind: "update-replace", InputDiff: true}
	if got := s.properties()[0]; got.Before != "0" || !got.Replaces {
		t.Errorf("%+v", got)
	}
}

// vaultLock keeps backups from being deleted, and holds none.
const vaultLock = "aws:backup/vaultLockConfiguration:VaultLockConfiguration"

// Whatever a stack protects holds data, and its loss is said.
func TestEverythingProtectedHoldsData(t *testing.T) {
	found := 0
	for _, e := range config.Environments {
		data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "urns."+string(e)+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			_, resource, _ := strings.Cut(line, " > ")
			kind, rest, _ := strings.Cut(resource, "::")
			own := !strings.HasPrefix(kind, "dip:") && kind != clusterType && kind != "aws:kms/keyPolicy:KeyPolicy" && kind != vaultLock
			if !own || !slices.Contains(strings.Fields(rest), "protected") {
				continue // of a component its children are protected, of a policy its key
			}
			if found++; lost(kind) == "" {
				t.Errorf("%s: %s is protected, and no data is lost with it", e, kind)
			}
		}
	}
	if found == 0 {
		t.Error("nothing is protected")
	}
}

// Alike updates are one line: a tag changes on everything.
func TestAlike(t *testing.T) {
	var list []Change
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		list = append(list, Change{Name: name, Type: "aws:sqs/queue:Queue", Properties: []Property{{Path: "tags.team"}}})
	}
	list = append(list, Change{Name: "g", Type: "aws:sqs/queue:Queue", Properties: []Property{{Path: "name"}}})
	lines := alike(list)
	if len(lines) != 2 || lines[0].Name != "g" {
		t.Fatalf("%+v", lines)
	}
	if got := named(lines[1]); !strings.HasSuffix(got, "`sqs Queue` `d` and 2 more") {
		t.Error(got)
	}
}
