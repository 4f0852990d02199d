package images_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"dip/tools/lab/images"
)

func TestProgram(t *testing.T) {
	table := images.New("123456789012", "us-east-1")
	for _, c := range []struct {
		image, command, want string
	}{
		{"123456789012.dkr.ecr.us-east-1.amazonaws.com/dip-images:0123", "/app/trips", "trips"},
		{"123456789012.dkr.ecr.us-east-1.amazonaws.com/dip-images:0123", "", ""},
		{"123456789012.dkr.ecr.eu-west-1.amazonaws.com/dip-images:0123", "/app/trips", ""},
		{"public.ecr.aws/aws-ec2/aws-node-termination-handler:v1.25.1", "", "node-termination-handler"},
		{"ghcr.io/atlassian/escalator:v1.15.0", "/main", "escalator"},
		{"ghcr.io/kedacore/keda:2.21.0", "/keda", "keda"},
		{"ghcr.io/kedacore/keda-metrics-apiserver:2.21.0", "", "keda-adapter"},
		{"ghcr.io/kedacore/keda-admission-webhooks:2.21.0", "", ""},
		{"registry.k8s.io/autoscaling/cluster-autoscaler:v1.36.1", "", ""},
	} {
		var command []string
		if c.command != "" {
			command = []string{c.command}
		}
		got, ok := table.Program(c.image, command)
		if got.Name != c.want || ok != (c.want != "") || got.Own != (c.want == "trips") {
			t.Errorf("%s %s runs %+v (%v), want %q", c.image, c.command, got, ok, c.want)
		}
	}
}

func TestQuery(t *testing.T) {
	table := images.Table{{Prefix: `a"b`}, {Prefix: "c:"}}
	if got, want := table.Query(), `.spec.containers[0].image | [startswith("a\"b", "c:")] | any`; got != want {
		t.Errorf("query is %s, want %s", got, want)
	}
}

// Images that only appear to run. An image that is added to the stack belongs here or in the table.
var pretended = []string{"registry.k8s.io/autoscaling/cluster-autoscaler", "registry/images"}

var reference = regexp.MustCompile(`(?m)^\s*(?:- )?image: "?([^\s"@]+?)(?::[^:/\s"@]+)?(?:@sha256:[0-9a-f]+)?"?$`)

func TestEveryImageOfTheStackIsDecidedUpon(t *testing.T) {
	files, err := filepath.Glob("../../../k8s/*/testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %v: %v", files, err)
	}
	table, found := images.New("123456789012", "us-east-1"), 0
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range reference.FindAllStringSubmatch(string(text), -1) {
			found++
			if _, ok := table.Program(m[1]+":tag", []string{"/app"}); !ok && !slices.Contains(pretended, m[1]) {
				t.Errorf("%s: image %s is neither in the table nor pretended", f, m[1])
			}
		}
	}
	if found < 5 {
		t.Errorf("found %d images", found)
	}
}
