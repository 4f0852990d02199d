package stack_test

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/config"
	"dip/contract"
	"dip/stack"
	"dip/stack/stacktest"
)

func open(ctx *pulumi.Context) error {
	_, err := stack.Open(ctx, stacktest.Today)
	return err
}

func TestOpen(t *testing.T) {
	t.Chdir("..")
	var setup *stack.Setup
	r, err := stacktest.Run(t, config.Dev, nil, func(ctx *pulumi.Context) (err error) {
		setup, err = stack.Open(ctx, stacktest.Today)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if setup.Name != "dev" || setup.Account != componenttest.Account || setup.Region != componenttest.Region {
		t.Errorf("stack %s is in account %s and region %s", setup.Name, setup.Account, setup.Region)
	}
	if got := r.Resources(); len(got) != 0 {
		t.Errorf("registered %v", got)
	}
}

func TestMissingConfig(t *testing.T) {
	_, err := componenttest.Run("qa", nil, open)
	if err == nil || !strings.Contains(err.Error(), "Pulumi.qa.yaml has no dip:stack") {
		t.Errorf("no config: %v", err)
	}
}

// All problems are reported at once: archives, the image's programs and zones.
func TestMissingArtifacts(t *testing.T) {
	t.Chdir("..")
	none := filepath.Join(t.TempDir(), "none")
	for environment, want := range map[string][]string{
		"local": {"--arch " + runtime.GOARCH},
		"dev":   {"restage is not built", "network.availabilityZones: 6: us-east-1 has 5 that EKS can use"},
	} {
		settings := `{"environment": "` + environment + `", "segments": {"trips": {}}, ` +
			`"network": {"availabilityZones": 6}, "cluster": {"privateAccess": true}}`
		if environment == "local" {
			settings = `{"environment": "local", "segments": {"trips": {}}}`
		}
		_, err := componenttest.Run(environment, map[string]string{config.Key: settings, config.ArtifactsKey: none}, open)
		if err == nil {
			t.Fatalf("%s: accepted", environment)
		}
		for _, name := range append([]string{"trips", "rollout"}, contract.SystemFunctions...) {
			want = append(want, name+".zip is not built: run `go run ./cmd/build")
		}
		for _, text := range want {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: no %q in %v", environment, text, err)
			}
		}
	}
}
