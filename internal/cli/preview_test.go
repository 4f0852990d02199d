package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dip/internal/preview"
)

const previews = "../preview/testdata/"

func TestPreviewOfAFile(t *testing.T) {
	want, err := os.ReadFile(previews + "update.txt")
	if err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := run(t, "preview", previews+"update.json")
	if code != ExitOK || stdout != string(want) {
		t.Errorf("exit %d: %s%s", code, stderr, stdout)
	}
	code, stdout, stderr = run(t, "preview", "--json", previews+"update.json")
	var s preview.Summary
	if err := json.Unmarshal([]byte(stdout), &s); err != nil || code != ExitOK {
		t.Fatalf("exit %d: %v: %s%s", code, err, stderr, stdout)
	}
	if s.Stack != "local" || s.Counts[preview.Update] != 16 || len(s.Data) != 1 || s.Cost == nil {
		t.Errorf("%+v", s)
	}
}

// A preview that failed is shown, and fails; what is no preview is told from a file that is missing.
func TestPreviewFails(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page")
	if err := os.WriteFile(page, []byte("error: no stack named 'dev' found"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{[]string{previews + "error.json"}, ExitError, "loads.chunkMB: 0: want 1 to 256",
			"the preview of stack local failed: 1 error"},
		{[]string{page}, ExitError, "", "want what `pulumi preview --json` prints"},
		{[]string{page + "2"}, ExitNotFound, "", "page2: not found"},
		{[]string{page, page}, ExitUsage, "", "accepts at most 1 arg"},
	} {
		code, stdout, stderr := run(t, append([]string{"preview"}, c.args...)...)
		if code != c.code || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
			t.Errorf("%s: exit %d: %s\n%s", c.args, code, stdout, stderr)
		}
		if c.stdout == "" && stdout != "" {
			t.Errorf("%s: prints %s", c.args, stdout)
		}
	}
}

// Without a file pulumi is run, and its document counts although it exits with an error.
func TestPreviewRunsPulumi(t *testing.T) {
	document, err := filepath.Abs(previews + "error.json")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	pulumi := func(script string) {
		if err := os.WriteFile(filepath.Join(bin, "pulumi"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	pulumi(`case "$*" in "preview --json --show-sames --non-interactive --stack dev --cwd "*) cat ` + document +
		`;; esac; exit 255`)
	code, stdout, stderr := run(t, "preview", "--stack", "dev")
	if code != ExitError || !strings.Contains(stdout, "loads.chunkMB") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	pulumi(`echo "error: no stack named dev" >&2; exit 255`)
	code, _, stderr = run(t, "preview", "--stack", "dev")
	if code != ExitError || !strings.Contains(stderr, "no stack named dev") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	t.Setenv("PATH", t.TempDir())
	code, _, stderr = run(t, "preview", "--stack", "dev")
	if code != ExitError || !strings.Contains(stderr, "pulumi command is not installed") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
