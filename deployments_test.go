package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"gopkg.in/yaml.v3"

	"dip/config"
)

// deployments are the stacks that Pulumi's Deployments may update.
var deployments = []config.Environment{config.Dev, config.Staging, config.Prod}

// deployment reads the settings of a stack's Deployments, as Pulumi does, and refuses what Pulumi does not know.
func deployment(t *testing.T, e config.Environment) workspace.ProjectStackDeployment {
	t.Helper()
	data, err := os.ReadFile("Pulumi." + string(e) + ".deploy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var d workspace.ProjectStackDeployment
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&d); err != nil {
		t.Fatalf("%s: %v", e, err)
	}
	return d
}

func TestDeployments(t *testing.T) {
	for _, e := range deployments {
		s := deployment(t, e).DeploymentSettings
		if s.SourceContext.Git.Branch != "refs/heads/main" || s.GitHub.Repository != "acme/dip" {
			t.Errorf("%s: %+v of %s", e, s.SourceContext.Git, s.GitHub.Repository)
		}
		if !s.GitHub.PreviewPullRequests || s.GitHub.DeployCommits != (e != config.Prod) {
			t.Errorf("%s: %+v", e, s.GitHub)
		}
		aws := s.Operation.OIDC.AWS
		if !strings.HasSuffix(aws.RoleARN, "-up-"+string(e)) || aws.SessionName != "dip-"+string(e) ||
			time.Duration(aws.Duration) != time.Hour {
			t.Errorf("%s: %+v", e, aws)
		}
		if len(s.Operation.EnvironmentVariables) > 0 {
			t.Errorf("%s: secrets belong into the stack's settings", e)
		}
		if want := []string{"make build"}; !slices.Equal(s.Operation.PreRunCommands, want) {
			t.Errorf("%s runs %q, want %q", e, s.Operation.PreRunCommands, want)
		}
	}
	makefile, err := os.ReadFile("Makefile")
	if err != nil || !bytes.Contains(makefile, []byte("\nbuild: ")) {
		t.Errorf("there is no make build: %v", err)
	}
}

// Each path is there, and nothing that the program or its artifacts are made of is left out.
func TestDeploymentsWatchTheWholeProgram(t *testing.T) {
	for _, e := range deployments {
		paths := deployment(t, e).DeploymentSettings.GitHub.Paths
		for _, path := range paths {
			if _, err := os.Stat(strings.TrimSuffix(path, "/**")); err != nil {
				t.Errorf("%s watches %s: %v", e, path, err)
			}
		}
		programs := []string{".", "./cmd/build", "./lambdas/...", "./cmd/restage"}
		for _, deps := range goList(t, "Deps", programs...) {
			for _, name := range deps {
				inside, ok := strings.CutPrefix(name, "dip/")
				if folder, _, _ := strings.Cut(inside, "/"); ok && !slices.Contains(paths, folder+"/**") {
					t.Errorf("%s does not watch %s", e, name)
				}
			}
		}
		for _, file := range []string{"go.mod", "go.sum", "Dockerfile", "main.go", "Pulumi.yaml", "schemas/**",
			"Pulumi." + string(e) + ".yaml"} {
			if !slices.Contains(paths, file) {
				t.Errorf("%s does not watch %s", e, file)
			}
		}
	}
}
