package docs

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dip/local/proof"
)

var (
	namedTest = regexp.MustCompile(`\b(?:Test|Benchmark)[A-Z]\w+`)
	namedStep = regexp.MustCompile("proof-aws`?[:,] `([^`]+)`")
	proofRef  = regexp.MustCompile("proof-aws`?[:,]")
)

// The review names tests and steps of the proof: they exist.
func TestReviewNamesWhatExists(t *testing.T) {
	data, err := os.ReadFile("aws-review.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	out, err := exec.CommandContext(t.Context(), "git", "-C", root, "grep", "-hoE",
		`^func (Test|Benchmark)[A-Z]\w+`, "--", "*_test.go").Output()
	if err != nil {
		t.Fatalf("list the tests: %v", err)
	}
	tests := strings.Fields(strings.ReplaceAll(string(out), "func ", ""))
	for _, name := range namedTest.FindAllString(text, -1) {
		if !slices.Contains(tests, name) {
			t.Errorf("there is no test %s", name)
		}
	}
	var steps []string
	for _, step := range proof.Steps([]int64{10e9}) {
		steps = append(steps, step.Name)
	}
	named := namedStep.FindAllStringSubmatch(text, -1)
	for _, m := range named {
		if !slices.Contains(steps, m[1]) {
			t.Errorf("the proof has no step %s, but %s", m[1], steps)
		}
	}
	if refs := proofRef.FindAllString(text, -1); len(refs) != len(named) {
		t.Errorf("%d of %d references to the proof name a step", len(named), len(refs))
	}
}
