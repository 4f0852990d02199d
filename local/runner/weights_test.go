package runner

import (
	"math"
	"slices"
	"testing"
)

// routed is a registry with a function trips, whose alias live sends a quarter to version 2.
func routed(seed uint64) *registry {
	g := newRegistry(nil, seed)
	for _, name := range []string{"trips", "events"} {
		g.functions[name] = &function{
			name:     name,
			versions: map[string]*version{"1": {number: "1"}, "2": {number: "2"}},
			aliases:  map[string]alias{"live": {version: "1", weights: map[string]float64{"2": 0.25}}},
		}
	}
	return g
}

// versions are those that the next n invocations of a function run.
func versions(t *testing.T, g *registry, function string, n int) []string {
	t.Helper()
	var found []string
	for range n {
		target, err := g.resolve(function+":live", "")
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, target.version.number)
	}
	return found
}

func TestWeightsFollowTheSeed(t *testing.T) {
	t.Parallel()
	const n = 4000
	first := versions(t, routed(1), "trips", n)
	share := 0.0
	for _, v := range first {
		if v == "2" {
			share += 1.0 / n
		}
	}
	if math.Abs(share-0.25) > 0.03 { // more than four standard deviations
		t.Errorf("version 2 runs %.3f of the invocations, want 0.25", share)
	}
	g := routed(1)
	again := versions(t, g, "trips", n/2)
	versions(t, g, "events", 17) // of another function: changes nothing
	again = append(again, versions(t, g, "trips", n/2)...)
	if !slices.Equal(first, again) {
		t.Error("the same seed chose other versions")
	}
	if slices.Equal(first, versions(t, routed(2), "trips", n)) {
		t.Error("another seed chose the same versions")
	}
	if slices.Equal(first, versions(t, routed(1), "events", n)) {
		t.Error("the same versions are chosen for another function: their rollouts would hit the same loads")
	}
}
