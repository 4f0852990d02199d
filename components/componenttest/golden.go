package componenttest

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// catalogKey is made of the catalog's content, which has lines of its own in the golden files.
var catalogKey = regexp.MustCompile(`catalog/[0-9a-f]{24}\.json`)

// Golden compares text with a file. With -update it writes the file instead. Catalogs have no hash in it: a segment's
// setting is one line of one file.
func Golden(t testing.TB, path string, text []byte) {
	t.Helper()
	text = catalogKey.ReplaceAll(text, []byte("catalog/<hash>.json"))
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%s is missing: run the test with -update", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(text) {
		t.Errorf("%s no longer matches the code. Run the test with -update and review the difference. Now:\n%s",
			path, text)
	}
}
