package gateway_test

import (
	"slices"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/config"
	"dip/contract"
	"dip/k8s"
	"dip/k8s/gateway"
	"dip/k8s/k8stest"
)

func args() *gateway.Args {
	return &gateway.Args{
		Image: pulumi.String("registry/images:0123456789abcdef"), Region: componenttest.Region,
		LogGroup: pulumi.String("logs"), Place: k8s.Place{Group: "services"},
		Env: contract.GatewayEnv[pulumi.StringInput]{
			Common: contract.Common[pulumi.StringInput]{
				Stack: pulumi.String("test"), Code: pulumi.String("c0de"), LedgerTable: pulumi.String("ledger"),
				LakeBucket: pulumi.String("lake"),
			},
			Catalog: pulumi.String("catalog/1.json"), LandingBucket: pulumi.String("landing"),
			Tokens: pulumi.String("arn:secret"),
		},
		Settings: config.Gateway{
			MilliCPU: 500, MemoryMB: 1024, BufferMB: 256, Min: 2, Max: 6, TargetCPUPercent: 70,
			Grace: config.Duration(90 * time.Second), Function: config.Function{
				MemoryMB: 1024, Timeout: config.Duration(30 * time.Second), LogRetentionDays: 7,
			},
		},
	}
}

func declare(t *testing.T) *componenttest.Recorder {
	t.Helper()
	return componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := gateway.New(ctx, "gateway", args())
		return err
	})
}

const deployment = "kubernetes:apps/v1:Deployment"

func TestGateway(t *testing.T) {
	r := declare(t)
	want := []string{
		deployment + "::gateway-deployment",
		"kubernetes:autoscaling/v2:HorizontalPodAutoscaler::gateway-scaling",
		"kubernetes:core/v1:Service::gateway-service",
		"kubernetes:core/v1:ServiceAccount::gateway-account",
		"kubernetes:networking.k8s.io/v1:NetworkPolicy::gateway-network",
		"kubernetes:policy/v1:PodDisruptionBudget::gateway-budget",
		"kubernetes:scheduling.k8s.io/v1:PriorityClass::gateway-priority",
	}
	if got := r.Children(gateway.TypeToken, "gateway"); !slices.Equal(got, want) {
		t.Errorf("children are %v, want %v", got, want)
	}
	componenttest.Golden(t, "testdata/gateway.yaml", k8stest.Manifest(t, r))
}

// The autoscaler sets the number: an `up` that set it as well would end pods.
func TestNumberIsNotSet(t *testing.T) {
	spec := declare(t).Find(t, deployment, "gateway-deployment").Inputs["spec"].ObjectValue()
	if spec.HasValue("replicas") {
		t.Errorf("replicas are %v", spec["replicas"])
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*gateway.Args)
		want   []string
	}{
		"nothing set": {func(a *gateway.Args) { *a = gateway.Args{Settings: a.Settings} },
			[]string{"Image: missing", "LogGroup: missing", "Region: missing", "Env: DIP_STACK ", "Env: DIP_CODE ",
				"Env: DIP_LEDGER_TABLE ", "Env: DIP_LAKE_BUCKET ", "Env: DIP_CATALOG ", "Env: DIP_LANDING_BUCKET ", "Env: DIP_TOKENS "}},
		"one pod": {func(a *gateway.Args) { a.Settings.Min = 1 }, []string{"Settings.min: 1: want 2"}},
		"much buffer": {
			func(a *gateway.Args) { a.Settings.BufferMB = 513 }, []string{"Settings.bufferMB: 513: want at most half"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := args()
			c.change(a)
			componenttest.MustRefuse(t, "gateway g", func(ctx *pulumi.Context) error {
				_, err := gateway.New(ctx, "g", a)
				return err
			}, c.want...)
		})
	}
}
