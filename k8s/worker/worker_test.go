package worker_test

import (
	"slices"
	"strings"
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
		Segment: "trips", Program: "trips", Image: pulumi.String("registry/images:0123456789abcdef"), Queue: pulumi.String("https://queue"),
		Region: componenttest.Region, Place: k8s.Place{Group: "batch", Dedicated: true},
		Common: contract.Common[pulumi.StringInput]{
			Stack: pulumi.String("test"), Code: pulumi.String("c0de"), LedgerTable: pulumi.String("ledger"), LakeBucket: pulumi.String("lake"),
		},
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
			"worker: Segment, Program, Image, Queue, Region: want all of them",
			"worker: Settings: want MilliCPU, MemoryMB, Slots, ChunksPerPod, Lease and Grace above zero",
			"worker: Settings: min 0 and max 0", "worker: Settings.MaxUnavailablePercent: 0: such a budget is never satisfied",
		}},
		"more workers than there may be": {func(a *worker.Args) { a.Settings.Min = 9 }, []string{"worker: Settings: min 9 and max 8"}},
		"an unset variable":              {func(a *worker.Args) { a.Common.LakeBucket = nil }, []string{"DIP_LAKE_BUCKET"}},
	} {
		r, err := componenttest.Run("test", nil, func(ctx *pulumi.Context) error {
			a := args()
			c.change(a)
			_, err := worker.New(ctx, "trips-workers", a)
			return err
		})
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: no %q in %v", name, want, err)
			}
		}
		if got := r.Resources(); len(got) != 0 {
			t.Errorf("%s: registered %v", name, got)
		}
	}
}
