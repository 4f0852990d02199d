package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What progress lines and -X flags say is what the modules pin.
func TestClusterVersionsAreThePinnedOnes(t *testing.T) {
	for module, pin := range map[string]string{
		"etcd": "go.etcd.io/etcd/server/v3 " + etcdVersion, "controlplane": "k8s.io/kubernetes " + kubernetesVersion,
		"kwok":        "sigs.k8s.io/kwok " + kwokVersion,
		"termination": "github.com/aws/aws-node-termination-handler " + terminationVersion,
		"metadata":    "github.com/aws/amazon-ec2-metadata-mock " + metadataVersion,
		"escalator":   "github.com/atlassian/escalator " + escalatorVersion,
		"keda":        kedaModule + " " + kedaVersion,
	} {
		b, err := os.ReadFile(filepath.Join("..", "pins", module, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		if !pinsLine(string(b), pin) {
			t.Errorf("tools/pins/%s does not pin %s", module, pin)
		}
	}
}

// pinsLine reports whether a go.mod requires exactly the module and version of pin, in either of its two forms: a line
// of a block, or one that stands alone.
func pinsLine(mod, pin string) bool {
	for line := range strings.Lines(mod) {
		if strings.TrimSpace(strings.TrimPrefix(line, "require ")) == pin+" // indirect" {
			return true
		}
	}
	return false
}

// Every binary that is built is a tool of its module: only then does go mod tidy keep what it needs.
func TestClusterModulesListTheirTools(t *testing.T) {
	for module, packages := range map[string][]string{
		"controlplane": {"k8s.io/kubernetes/cmd/kube-apiserver", "k8s.io/kubernetes/cmd/kube-controller-manager",
			"k8s.io/kubernetes/cmd/kube-scheduler"},
		"keda": {kedaModule + "/cmd/operator", kedaModule + "/cmd/adapter"},
	} {
		b, err := os.ReadFile(filepath.Join("..", "pins", module, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range packages {
			if !slices.Contains(strings.Fields(string(b)), p) {
				t.Errorf("tools/pins/%s does not list %s", module, p)
			}
		}
	}
}

func TestProvideNamesEveryTool(t *testing.T) {
	in := &installer{source: t.TempDir(), cache: t.TempDir(), log: io.Discard}
	write(t, filepath.Join(in.source, "tools", "t", "go.mod"), "module t", 0o644)
	if err := os.MkdirAll(filepath.Join(in.cache, "tools"), 0o755); err != nil {
		t.Fatal(err)
	}
	builds := 0
	found, err := in.provide([]tool{fakeTool(&builds, nil)})
	if err != nil || len(found) != 1 || filepath.Base(found["t"]) != "t" {
		t.Errorf("found %v: %v", found, err)
	}
	other := fakeTool(&builds, errors.New("no compiler"))
	other.name = "u"
	if _, err := in.provide([]tool{other}); err == nil || !strings.Contains(err.Error(), "build u: no compiler") {
		t.Errorf("a build that fails: %v", err)
	}
}
