package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// room is packages that may import the same: each other's rooms by name, and libraries by prefix. The standard library
// is free to all. A package is in the room that names it or, most closely, a folder above it, so that a new one is
// covered from its first day.
type room struct {
	name     string
	packages []string
	rooms    []string
	library  []string
}

var rooms = []room{
	// Both sides read these: the standard library only.
	{name: "contract", packages: []string{"dip/contract", "dip/tableschema"}, rooms: []string{"contract"}},
	// The command line reads a stack's settings as the program does: without Pulumi.
	{name: "config", packages: []string{"dip/config"}, rooms: []string{"contract", "config"}},

	// Infrastructure deploys built functions and never links them.
	{
		name: "components", packages: []string{"dip/components"}, rooms: []string{"contract", "config", "components"},
		library: []string{sdk, "gopkg.in/yaml.v3"},
	},
	{
		name: "k8s", packages: []string{"dip/k8s"}, rooms: []string{"contract", "config", "components", "k8s"},
		library: []string{sdk, "gopkg.in/yaml.v3"},
	},
	{
		name: "stack", packages: []string{"dip/stack"},
		rooms: []string{"contract", "config", "components", "k8s", "stack"}, library: []string{sdk, "gopkg.in/yaml.v3"},
	},
	// The program itself, and whatever has no room yet.
	{name: "program", packages: []string{"dip"}, rooms: []string{"stack"}, library: []string{sdk}},

	// A function that links Pulumi starts slowly and weighs tens of megabytes; its settings are in contract's structs.
	{
		name: "data plane", packages: []string{"dip/internal", "dip/lambdas", "dip/cmd/restage"},
		rooms: []string{"contract", "data plane"},
		library: []string{
			"github.com/aws/aws-lambda-go", "github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go",
			"github.com/klauspost/compress", "github.com/zeebo/xxh3", "golang.org/x/sync", "golang.org/x/text",
		},
	},
	// Proves the data plane's output with other code.
	{
		name: "verification", packages: []string{"dip/internal/verify"}, rooms: []string{"contract", "data plane"},
		library: []string{
			"github.com/apache/arrow-go", "github.com/go-json-experiment/json", "github.com/zeebo/xxh3",
			"golang.org/x/text",
		},
	},
	// Tells of the first build, and so is compiled before it: the standard library only.
	{name: "compiling", packages: []string{"dip/tools", "dip/internal/compile"}, rooms: []string{"compiling"}},
	// What people run: the command line, local mode, builds, benchmarks.
	{
		name: "operation",
		packages: []string{
			"dip/bench", "dip/cmd", "dip/e2e", "dip/local",
			"dip/internal/build", "dip/internal/cli", "dip/internal/client", "dip/internal/terminal",
		},
		rooms: []string{"contract", "config", "data plane", "verification", "compiling", "operation"},
		library: []string{
			"github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go", "github.com/klauspost/compress",
			"github.com/spf13/cobra", "golang.org/x/sync", "golang.org/x/term", "golang.org/x/text", "gopkg.in/yaml.v3",
		},
	},
}

const sdk = "github.com/pulumi"

// in says whether a package is a folder or below it.
func in(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

// roomOf is the room that names the closest folder.
func roomOf(path string) (found room) {
	longest := -1
	for _, r := range rooms {
		for _, folder := range r.packages {
			if in(path, folder) && len(folder) > longest {
				found, longest = r, len(folder)
			}
		}
	}
	return found
}

// admits says whether a room's packages may import a package.
func (r room) admits(path string) bool {
	if in(path, "dip") {
		return slices.Contains(r.rooms, roomOf(path).name)
	}
	first, _, _ := strings.Cut(path, "/")
	standard := !strings.Contains(first, ".")
	return standard || slices.ContainsFunc(r.library, func(prefix string) bool { return in(path, prefix) })
}

func TestBoundaries(t *testing.T) {
	for name, imports := range goList(t, "Imports", "./...") {
		r := roomOf(name)
		for _, path := range imports {
			if !r.admits(path) {
				t.Errorf("%s, of the room %s, imports %s: see rooms", name, r.name, path)
			}
		}
	}
}

func TestRoomsAdmit(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"dip/stack", "dip/components/queue", true},
		{"dip/stack", "github.com/pulumi/pulumi-aws/sdk/v6/go/aws", true},
		{"dip/stack", "dip/internal/ledger", false},
		{"dip/stack/new", "dip/lambdas/trips", false},
		{"dip/components/new", "dip/stack", false},
		{"dip/components/new", "dip/k8s", false},
		{"dip", "dip/components/queue", false},
		{"dip/brandnew", "dip/internal/ledger", false},
		{"dip/internal/new", "dip/internal/record", true},
		{"dip/internal/new", "dip/config", false},
		{"dip/internal/new", "dip/internal/client", false},
		{"dip/internal/new", "github.com/pulumi/pulumi/sdk/v3/go/pulumi", false},
		{"dip/internal/new", "github.com/apache/arrow-go/v18/arrow", false},
		{"dip/cmd/restage", "dip/config", false},
		{"dip/cmd/new", "dip/config", true},
		{"dip/contract", "encoding/json", true},
		{"dip/contract", "golang.org/x/sync/errgroup", false},
		{"dip/contract", "dip/config", false},
	} {
		if got := roomOf(c.from).admits(c.to); got != c.want {
			t.Errorf("%s may import %s: %v, want %v", c.from, c.to, got, c.want)
		}
	}
}

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
			if in(path, "github.com/aws") {
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
