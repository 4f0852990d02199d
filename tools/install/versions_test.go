package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The SDK that the catalog is made from is the one that the programs use.
func TestSDKVersionsAgree(t *testing.T) {
	for _, c := range []struct{ file, pin string }{
		{"../../go.mod", "github.com/pulumi/pulumi-aws/sdk/v6 " + awsVersion},
		{"../pulumi/aws/go.mod", "github.com/pulumi/pulumi-aws/sdk/v6 " + awsVersion},
		{"../../go.mod", "github.com/pulumi/pulumi-eks/sdk/v2 " + eksVersion},
		{"../../go.mod", "github.com/pulumi/pulumi-kubernetes/sdk/v4 " + kubernetesPluginVersion},
		{"../pulumi/kubernetes/main.go", `version = "` + kubernetesPluginVersion[1:]},
		{"../eks/package.json", `"@pulumi/kubernetes": "` + kubernetesPluginVersion[1:]},
		{"../eks/package.json", `"@pulumi/eks": "` + eksVersion[1:]},
		// The component asks for the aws plugin of its own package's version: it has to be the one that is here.
		{"../eks/package.json", `"@pulumi/aws": "` + awsVersion[1:]},
	} {
		b, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b), c.pin) {
			t.Errorf("%s does not pin %s", c.file, c.pin)
		}
	}
}

// Packages of one version are compiled once for all modules, so the main module's versions are the tools' as well.
// Those of its own that a module of pins has are what its program requires at least.
func TestModulesShareVersions(t *testing.T) {
	own := map[string][]string{
		// The CLI's secrets provider. Raising it builds the whole CLI anew, for one package.
		"../pins/pulumi/go.mod": {"github.com/aws/aws-sdk-go-v2/service/kms"},
		"../workflows/go.mod":   {"github.com/mattn/go-runewidth", "go.yaml.in/yaml/v4"},
		"../pins/kwok/go.mod":   {"dario.cat/mergo", "google.golang.org/genproto/googleapis/rpc"},
		// CloudWatch: 1.52 is the last release whose protocol the emulator speaks.
		"../pins/keda/go.mod": {"dario.cat/mergo", "github.com/aws/aws-sdk-go-v2/service/cloudwatch",
			"github.com/mattn/go-runewidth", "go.uber.org/atomic", "golang.org/x/exp",
			"google.golang.org/genproto/googleapis/rpc", "google.golang.org/grpc"},
	}
	files, err := filepath.Glob("../*/go.mod")
	nested, nestedErr := filepath.Glob("../*/*/go.mod")
	if err != nil || nestedErr != nil || len(nested) < 12 {
		t.Fatal(files, nested, err, nestedErr)
	}
	master := requirements(t, "../../go.mod")
	for _, file := range append(files, nested...) {
		if file == "../pins/lint/go.mod" { // built only to lint
			continue
		}
		var differ []string
		for path, version := range requirements(t, file) {
			if want, ok := master[path]; ok && version != want {
				differ = append(differ, path)
			}
		}
		slices.Sort(differ)
		if !slices.Equal(differ, own[file]) {
			t.Errorf("%s: versions differ from the main module's: %q; expected of %q", file, differ, own[file])
		}
	}
	kubernetes := map[string]bool{}
	for _, file := range []string{"../pins/controlplane/go.mod", "../pulumi/kubernetes/go.mod", "../lab/go.mod"} {
		kubernetes[requirements(t, file)["k8s.io/client-go"]] = true
	}
	if len(kubernetes) != 1 || !kubernetes["v0"+strings.TrimPrefix(kubernetesVersion, "v1")] {
		t.Errorf("control plane, plugin and lab use client-go %v", kubernetes)
	}
}

// requirements reads which module a go.mod requires in which version; what it replaces counts.
func requirements(t *testing.T, file string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(b)) {
		words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(words) >= 2 && strings.HasPrefix(words[1], "v") {
			found[words[0]] = words[1]
		}
		if len(words) == 4 && words[1] == "=>" { // of a block of replacements
			found[words[0]] = words[3]
		}
	}
	return found
}
