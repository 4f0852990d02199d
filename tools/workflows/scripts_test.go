package workflows

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// gh stands in for GitHub's command line: it notes how it is called, and answers lists with what LIST holds after the
// filter that it is given.
const gh = `#!/usr/bin/env bash
printf '%s\n' "$*" >> "$CALLS"
filter=""
while [ $# -gt 0 ]; do [ "$1" = --jq ] && filter=$2; shift; done
[ -z "$filter" ] || jq -r "$filter" "$LIST"
`

// script runs one of .github/scripts and returns the calls that change something.
func script(t *testing.T, list, name string, args ...string) (changes []string, err error) {
	t.Helper()
	if _, err := exec.LookPath("jq"); err != nil {
		t.Skip("needs jq, which GitHub's runners have")
	}
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("gh", gh, 0o755)
	calls := write("calls", "", 0o600)
	cmd := exec.CommandContext(t.Context(), filepath.Join(github, "scripts", name), args...)
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "CALLS="+calls, "LIST="+write("list", list, 0o600),
		"GITHUB_REPOSITORY=acme/dip")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Logf("%s", out)
	}
	noted, readErr := os.ReadFile(calls)
	if readErr != nil {
		t.Fatal(readErr)
	}
	for line := range strings.Lines(string(noted)) {
		if strings.Contains(line, "--method") {
			changes = append(changes, strings.TrimSpace(line))
		}
	}
	return changes, err
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "text.md")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const (
	mark   = "<!-- dip preview: dev -->"
	former = `[
	{"id": 1, "user": {"login": "mallory"}, "body": "` + mark + `\nx"},
	{"id": 2, "user": {"login": "github-actions[bot]"}, "body": "<!-- dip preview: prod -->\nx"},
	{"id": 3, "user": {"login": "github-actions[bot]"}, "body": "` + mark + `\r\nx"},
	{"id": 4, "user": {"login": "github-actions[bot]"}, "body": "` + mark + `\nx"}]`
)

// A stack has one comment: its own former one is replaced, nobody else's.
func TestComment(t *testing.T) {
	comment := file(t, mark+"\n### Preview\n")
	for list, want := range map[string]string{
		former: "api --silent --method PATCH repos/acme/dip/issues/comments/3 --field body=@" + comment,
		`[]`:   "api --silent --method POST repos/acme/dip/issues/7/comments --field body=@" + comment,
	} {
		if got, err := script(t, list, "comment.sh", "7", comment); err != nil || strings.Join(got, "\n") != want {
			t.Errorf("%v: %q, want %s", err, got, want)
		}
	}
	if got, err := script(t, former, "comment.sh", "7", file(t, "")); err == nil || len(got) > 0 {
		t.Errorf("an empty comment: %v, %q", err, got)
	}
}

// A stack has one open issue while it has drifted, and none afterwards.
func TestDrift(t *testing.T) {
	const open = `[{"number": 7, "title": "Drift: stack dev", "pull_request": {}},
		{"number": 8, "title": "Drift: stack staging"}, {"number": 9, "title": "Drift: stack dev"}]`
	drifted, same := file(t, mark+"\n1 to update\n"), file(t, "")
	for name, c := range map[string]struct{ list, file, want string }{
		"new":       {`[]`, drifted, "POST repos/acme/dip/issues --field title=Drift: stack dev --field body=@" + drifted},
		"goes on":   {open, drifted, "PATCH repos/acme/dip/issues/9 --field body=@" + drifted},
		"no drift":  {`[]`, same, ""},
		"gone":      {open, same, "PATCH repos/acme/dip/issues/9 --field state=closed"},
		"gone, too": {open, same, "POST repos/acme/dip/issues/9/comments"},
	} {
		got, err := script(t, c.list, "drift.sh", "dev", c.file)
		if all := strings.Join(got, "\n"); err != nil || !strings.Contains(all, c.want) || c.want == "" && all != "" {
			t.Errorf("%s: %v: %q, want %s", name, err, got, c.want)
		}
	}
}
