package worker_test

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
	"dip/k8s/worker"
)

func args() *worker.Args {
	return &worker.Args{
		Segment: "trips", Program: "trips", Image: pulumi.String("registry/images:0123456789abcdef"),
		Queue: pulumi.String("https://queue"), LogGroup: pulumi.String("logs"),
		Region: componenttest.Region, Place: k8s.Place{Group: "batch", Dedicated: true},
		Common: contract.Common[pulumi.StringInput]{
			Stack: pulumi.String("test"), Code: pulumi.String("c0de"), LedgerTable: pulumi.String("ledger"),
			LakeBucket: pulumi.String("lake"),
		},
		ScratchMB: 512,
		Settings: config.Workers{
			MilliCPU: 900, MemoryMB: 1536, Slots: 2, Min: 1, Max: 8, ChunksPerPod: 4, MaxUnavailablePercent: 25,
			Lease: config.Duration(time.Minute), Grace: config.Duration(50 * time.Second),
		},
	}
}

func declare(t *testing.T) *componenttest.Recorder {
	t.Helper()
	return componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := worker.New(ctx, "trips-workers", args())
		return err
	})
}

func TestWorker(t *testing.T) {
	r := declare(t)
	want := []string{
		"kubernetes:apps/v1:Deployment::trips-workers-deployment",
		"kubernetes:core/v1:ServiceAccount::trips-workers-account",
		"kubernetes:keda.sh/v1alpha1:ScaledObject::trips-workers-scaling",
		"kubernetes:policy/v1:PodDisruptionBudget::trips-workers-budget",
	}
	if got := r.Children(worker.TypeToken, "trips-workers"); !slices.Equal(got, want) {
		t.Errorf("children are %v, want %v", got, want)
	}
	componenttest.Golden(t, "testdata/worker.yaml", k8stest.Manifest(t, r))
}

// KEDA sets the number: an `up` that set it as well would stop workers or start them.
func TestNumberIsNotSet(t *testing.T) {
	spec := declare(t).Find(t, "kubernetes:apps/v1:Deployment", "trips-workers-deployment").Inputs["spec"].ObjectValue()
	if spec.HasValue("replicas") {
		t.Errorf("replicas are %v", spec["replicas"])
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*worker.Args)
		want   []string
	}{
		"nothing set": {func(a *worker.Args) { *a = worker.Args{} }, []string{
			"Segment: missing", "Program: missing", "ScratchMB: missing", "Image: missing", "Queue: missing", "LogGroup: missing", "Region: missing",
			"Common: DIP_STACK ", "Common: DIP_CODE ", "Common: DIP_LEDGER_TABLE ", "Common: DIP_LAKE_BUCKET ",
			"Settings.chunksPerPod: 0: want", "Settings.grace: 0s: want", "Settings.lease: 0s: want",
			"Settings.max: 0: want", "Settings.maxUnavailablePercent: 0: want 1 to 100", "Settings.memoryMB: 0: want",
			"Settings.milliCPU: 0: want", "Settings.slots: 0: want",
		}},
		"more workers than there may be": {
			func(a *worker.Args) { a.Settings.Min = 9 }, []string{"Settings.min: 9: want 0 to 8"},
		},
		"an unset variable": {func(a *worker.Args) { a.Common.LakeBucket = nil }, []string{"Common: DIP_LAKE_BUCKET "}},
	} {
		t.Run(name, func(t *testing.T) {
			a := args()
			c.change(a)
			componenttest.MustRefuse(t, "worker w", func(ctx *pulumi.Context) error {
				_, err := worker.New(ctx, "w", a)
				return err
			}, c.want...)
		})
	}
}
