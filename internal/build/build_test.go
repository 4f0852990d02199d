package build

import (
	"archive/zip"
	"bytes"
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"dip/internal/testenv"
)

// project is a small project with functions whose mains print their names.
func project(t *testing.T, functions ...string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module small\n\ngo 1.26\n")
	write(t, filepath.Join(dir, "main.go"), "package main\n\nfunc main() {}\n")
	write(t, filepath.Join(dir, "cmd", "restage", "main.go"), "package main\n\nfunc main() { println(\"restage\") }\n")
	for _, name := range functions {
		write(t, filepath.Join(dir, "lambdas", name, "main.go"), "package main\n\nfunc main() { println(\""+name+"\") }\n")
	}
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRun(t *testing.T) {
	dir := project(t, "one", "two")
	// Nobody has compiled this one.
	write(t, filepath.Join(dir, "lambdas", "two", "main.go"), "package main\n\nfunc main() { println(\""+dir+"\") }\n")
	var log bytes.Buffer
	said := map[string]bool{}
	options := Options{Project: dir, Arch: "arm64", Log: &log, Say: func(text string) { said[text] = true }}
	if err := Run(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "build", "arm64")
	first := read(t, filepath.Join(out, "one.zip"))
	if bytes.Equal(first, read(t, filepath.Join(out, "two.zip"))) {
		t.Error("two functions have the same archive")
	}
	read(t, filepath.Join(dir, Program))
	if got := strings.Count(log.String(), " built\n"); got != 3 || !strings.Contains(log.String(), "program") {
		t.Errorf("want two functions, the restage job and the program:\n%s", &log)
	}

	if !said["linking the program"] || !said["linking the functions"] {
		t.Errorf("nothing tells how far it is: %v", said)
	}

	log.Reset()
	if err := Run(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(log.String(), "unchanged"); got != 3 {
		t.Errorf("%d unchanged the second time:\n%s", got, &log)
	}

	log.Reset()
	write(t, filepath.Join(dir, "lambdas", "one", "main.go"), "package main\n\nfunc main() { println(1) }\n")
	options.Only = []string{"one"}
	if err := Run(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(first, read(t, filepath.Join(out, "one.zip"))) {
		t.Error("changed code gives the old archive")
	}
	if lines := strings.Count(log.String(), "\n"); lines != 2 || !strings.HasPrefix(log.String(), "zstd ") {
		t.Errorf("only one function was asked for:\n%s", &log)
	}
}

// Another checkout, or a rebuilt binary, changes no function.
func TestArchivesDependOnTheSourcesAlone(t *testing.T) {
	var archives [][]byte
	for range 2 {
		dir := project(t, "one")
		if err := Run(t.Context(), Options{Project: dir, Arch: "amd64", Only: []string{"one"}, Log: io.Discard}); err != nil {
			t.Fatal(err)
		}
		archives = append(archives, read(t, filepath.Join(dir, "build", "amd64", "one.zip")))
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("the same sources give different archives")
	}
}

// For this machine, packages are compiled as for tests and tools: a second set of them takes minutes.
func TestBuildsForThisMachineShareWhatIsCompiled(t *testing.T) {
	dir := project(t, "one")
	for arch, trimmed := range map[string]bool{"": false, runtime.GOARCH: true} {
		if err := Run(t.Context(), Options{Project: dir, Arch: arch, Only: []string{"one"}, Log: io.Discard}); err != nil {
			t.Fatal(err)
		}
		info, err := buildinfo.ReadFile(filepath.Join(dir, "build", runtime.GOARCH, "bin", "one"))
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(info.Settings, debug.BuildSetting{Key: "-trimpath", Value: "true"}); got != trimmed {
			t.Errorf("architecture %q: trimmed %v, want %v", arch, got, trimmed)
		}
	}
}

func TestErrors(t *testing.T) {
	dir := project(t, "good", "bad")
	write(t, filepath.Join(dir, "lambdas", "bad", "main.go"), "package main\n\nfunc main() { nonsense() }\n")
	for name, c := range map[string]struct {
		options Options
		want    []string
	}{
		"architecture": {Options{Arch: "386"}, []string{`architecture "386": Lambda has amd64 and arm64`}},
		"function":     {Options{Only: []string{"none"}}, []string{`no function "none": lambdas has bad, good`}},
		"a name of ours": {Options{Project: project(t, "restage")},
			[]string{"lambdas/restage: a program of this name is in the image already"}},
		"compiler": {Options{Only: []string{"good", "bad"}}, []string{"build the functions: ", "undefined: nonsense"}},
	} {
		if c.options.Project == "" {
			c.options.Project = dir
		}
		c.options.Log = io.Discard
		err := Run(t.Context(), c.options)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
	}
	if err := Run(t.Context(), Options{Project: t.TempDir(), Log: io.Discard}); err == nil ||
		!strings.Contains(err.Error(), "list functions") {
		t.Errorf("no project: %v", err)
	}
}

func TestPack(t *testing.T) {
	packed, err := Pack([]byte("binary"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.File) != 1 || r.File[0].Name != "bootstrap" || r.File[0].Mode() != 0o755 || !r.File[0].Modified.Equal(epoch) {
		t.Errorf("entry is %+v", r.File[0].FileHeader)
	}
	content, err := r.Open("bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(content); err != nil || string(got) != "binary" {
		t.Errorf("content is %q, %v", got, err)
	}
}

func TestArchiveOfTheSameBinaryStays(t *testing.T) {
	dir := t.TempDir()
	binary, path := filepath.Join(dir, "b"), filepath.Join(dir, "b.zip")
	for _, step := range []struct {
		binary  string
		changed bool
	}{{"code", true}, {"code", false}, {"other code", true}} {
		write(t, binary, step.binary)
		if changed, err := archive(binary, path); err != nil || changed != step.changed {
			t.Errorf("%s: changed %v, %v; want %v", step.binary, changed, err, step.changed)
		}
	}
	write(t, path, "no archive")
	if changed, err := archive(binary, path); err != nil || !changed {
		t.Errorf("a broken archive stays: %v, %v", changed, err)
	}
}

func TestProgramGoesWhereItIsAskedFor(t *testing.T) {
	dir, elsewhere := project(t, "one"), filepath.Join(t.TempDir(), "program")
	if err := Run(t.Context(), Options{Project: dir, Out: t.TempDir(), Program: elsewhere, Log: io.Discard}); err != nil {
		t.Fatal(err)
	}
	read(t, elsewhere)
	if _, err := os.Stat(filepath.Join(dir, "build")); err == nil {
		t.Error("something was written into the project")
	}
}

// The image has what runs on the cluster: a segment's binary as it is in the function's archive, and the restage job.
func TestImage(t *testing.T) {
	dir := project(t, "one", "intake")
	if err := Run(t.Context(), Options{Project: dir, Arch: "amd64", Log: io.Discard}); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "build", "amd64")
	entries, err := os.ReadDir(filepath.Join(out, "image", "app"))
	if err != nil || len(entries) != 2 || entries[0].Name() != "one" || entries[1].Name() != "restage" {
		t.Errorf("the image has %v, %v", entries, err)
	}
	if !bytes.Equal(read(t, filepath.Join(out, "image", "app", "one")), read(t, filepath.Join(out, "bin", "one"))) {
		t.Error("worker and function are not the same binary")
	}
	if info, err := os.Stat(filepath.Join(out, "image", "app", "restage")); err != nil || info.Mode().Perm()&0o111 == 0 {
		t.Errorf("restage is not a program: %v, %v", info, err)
	}
	write(t, filepath.Join(dir, "lambdas", "one", "main.go"), "package main\n\nfunc main() { println(1) }\n")
	if err := Run(t.Context(), Options{Project: dir, Arch: "amd64", Only: []string{"one"}, Log: io.Discard}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(read(t, filepath.Join(out, "image", "app", "one")), read(t, filepath.Join(out, "bin", "one"))) {
		t.Error("the image keeps the old code")
	}
}

// A C compiler gives a program libzstd, without one it is in Go alone, and the build says which.
func TestCompression(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if c := findCompression(t.Context(), "arm64"); c.tags+c.linker != "" || c.env != nil ||
		!strings.Contains(c.what, "there is no C compiler aarch64-linux-gnu-gcc") {
		t.Errorf("without a compiler: %+v", c)
	}
	compiler := filepath.Join(os.Getenv("PATH"), "aarch64-linux-gnu-gcc")
	if err := os.WriteFile(compiler, []byte("#!/bin/sh\necho gcc 12.2.0\necho more\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	c := findCompression(t.Context(), "arm64")
	if c.tags != ",libzstd,netgo,osusergo" || !slices.Equal(c.env, []string{"CGO_ENABLED=1", "CC=" + compiler}) ||
		c.linker != " -extldflags=-static" || c.what != "libzstd, compiled by gcc 12.2.0" {
		t.Errorf("with a compiler: %+v", c)
	}
}

// A fingerprint is the hash of a binary, and the library that compresses is in the binary: another one, or the one in
// Go, is another fingerprint.
func TestFingerprintCoversTheCompressionLibrary(t *testing.T) {
	arch := runtime.GOARCH
	if c := findCompression(t.Context(), arch); runtime.GOOS != "linux" || c.tags == "" {
		testenv.Missing(t, fmt.Errorf("zstd %s", c.what))
	}
	dir := project(t, "one")
	folder := filepath.Join(dir, "lambdas", "one")
	write(t, filepath.Join(folder, "main.go"), "package main\n\nfunc main() { println(version()) }\n")
	write(t, filepath.Join(folder, "pure.go"),
		"//go:build !cgo || !libzstd\n\npackage main\n\nfunc version() int { return 0 }\n")
	library := func(version string) {
		write(t, filepath.Join(folder, "library.go"), "//go:build cgo && libzstd\n\npackage main\n\n"+
			"// static int version(void) { return "+version+"; }\nimport \"C\"\n\n"+
			"func version() int { return int(C.version()) }\n")
	}
	fingerprint := func() string {
		t.Helper()
		o := Options{Project: dir, Arch: arch, Only: []string{"one"}, Log: io.Discard}
		if err := Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		return comment(read(t, filepath.Join(dir, "build", arch, "bin", "one")))
	}
	library("10507")
	first := fingerprint()
	if again := fingerprint(); again != first {
		t.Error("the same library gives another fingerprint")
	}
	library("10508")
	second := fingerprint()
	gotool, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(gotool, filepath.Join(bin, "go")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	if pure := fingerprint(); first == second || pure == first || pure == second {
		t.Errorf("fingerprints %.8s and %.8s of two libraries, %.8s without one", first, second, pure)
	}
}
