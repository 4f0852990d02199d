package main

import (
	"os"
	"testing"

	"gopkg.in/yaml.v3"

	"dip/components/componenttest"
)

// The project declares every setting that the program reads, and its defaults are accepted.
func TestProgram(t *testing.T) {
	data, err := os.ReadFile("Pulumi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var project struct {
		Name   string
		Config map[string]struct{ Default any }
	}
	if err := yaml.Unmarshal(data, &project); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"repository", "environments", "branch", "provider", "organization"} {
		if _, ok := project.Config[name]; !ok {
			t.Errorf("Pulumi.yaml does not declare %s", name)
		}
	}
	settings := func(repository string) map[string]string {
		return map[string]string{
			componenttest.Project + ":repository":   repository,
			componenttest.Project + ":environments": `["dev", "staging", "prod"]`,
		}
	}
	r, err := componenttest.Run("main", settings("acme/dip"), program)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"github-preview", "github-up-dev", "github-up-staging", "github-up-prod"} {
		r.Find(t, "aws:iam/role:Role", name)
	}
	if _, err := componenttest.Run("main", settings(""), program); err == nil {
		t.Error("accepted without a repository")
	}
}
