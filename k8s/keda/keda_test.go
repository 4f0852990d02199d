package keda_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/config"
	"dip/k8s"
	"dip/k8s/k8stest"
	"dip/k8s/keda"
)

func declare(t *testing.T, place k8s.Place) *componenttest.Recorder {
	t.Helper()
	return componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := keda.New(ctx, "keda", &keda.Args{
			Operator: config.Image{Repository: "ghcr.io/kedacore/keda", Tag: "2.21.0"},
			Metrics:  config.Image{Repository: "mirror.example:5000/keda/metrics", Tag: "2.21.0", Digest: "sha256:1"},
			Webhooks: config.Image{Repository: "mirror.example/webhooks", Digest: "sha256:2"},
			Place:    place,
		})
		return err
	})
}

func TestKeda(t *testing.T) {
	r := declare(t, k8s.Place{Group: "services", Dedicated: true})
	want := []string{
		"kubernetes:helm.sh/v3:Release::keda-release",
		"kubernetes:keda.sh/v1alpha1:TriggerAuthentication::keda-authentication",
	}
	if got := r.Children(keda.TypeToken, "keda"); !slices.Equal(got, want) {
		t.Errorf("children are %v, want %v", got, want)
	}
	release, err := json.MarshalIndent(r.Find(t, "kubernetes:helm.sh/v3:Release", "keda-release").Inputs.Mappable(), "",
		"  ")
	if err != nil {
		t.Fatal(err)
	}
	componenttest.Golden(t, "testdata/release.json", append(release, '\n'))
	componenttest.Golden(t, "testdata/keda.yaml", k8stest.Manifest(t, r))
	// The kind exists once the chart is there, and is destroyed before it.
	if got := r.Find(t, "kubernetes:keda.sh/v1alpha1:TriggerAuthentication",
		"keda-authentication").After; !slices.Contains(got, "keda-release") {
		t.Errorf("the authentication depends on %v", got)
	}
}

func TestAnyPlace(t *testing.T) {
	values := declare(t, k8s.Place{}).Find(t, "kubernetes:helm.sh/v3:Release",
		"keda-release").Inputs["values"].ObjectValue()
	if values.HasValue("nodeSelector") || values.HasValue("tolerations") {
		t.Errorf("values are %v", values.Mappable())
	}
}

// A digest goes behind the tag, since the chart joins registry, repository and tag.
func TestImages(t *testing.T) {
	release := declare(t, k8s.Place{}).Find(t, "kubernetes:helm.sh/v3:Release", "keda-release")
	images := release.Inputs.Mappable()["values"].(map[string]any)["image"].(map[string]any)
	for part, want := range map[string]string{
		"keda": "ghcr.io kedacore/keda 2.21.0", "metricsApiServer": "mirror.example:5000 keda/metrics 2.21.0@sha256:1",
		"webhooks": "mirror.example webhooks 2.21.0@sha256:2",
	} {
		i := images[part].(map[string]any)
		if got := fmt.Sprint(i["registry"], " ", i["repository"], " ", i["tag"]); got != want {
			t.Errorf("%s is %s, want %s", part, got, want)
		}
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	componenttest.MustRefuse(t, "keda k", func(ctx *pulumi.Context) error {
		_, err := keda.New(ctx, "k", &keda.Args{})
		return err
	}, `Operator: "", want an exact tag or a digest`, `Metrics: "", want`, `Webhooks: "", want`)
}

func TestAllowsToAskForLengthsAlone(t *testing.T) {
	got := k8stest.Rights(t, keda.Allow(pulumi.String("arn:a"), pulumi.String("arn:b")))
	if want := `"Action":["sqs:GetQueueAttributes"],"Resource":["arn:a","arn:b"]`; !strings.Contains(got, want) {
		t.Errorf("no %s in %s", want, got)
	}
}
