package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// What only moves messages starts fast: it links neither the parser nor the Parquet encoder.
func TestLinkedByIntakeAndSweeper(t *testing.T) {
	for name, deps := range goList(t, "Deps", "./lambdas/intake", "./lambdas/sweeper") {
		for _, heavy := range []string{"dip/internal/record", "dip/internal/parquet"} {
			if slices.Contains(deps, heavy) {
				t.Errorf("%s links %s", name, heavy)
			}
		}
	}
}

// Who proves a certificate needs no cloud.
func TestLinkedByTheStandaloneVerifier(t *testing.T) {
	for name, deps := range goList(t, "Deps", "./cmd/dip-verify") {
		for _, path := range deps {
			if strings.HasPrefix(path, "github.com/aws/") {
				t.Errorf("%s links %s", name, path)
			}
		}
	}
}

// goList lists what packages import: Imports directly, or Deps with what that imports.
func goList(t *testing.T, field string, packages ...string) map[string][]string {
	t.Helper()
	format := fmt.Sprintf(`{{.ImportPath}}{{range .%s}} {{.}}{{end}}`, field)
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"list", "-f", format}, packages...)...).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	found := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		found[words[0]] = words[1:]
	}
	if len(found) < len(packages) {
		t.Fatalf("go list %v found %d packages", packages, len(found))
	}
	return found
}
