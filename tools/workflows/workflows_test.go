// Package workflows holds the tests of .github: actionlint, what this repository demands beyond it, and the scripts. It
// is a module of its own, so that the linter stays out of the main one.
package workflows

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"gopkg.in/yaml.v3"
)

const github = "../../.github"

func TestActionlint(t *testing.T) {
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	project, err := actionlint.NewProjects().At(github)
	if err != nil {
		t.Fatal(err)
	}
	problems, err := linter.LintFiles(files(t, "workflows/*.yml"), project)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(github, pattern))
	if err != nil || len(list) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	return list
}

// workflow is the part of a workflow that the rules below are about.
type workflow struct {
	On          any            `yaml:"on"`
	Permissions map[string]any `yaml:"permissions"`
	Concurrency map[string]any `yaml:"concurrency"`
	Jobs        map[string]job `yaml:"jobs"`
}

type job struct {
	If          string            `yaml:"if"`
	Uses        string            `yaml:"uses"`
	Environment string            `yaml:"environment"`
	Permissions map[string]string `yaml:"permissions"`
	Concurrency map[string]any    `yaml:"concurrency"`
	Timeout     int               `yaml:"timeout-minutes"`
	Steps       []step            `yaml:"steps"`
}

type step struct {
	Uses string         `yaml:"uses"`
	With map[string]any `yaml:"with"`
	Run  string         `yaml:"run"`
}

func read(t *testing.T, file string) (w workflow, text string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, &w); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return w, string(data)
}

var (
	uses   = regexp.MustCompile(`(?m)^\s*(?:- )?uses: *(.*)$`)
	pinned = regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
)

// A tag can be moved to other code: actions are pinned to commits, with the release beside.
func TestActionsArePinned(t *testing.T) {
	found := map[string]string{}
	for _, file := range slices.Concat(files(t, "workflows/*.yml"), files(t, "actions/*/action.yml")) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range uses.FindAllStringSubmatch(string(data), -1) {
			name, commit, _ := strings.Cut(m[1], "@")
			switch {
			case strings.HasPrefix(name, "./.github/"):
				continue
			case !pinned.MatchString(m[1]):
				t.Errorf("%s: %s is not pinned to a commit and its release", file, m[1])
			case found[name] != "" && found[name] != commit:
				t.Errorf("%s: %s is %s here and %s elsewhere", file, name, commit, found[name])
			}
			found[name] = commit
		}
	}
	if len(found) < 5 {
		t.Errorf("only %v", found)
	}
}

// Rights are given job by job, credentials are those of OIDC, and code of forks gets neither.
func TestRights(t *testing.T) {
	may := map[string]string{"contents": "read", "id-token": "write", "pull-requests": "write", "issues": "write"}
	for _, file := range files(t, "workflows/*.yml") {
		w, text := read(t, file)
		if w.Permissions == nil || len(w.Permissions) != 0 {
			t.Errorf("%s: rights of the whole workflow are %v, want {}", file, w.Permissions)
		}
		if strings.Contains(text, "pull_request_target") {
			t.Errorf("%s runs the code of forks with the rights of the repository", file)
		}
		if strings.Contains(text, "secrets.") || strings.Contains(text, "aws-access-key-id") {
			t.Errorf("%s uses a long-lived secret", file)
		}
		for name, j := range w.Jobs {
			if len(j.Permissions) == 0 {
				t.Errorf("%s: job %s says nothing of its rights", file, name)
			}
			for right, access := range j.Permissions {
				if may[right] != access {
					t.Errorf("%s: job %s has %s: %s", file, name, right, access)
				}
			}
			writes := j.Permissions["pull-requests"] == "write" || j.Permissions["issues"] == "write"
			if writes && j.Permissions["id-token"] != "" {
				t.Errorf("%s: job %s has credentials of AWS, and writes in the repository", file, name)
			}
			fork := "github.event.pull_request.head.repo.full_name == github.repository"
			if strings.Contains(text, "pull_request:") && j.Permissions["id-token"] != "" && !strings.Contains(j.If, fork) {
				t.Errorf("%s: job %s gives credentials to the code of forks", file, name)
			}
			if j.Uses == "" && j.Timeout == 0 {
				t.Errorf("%s: job %s has no timeout", file, name)
			}
			for _, s := range j.Steps {
				if strings.HasPrefix(s.Uses, "actions/checkout@") && s.With["persist-credentials"] != false {
					t.Errorf("%s: job %s leaves its token in the checkout", file, name)
				}
				if strings.Contains(s.Run, "${{") {
					t.Errorf("%s: job %s puts an expression into a script: pass it in env", file, name)
				}
			}
		}
	}
}

// Two updates of a stack never run at once, none is cut off, and each is approved where its environment demands it.
func TestUpdatesTakeTurns(t *testing.T) {
	w, _ := read(t, filepath.Join(github, "workflows/up.yml"))
	up := w.Jobs["up"]
	if up.Concurrency["group"] != "up-${{ inputs.stack }}" || up.Concurrency["cancel-in-progress"] != false {
		t.Errorf("updates take turns by %v", up.Concurrency)
	}
	if up.Environment != "${{ inputs.stack }}" {
		t.Errorf("updates are approved by environment %q", up.Environment)
	}
	if up.Timeout < 240 {
		t.Errorf("an update is cut off after %d minutes", up.Timeout)
	}
	for _, file := range files(t, "workflows/*.yml") {
		w, text := read(t, file)
		if !strings.Contains(text, "up.yml") {
			continue
		}
		if w.Concurrency != nil {
			t.Errorf("%s: %v would cut off the updates that it runs", file, w.Concurrency)
		}
		for name, j := range w.Jobs {
			if j.Uses != "./.github/workflows/up.yml" {
				t.Errorf("%s: job %s deploys without up.yml", file, name)
			}
		}
	}
	deploys := regexp.MustCompile(`pulumi (up|destroy|refresh)|make deploy`)
	for _, file := range files(t, "workflows/*.yml") {
		_, text := read(t, file)
		if filepath.Base(file) != "up.yml" && deploys.MatchString(text) {
			t.Errorf("%s changes a stack outside of up.yml", file)
		}
	}
}
