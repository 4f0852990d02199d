package artifact_test

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dip/components/artifact"
)

func write(t *testing.T, path, entry, content string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(file)
	part, err := w.Create(entry)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestCodeIsOfTheBinary(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.zip"), "bootstrap", "one")
	write(t, filepath.Join(dir, "b.zip"), "bootstrap", "two")
	found, err := artifact.Open(dir, "arm64", "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	// printf one | sha256sum
	if got := found["a"]; got.Code != "7692c3ad3540bb80" || got.Path != filepath.Join(dir, "a.zip") {
		t.Errorf("a is %+v", got)
	}
	if found["a"].Code == found["b"].Code {
		t.Error("two binaries have the same fingerprint")
	}
}

func TestEveryMissingArtifactIsNamed(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "odd.zip"), "main", "x")
	if err := os.WriteFile(filepath.Join(dir, "cut.zip"), []byte("PK"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := artifact.Open(dir, "arm64", "gone", "odd", "cut")
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		filepath.Join(dir, "gone.zip") + " is not built: run `go run ./cmd/build --out " + dir + " --arch arm64`",
		filepath.Join(dir, "odd.zip") + ": ", filepath.Join(dir, "cut.zip") + ": zip: not a valid zip file",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

func TestImageTagIsOfAllThatIsInIt(t *testing.T) {
	dir := t.TempDir()
	put := func(path, content string) string {
		t.Helper()
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	dockerfile := put("Dockerfile", "FROM base")
	put("image/app/a", "one")
	put("image/app/b", "two")
	open := func(programs ...string) artifact.Image {
		t.Helper()
		image, err := artifact.OpenImage(dir, "arm64", dockerfile, programs...)
		if err != nil {
			t.Fatal(err)
		}
		return image
	}
	first := open("a", "b")
	if len(first.Tag) != 16 || first.Code["a"] != "7692c3ad3540bb80" || first.Code["b"] == first.Code["a"] {
		t.Errorf("image is %+v", first)
	}
	if other := open("b", "a"); other.Tag != first.Tag {
		t.Error("the order of the programs counts")
	}
	put("image/app/b", "one")
	put("image/app/a", "two")
	if other := open("a", "b"); other.Tag == first.Tag {
		t.Error("which program has which code does not count")
	}
	put("image/app/a", "one")
	put("image/app/b", "two")
	put("Dockerfile", "FROM other")
	if other := open("a", "b"); other.Tag == first.Tag {
		t.Error("the Dockerfile does not count")
	}
	_, err := artifact.OpenImage(dir, "arm64", filepath.Join(dir, "none"), "a", "c", "d")
	if err == nil || strings.Count(err.Error(), "is not built: run `go run ./cmd/build") != 2 ||
		!strings.Contains(err.Error(), "none") {
		t.Errorf("missing programs and Dockerfile: %v", err)
	}
}
