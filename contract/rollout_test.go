package contract

import (
	"encoding/json"
	"strings"
	"testing"
)

// Whoever calls the rollout function says what for.
func TestParseRolloutRequest(t *testing.T) {
	start := `{"start":{"v":1,"segment":"trips","function":"f","target":"4","group":"g"}}`
	for text, want := range map[string]string{
		start: "", `{"ended":"d-1"}`: "", `{"DeploymentId":"d-1","LifecycleEventHookExecutionId":"e"}`: "",
		`{}`:                                     "want start, ended, or DeploymentId",
		`{"DeploymentId":"d-1"}`:                 "want start, ended, or DeploymentId",
		`{`:                                      "rollout request: unexpected end",
		strings.Replace(start, `:1`, `:2`, 1):    "version 2, this code reads 1 to 1",
		strings.Replace(start, `"4"`, `""`, 1):   "segment, function, target and group are required",
		strings.Replace(start, `trips`, ``, 1):   "segment, function, target and group are required",
		strings.Replace(start, `"f"`, `""`, 1):   "segment, function, target and group are required",
		strings.Replace(start, `:"g"`, `:""`, 1): "segment, function, target and group are required",
	} {
		r, err := ParseRolloutRequest([]byte(text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
		if text == `{"ended":"d-1"}` && (r.Ended != "d-1" || r.Deployment != "") {
			t.Errorf("got %+v", r)
		}
	}
}

func TestRolloutEventGolden(t *testing.T) {
	got, err := json.Marshal(RolloutEvent{
		Version: 1, Stack: "dev", Segment: "trips", Target: "4", Deployment: "d-1", Reason: "why",
	})
	const want = `{"v":1,"stack":"dev","segment":"trips","target":"4","deployment":"d-1","reason":"why"}`
	if err != nil || string(got) != want || EventRolloutFailed != "Rollout Failed" {
		t.Errorf("got %s, %v: rules on the event bus match it", got, err)
	}
}
