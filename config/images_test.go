package config

import (
	"os"
	"strings"
	"testing"
)

const zeros = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

func TestImage(t *testing.T) {
	c := Cluster{Autoscaler: "v1.36.1", Images: map[string]string{
		KEDAImage: "mirror.example:5000/keda/keda:2.21.0@" + zeros, EscalatorImage: "mirror.example/escalator@" + zeros,
	}}
	for name, want := range map[string]string{
		AutoscalerImage: "registry.k8s.io/autoscaling/cluster-autoscaler:v1.36.1@" +
			"sha256:461388d03eb5b55db58941ee7a81d9a619dd15302b01cbab9f5a9946715994b4",
		EscalatorImage:   "mirror.example/escalator@" + zeros,
		KEDAImage:        "mirror.example:5000/keda/keda:2.21.0@" + zeros,
		TerminationImage: "public.ecr.aws/aws-ec2/aws-node-termination-handler:v1.25.1",
	} {
		if got := c.Image(name); got.Reference() != want || !got.Pinned() {
			t.Errorf("%s is %s, want %s", name, got.Reference(), want)
		}
	}
	if i := c.Image(KEDAImage); i.Registry() != "mirror.example:5000" || i.Path() != "keda/keda" {
		t.Errorf("%+v is in %s at %s", i, i.Registry(), i.Path())
	}
	// Escalator's releases are published there, by its workflow docker-publish.yml at v1.15.0.
	if got := (Cluster{}).Image(EscalatorImage).Reference(); got != "ghcr.io/atlassian/escalator:v1.15.0" {
		t.Errorf("Escalator is %s", got)
	}
	for _, moving := range []Image{{}, {Repository: "a/b"}, {Repository: "a/b", Tag: "latest"}} {
		if moving.Pinned() {
			t.Errorf("%q is pinned", moving.Reference())
		}
	}
}

// Where digests are demanded, each image has one, its own or a known one.
func TestDigestsOnly(t *testing.T) {
	_, err := parse(t, stack("dev", `"cluster": {"digestsOnly": true}`, ""))
	if err == nil {
		t.Fatal("accepted")
	}
	var names []string
	for _, line := range strings.Split(err.Error(), "\n") {
		name, text, _ := strings.Cut(line, ": ")
		if !strings.HasPrefix(text, "missing: no digest of ") || !strings.Contains(text, "make digests") {
			t.Errorf("%s", line)
		}
		names = append(names, strings.TrimPrefix(name, "cluster.images."))
	}
	if got := strings.Join(names, " "); got != "escalator keda kedaMetrics kedaWebhooks terminationHandler" {
		t.Errorf("missing are %s", got)
	}
	if s := mustParse(t, stack("prod", "", "")); !s.Cluster.DigestsOnly || len(s.Cluster.Undigested()) != 0 {
		t.Errorf("prod runs images by tag: %v", s.Cluster.Undigested())
	}
}

// The table for readers has every image, and every digest that is known.
func TestImagesAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/cluster.md")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{}
	for _, name := range ImageNames() {
		i := (Cluster{Autoscaler: kubernetes[defaultKubernetes].autoscaler}).Image(name)
		want = append(want, "| `"+name+"` | "+i.Repository+" | "+i.Tag+" |")
	}
	for _, digest := range autoscalerDigests {
		want = append(want, digest)
	}
	for _, row := range want {
		if !strings.Contains(string(text), row) {
			t.Errorf("docs/cluster.md lacks %s", row)
		}
	}
}
