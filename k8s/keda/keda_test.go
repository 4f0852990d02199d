package keda_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/k8s"
	"dip/k8s/k8stest"
	"dip/k8s/keda"
)

func declare(t *testing.T, place k8s.Place) *componenttest.Recorder {
	t.Helper()
	return componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := keda.New(ctx, "keda", &keda.Args{Place: place})
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

func TestAllowsToAskForLengthsAlone(t *testing.T) {
	got := k8stest.Rights(t, keda.Allow(pulumi.String("arn:a"), pulumi.String("arn:b")))
	if want := `"Action":["sqs:GetQueueAttributes"],"Resource":["arn:a","arn:b"]`; !strings.Contains(got, want) {
		t.Errorf("no %s in %s", want, got)
	}
}
