package bus_test

import (
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/bus"
	"dip/components/componenttest"
)

func TestBus(t *testing.T) {
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		b, err := bus.New(ctx, "events")
		if err != nil {
			return err
		}
		put := b.Put()
		if len(put) != 1 || !slices.Equal(put[0].Actions, []string{"events:PutEvents"}) || len(put[0].Resources) != 1 {
			t.Errorf("it allows %+v", put)
		}
		return nil
	})
	if got, want := r.Children(bus.TypeToken, "events"),
		[]string{"aws:cloudwatch/eventBus:EventBus::events-bus"}; !slices.Equal(got, want) {
		t.Errorf("children are %v, want %v", got, want)
	}
}
