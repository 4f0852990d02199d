package tenancy_test

import (
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/config"
	"dip/k8s/k8stest"
	"dip/k8s/tenancy"
)

func declare(t *testing.T) *componenttest.Recorder {
	t.Helper()
	return componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := tenancy.New(ctx, "tenancy", &tenancy.Args{Quota: tenancy.Quota{Pods: 20,
			MilliCPU: 18_000, MemoryMB: 30_000}})
		return err
	})
}

func TestTenancy(t *testing.T) {
	r := declare(t)
	want := []string{
		"kubernetes:core/v1:LimitRange::tenancy-limits",
		"kubernetes:core/v1:Namespace::tenancy-dip",
		"kubernetes:core/v1:Namespace::tenancy-dip-system",
		"kubernetes:core/v1:Namespace::tenancy-keda",
		"kubernetes:core/v1:ResourceQuota::tenancy-quota",
		"kubernetes:networking.k8s.io/v1:NetworkPolicy::tenancy-dip-network",
		"kubernetes:networking.k8s.io/v1:NetworkPolicy::tenancy-dip-system-network",
		"kubernetes:networking.k8s.io/v1:NetworkPolicy::tenancy-keda-network",
		"kubernetes:scheduling.k8s.io/v1:PriorityClass::tenancy-dip-jobs",
		"kubernetes:scheduling.k8s.io/v1:PriorityClass::tenancy-dip-platform",
		"kubernetes:scheduling.k8s.io/v1:PriorityClass::tenancy-dip-workers",
	}
	if got := r.Children(tenancy.TypeToken, "tenancy"); !slices.Equal(got, want) {
		t.Errorf("children are %v, want %v", got, want)
	}
	componenttest.Golden(t, "testdata/tenancy.yaml", k8stest.Manifest(t, r))
}

func TestNothingKillsAJobForAWorker(t *testing.T) {
	r := declare(t)
	jobs := r.Find(t, "kubernetes:scheduling.k8s.io/v1:PriorityClass", "tenancy-dip-jobs").Inputs
	workers := r.Find(t, "kubernetes:scheduling.k8s.io/v1:PriorityClass", "tenancy-dip-workers").Inputs
	if jobs["value"].NumberValue() <= workers["value"].NumberValue() {
		t.Error("a node without memory evicts jobs before workers")
	}
	if got := workers["preemptionPolicy"].StringValue(); got != "Never" {
		t.Errorf("workers preempt: %s", got)
	}
}

// A limit below what the scalers may start would stop them halfway.
func TestQuotaHoldsAllThatMayRun(t *testing.T) {
	w, r := config.Workers{Max: 5, MilliCPU: 900, MemoryMB: 1000}, config.Restage{Max: 2, MilliCPU: 1000, MemoryMB: 500}
	want := tenancy.Quota{Pods: 2*8 + 4, MilliCPU: 16*900 + 4*1000, MemoryMB: 16*1000 + 4*500}
	if got := tenancy.QuotaOf(2, w, r); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	pods := tenancy.Quota{}.WithGateway(config.Gateway{Max: 3, MilliCPU: 500, MemoryMB: 100})
	if want := (tenancy.Quota{Pods: 8, MilliCPU: 4000, MemoryMB: 800}); pods != want {
		t.Errorf("the gateway's pods: %+v, want %+v", pods, want)
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	componenttest.MustRefuse(t, "tenancy t", func(ctx *pulumi.Context) error {
		_, err := tenancy.New(ctx, "t", &tenancy.Args{})
		return err
	}, "Quota.Pods: missing", "Quota.MilliCPU: missing", "Quota.MemoryMB: missing")
}
