package restage_test

import (
	"slices"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/config"
	"dip/contract"
	"dip/k8s"
	"dip/k8s/k8stest"
	"dip/k8s/restage"
)

func args() *restage.Args {
	return &restage.Args{
		Image: pulumi.String("registry/images:0123456789abcdef"), Queue: pulumi.String("https://queue"),
		LogGroup: pulumi.String("logs"),
		Catalog:  pulumi.String("catalogs/a.json"),
		Region:   componenttest.Region, Place: k8s.Place{Group: "batch", Dedicated: true},
		Grace: config.Duration(time.Minute),
		Common: contract.Common[pulumi.StringInput]{
			Stack: pulumi.String("test"), Code: pulumi.String("c0de"), LedgerTable: pulumi.String("ledger"),
			LakeBucket: pulumi.String("lake"),
		},
		Settings: config.Restage{
			MilliCPU: 900, MemoryMB: 1024, Max: 4, Deadline: config.Duration(12 * time.Hour), KeepDays: 5,
			Lease: config.Duration(2 * time.Minute),
		},
	}
}

func TestRestage(t *testing.T) {
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := restage.New(ctx, "restage", args())
		return err
	})
	want := []string{
		"kubernetes:core/v1:ServiceAccount::restage-account",
		"kubernetes:keda.sh/v1alpha1:ScaledJob::restage-jobs",
	}
	if got := r.Children(restage.TypeToken, "restage"); !slices.Equal(got, want) {
		t.Errorf("children are %v, want %v", got, want)
	}
	componenttest.Golden(t, "testdata/restage.yaml", k8stest.Manifest(t, r))
}

func TestBadArgsRegisterNothing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*restage.Args)
		want   []string
	}{
		"nothing set": {func(a *restage.Args) { *a = restage.Args{} }, []string{
			"Image: missing", "Queue: missing", "LogGroup: missing", "Catalog: missing", "Region: missing",
			"Common: DIP_STACK ", "Common: DIP_CODE ", "Common: DIP_LEDGER_TABLE ", "Common: DIP_LAKE_BUCKET ",
			"Settings.deadline: 0s: want", "Settings.keepDays: 0: want", "Settings.lease: 0s: want",
			"Settings.max: 0: want", "Settings.memoryMB: 0: want", "Settings.milliCPU: 0: want", "Grace: missing",
		}},
		"no catalog": {func(a *restage.Args) { a.Catalog = nil }, []string{"Catalog: missing"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := args()
			c.change(a)
			componenttest.MustRefuse(t, "restage r", func(ctx *pulumi.Context) error {
				_, err := restage.New(ctx, "r", a)
				return err
			}, c.want...)
		})
	}
}
