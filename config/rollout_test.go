package config

import (
	"slices"
	"strings"
	"testing"

	"dip/contract"
)

func TestRollout(t *testing.T) {
	for name, c := range map[string]struct {
		environment, settings string
		problems              []string
	}{
		"as staging has it":    {"staging", `{}`, nil},
		"as prod has it":       {"prod", `{}`, nil},
		"no strategy":          {"prod", `{"strategy": "fast"}`, []string{"rollout.strategy: \"fast\": want one of"}},
		"no share":             {"prod", `{"percent": 0}`, []string{"rollout.percent: 0: want 1 to 99"}},
		"all of it":            {"prod", `{"percent": 100}`, []string{"rollout.percent: 100: want 1 to 99"}},
		"half minutes":         {"prod", `{"interval": "90s"}`, []string{"rollout.interval: 1m30s: want whole minutes"}},
		"two days":             {"prod", `{"strategy": "canary", "interval": "48h"}`, nil},
		"two days, to the end": {"prod", `{"percent": 50, "interval": "48h"}`, nil},
		"more than two days": {"prod", `{"percent": 49, "interval": "48h"}`,
			[]string{"rollout.interval: 48h: the 3 steps of a linear rollout take 96h, want at most 48h"}},
		"long, and at once": {"prod", `{"strategy": "all-at-once", "percent": 1, "interval": "48h"}`, nil},
		"too many chunks":   {"prod", `{"shadow": 21}`, []string{"rollout.shadow: 21: want 0 to 20"}},
		"no shadow":         {"prod", `{"shadow": 0}`, nil},
		"a wide drift":      {"prod", `{"quarantineDrift": 1.5}`, []string{"rollout.quarantineDrift: 1.5"}},
	} {
		_, err := parse(t, `{"environment": "`+c.environment+`", "rollout": `+c.settings+`, "segments": {"trips": {}}}`)
		var got []string
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if strings.HasPrefix(line, "rollout.") {
					got = append(got, strings.TrimSpace(line))
				}
			}
		}
		if !slices.EqualFunc(got, c.problems, strings.HasPrefix) {
			t.Errorf("%s: %q, want %q", name, got, c.problems)
		}
	}
}

func TestSteps(t *testing.T) {
	for name, c := range map[string]struct {
		r    Rollout
		want int
	}{
		"at once":          {Rollout{Strategy: contract.AllAtOnce, Percent: 10}, 1},
		"canary":           {Rollout{Strategy: contract.Canary, Percent: 10}, 2},
		"tenths":           {Rollout{Strategy: contract.Linear, Percent: 10}, 10},
		"the last is less": {Rollout{Strategy: contract.Linear, Percent: 30}, 4},
	} {
		if got := c.r.Steps(); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// What a version may do wrong rolls it back: not what its inputs or the account may.
func TestRollbackAlarms(t *testing.T) {
	s, err := parse(t, stack("prod", ``, `"deadline": "30m"`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"trips-dead-letters", "trips-errors", "trips-chunk-errors", "trips-bad-share"}
	if got := s.RollbackAlarms("trips"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
