package e2e

import (
	"os/exec"
	"path/filepath"
	"testing"

	"dip/local"
)

// Every resource type and property that the program uses in any stack is in the plugin's name table. The program's own
// test writes the list.
func TestEveryTokenMaps(t *testing.T) {
	cache, err := local.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(cache, "pulumi-home", "plugins", "resource-aws-v*", "pulumi-resource-aws"))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Skip("this machine's own aws plugin is in use")
	}
	used := filepath.Join(root, "components", "componenttest", "testdata", "used.json")
	if out, err := exec.Command(found[0], "-check", used).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
