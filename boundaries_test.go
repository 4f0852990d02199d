package main

import (
	"os/exec"
	"strings"
	"testing"
)

// imports lists what packages import, directly or not, by `go list`.
func imports(t *testing.T, packages ...string) map[string][]string {
	t.Helper()
	args := append([]string{"list", "-f", `{{.ImportPath}}{{range .Deps}} {{.}}{{end}}`}, packages...)
	out, err := exec.CommandContext(t.Context(), "go", args...).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	deps := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		deps[words[0]] = words[1:]
	}
	if len(deps) == 0 {
		t.Fatalf("go list %v found nothing", packages)
	}
	return deps
}

func forbid(t *testing.T, reason, prefix string, packages ...string) {
	t.Helper()
	for name, deps := range imports(t, packages...) {
		for _, d := range deps {
			if strings.HasPrefix(d, prefix) {
				t.Errorf("%s imports %s: %s", name, d, reason)
			}
		}
	}
}

func TestBoundaries(t *testing.T) {
	forbid(t, "infrastructure and data plane share contract alone", "dip/internal/", ".", "./components/...", "./config")
	forbid(t, "a function carries no deployment code", "github.com/pulumi/", "./internal/...", "./lambdas/...", "./cmd/restage", "./config", "./contract", "./tableschema")
	forbid(t, "who proves a certificate needs no cloud", "github.com/aws/", "./cmd/dip-verify")
	forbid(t, "contract is for both sides", "dip/internal/", "./contract", "./tableschema")
	for name, deps := range imports(t, "./contract", "./tableschema") {
		for _, d := range deps {
			first, _, _ := strings.Cut(d, "/")
			if strings.Contains(first, ".") {
				t.Errorf("%s imports %s: contract is made of the standard library", name, d)
			}
		}
	}
}
