package schedule

import (
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/config"
)

func TestExpression(t *testing.T) {
	for minutes, want := range map[int]string{1: "rate(1 minute)", 2: "rate(2 minutes)", 90: "rate(90 minutes)"} {
		if got := expression(config.Duration(minutes) * config.Duration(time.Minute)); got != want {
			t.Errorf("%d minutes are %s, want %s", minutes, got, want)
		}
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	for _, rate := range []time.Duration{0, 30 * time.Second, 90 * time.Second} {
		componenttest.MustRefuse(t, "schedule s", func(ctx *pulumi.Context) error {
			_, err := New(ctx, "s", &Args{Rate: config.Duration(rate)})
			return err
		}, "Rate: "+config.Duration(rate).String()+", want whole minutes, at least one", "Function: missing")
	}
}
