package main

import (
	"math"
	"testing"

	"dip/config"
	"dip/internal/preview"
	"dip/stack/stacktest"
)

// What a preview counts from resources is what the settings come to.
func TestIdleCostsFollowFromTheResources(t *testing.T) {
	for _, e := range config.Environments {
		var states []preview.State
		for _, r := range deploy(t, e).Resources() {
			states = append(states, preview.State{Type: r.Type, Parent: r.Parent, Inputs: r.Inputs.Mappable()})
		}
		resources, settings := 0.0, 0.0
		for _, amount := range preview.Idle(states, config.ListPrices()) {
			resources += amount
		}
		for _, c := range stacktest.Settings(t, e, onARM).IdleCosts(config.ListPrices()) {
			settings += c.Amount
		}
		if math.Abs(resources-settings) > 0.005 {
			t.Errorf("%s: the resources cost $%.2f, the settings $%.2f", e, resources, settings)
		}
	}
}
