// Package stacktest runs programs as one of the repository's stacks, without an engine and with made-up artifacts.
package stacktest

import (
	"archive/zip"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"gopkg.in/yaml.v3"

	"dip/components/componenttest"
	"dip/config"
	"dip/k8s/restage"
)

// Run runs a program as a stack, with the settings of the stack's own file, changed. The working directory is the
// repository's root, as it is for Pulumi.
func Run(
	t testing.TB, environment config.Environment, change func(settings map[string]any), program pulumi.RunFunc,
) (*componenttest.Recorder, error) {
	t.Helper()
	return componenttest.Run(string(environment), map[string]string{
		config.Key: string(object(t, environment, change)), config.ArtifactsKey: artifacts(t),
	}, program)
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
	if change != nil {
		change(file.Config[config.Key].(map[string]any))
	}
	data, err = json.Marshal(file.Config[config.Key])
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
