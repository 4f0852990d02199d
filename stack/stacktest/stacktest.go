// Package stacktest runs programs as one of the repository's stacks, without an engine and with made-up artifacts.
package stacktest

import (
	"archive/zip"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"gopkg.in/yaml.v3"

	"dip/components/componenttest"
	"dip/config"
	"dip/k8s/restage"
)

// Today is the day on which programs run, whatever the day is.
var Today = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// Run runs a program as a stack, with the settings of the stack's own file, changed. The working directory is the
// repository's root, as it is for Pulumi.
func Run(
	t testing.TB, environment config.Environment, change func(settings map[string]any), program pulumi.RunFunc,
) (*componenttest.Recorder, error) {
	t.Helper()
	return RunWith(t, environment, change, nil, program)
}

// RunWith is Run in an account that answers some functions in another way than an empty one.
func RunWith(
	t testing.TB, environment config.Environment, change func(settings map[string]any),
	functions componenttest.Functions, program pulumi.RunFunc,
) (*componenttest.Recorder, error) {
	t.Helper()
	return componenttest.RunWith(string(environment), map[string]string{
		config.Key: string(object(t, environment, change)), config.ArtifactsKey: artifacts(t),
	}, functions, program)
}

// Digest is that of every image that has none of its own.
var Digest = "sha256:" + strings.Repeat("0123456789abcdef", 4)

// complete adds what a stack file of the repository leaves to whoever deploys: the addresses that reach the cluster,
// and the digests that prod demands.
func complete(settings map[string]any) {
	environment, _ := settings["environment"].(string)
	if !slices.Contains([]config.Environment{config.Dev, config.Staging, config.Prod}, config.Environment(environment)) {
		return
	}
	cluster, ok := settings["cluster"].(map[string]any)
	if !ok {
		cluster = map[string]any{}
		settings["cluster"] = cluster
	}
	if cluster["publicCidrs"] == nil && cluster["privateAccess"] == nil {
		cluster["publicCidrs"] = []string{"203.0.113.0/24"}
	}
	if environment == string(config.Prod) && cluster["images"] == nil {
		images := map[string]any{}
		for _, name := range (config.Cluster{Autoscaler: "v1.36.1"}).Undigested() {
			images[name] = (config.Cluster{}).Image(name).Reference() + "@" + Digest
		}
		cluster["images"] = images
	}
}

// Settings are the settings with which Run runs a program.
func Settings(t testing.TB, environment config.Environment, change func(settings map[string]any)) *config.Stack {
	t.Helper()
	s, err := config.Parse(object(t, environment, change), config.Options{Files: os.DirFS(".")})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// object is the settings as Pulumi hands them to the program: JSON.
func object(t testing.TB, environment config.Environment, change func(settings map[string]any)) []byte {
	t.Helper()
	data, err := os.ReadFile("Pulumi." + string(environment) + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Config map[string]any }
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	settings := file.Config[config.Key].(map[string]any)
	if change != nil {
		change(settings)
	}
	complete(settings)
	data, err = json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// artifacts are archives and programs of every folder of lambdas, each with its name for a binary.
func artifacts(t testing.TB) string {
	t.Helper()
	folders, err := os.ReadDir("lambdas")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	app := filepath.Join(dir, "image", "app")
	if err := os.MkdirAll(app, 0o755); err != nil {
		t.Fatal(err)
	}
	programs := []string{restage.Program}
	for _, folder := range folders {
		programs = append(programs, folder.Name())
		pack(t, filepath.Join(dir, folder.Name()+".zip"), folder.Name())
	}
	for _, name := range programs {
		if err := os.WriteFile(filepath.Join(app, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// pack writes an archive with a binary.
func pack(t testing.TB, path, binary string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	archive := zip.NewWriter(file)
	entry, err := archive.Create("bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := entry.Write([]byte(binary)); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}
