package compile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestProgress(t *testing.T) {
	p := &progress{what: "the CLI", modules: 2, stale: map[string]bool{"a/b": true, "a": true, "main": true}}
	for _, c := range []struct{ line, want string }{
		{"go: downloading a v1.0.0", "downloading modules: 1 of 2"},
		{"go: downloading b v1.0.0", "downloading modules: 2 of 2"},
		{"go: downloading of/another/platform v1.0.0", "downloading modules: 3 of 3"},
		{"a/b", "compiling the CLI: 1 of 3 packages"},
		{"", ""},
		{"# a", ""},
		{"./a.go:3:1: undefined: x", ""},
		{"a", "compiling the CLI: 2 of 3 packages"},
		{"main", "linking the CLI"},
	} {
		if got := p.line(c.line); got != c.want {
			t.Errorf("%q says %q, want %q", c.line, got, c.want)
		}
	}
	if want := []string{"# a", "./a.go:3:1: undefined: x"}; !slices.Equal(p.rest, want) {
		t.Errorf("what is wrong: %q, want %q", p.rest, want)
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1204: "1,204", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

func TestEvery(t *testing.T) {
	now := time.Unix(0, 0)
	var said []string
	say := Every(20*time.Second, func() time.Time { return now }, func(text string) { said = append(said, text) })
	for _, c := range []struct {
		seconds int64
		text    string
	}{{19, "early"}, {20, "first"}, {39, "early"}, {45, "second"}, {64, "early"}} {
		now = time.Unix(c.seconds, 0)
		say(c.text)
	}
	if !slices.Equal(said, []string{"first", "second"}) {
		t.Errorf("said %q", said)
	}
}

func TestAbsent(t *testing.T) {
	file := `{"Require": [{"Path": "example.com/Here", "Version": "v1.0.0"},
		{"Path": "example.com/absent", "Version": "v1.0.0"},
		{"Path": "replaced", "Version": "v1.0.0"}, {"Path": "other", "Version": "v2.0.0"}, ` +
		`{"Path": "folder", "Version": "v0.0.0"}],
		"Replace": [{"Old": {"Path": "replaced"}, "New": {"Path": "fork", "Version": "v1.2.0-RC"}},
		{"Old": {"Path": "other", "Version": "v1.0.0"}, "New": {"Path": "fork", "Version": "v3.0.0"}},
		{"Old": {"Path": "folder"}, "New": {"Path": "../folder"}}]}`
	var asked []string
	got, err := absent([]byte(file), "/mod", func(dir string) bool {
		asked = append(asked, dir)
		return dir == "/mod/example.com/!here@v1.0.0"
	})
	want := []string{"/mod/example.com/!here@v1.0.0", "/mod/example.com/absent@v1.0.0", "/mod/fork@v1.2.0-!r!c",
		"/mod/other@v2.0.0"}
	if err != nil || got != 3 || !slices.Equal(asked, want) {
		t.Errorf("%d absent of %q, %v; want 3 of %q", got, asked, err, want)
	}
	if _, err := absent([]byte("{"), "", nil); err == nil {
		t.Error("a broken go.mod is not reported")
	}
}

// project is a module of two packages and a program.
func project(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module small\n\ngo 1.26\n",
		"main.go": "package main\n\nimport \"small/a\"\n\nfunc main() { a.F() }\n",
		"a/a.go":  "package a\n\nimport \"small/b\"\n\nfunc F() { b.F() }\n",
		"b/b.go":  "package b\n\nfunc F() {}\n",
	} {
		write(t, filepath.Join(dir, name), text)
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

func TestBuildTellsHowFarItIs(t *testing.T) {
	dir := project(t)
	var said []string
	b := Build{Dir: dir, What: "small", Packages: []string{"."}, Say: func(text string) { said = append(said, text) }}
	run := func() []string {
		t.Helper()
		said = nil
		if err := b.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		return said
	}
	// The rest of it, the runtime say, may be in the build cache or not.
	if got := run(); len(got) < 2 || !strings.HasPrefix(got[len(got)-1], "compiling small: ") {
		t.Errorf("first time: %q", got)
	}
	if got := run(); len(got) > 0 {
		t.Errorf("everything is compiled: %q", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "small")); err == nil {
		t.Error("a program was written without -o")
	}
	b.Out = filepath.Join(dir, "out")
	if got := run(); !slices.Equal(got, []string{"linking small"}) {
		t.Errorf("only the program is left: %q", got)
	}
	if _, err := os.Stat(b.Out); err != nil {
		t.Error(err)
	}
}

func TestBuildErrors(t *testing.T) {
	dir := project(t)
	write(t, filepath.Join(dir, "a", "a.go"), "package a\n\nfunc F() { nonsense() }\n")
	b := Build{Dir: dir, What: "small", Packages: []string{"."}, Out: filepath.Join(dir, "out"), Say: func(string) {}}
	err := b.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "go build in "+dir) ||
		!strings.Contains(err.Error(), "undefined: nonsense") {
		t.Errorf("what the compiler says is missing: %v", err)
	}
	b.Packages = []string{"./none"}
	if err := b.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("no such package: %v", err)
	}
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	if err := b.Run(ctx); !errors.Is(err, reason) {
		t.Errorf("interrupted: %v", err)
	}
}
