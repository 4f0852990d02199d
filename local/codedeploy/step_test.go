package codedeploy

import (
	"testing"
	"time"

	"dip/local/emulator"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func deployment() emulator.Deployment {
	return emulator.Deployment{
		ID: "d-ABCDEFGHI", Function: "trips", Alias: "live", Current: "4", Target: "5",
		Hooks:   map[string]string{beforeTraffic: "hook", afterTraffic: "hook"},
		Routing: canary(10, 5), RollbackOn: []string{onFailure, onAlarm},
		Progress: emulator.Progress{Status: created}, Results: map[string]string{},
	}
}

func canary(percent, minutes int) emulator.Routing {
	r := emulator.Routing{Type: "TimeBasedCanary"}
	r.Canary.Percentage, r.Canary.Interval = percent, minutes
	return r
}

func linear(percent, minutes int) emulator.Routing {
	r := emulator.Routing{Type: "TimeBasedLinear"}
	r.Linear.Percentage, r.Linear.Interval = percent, minutes
	return r
}

func TestWeight(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		routing emulator.Routing
		seconds float64
		want    float64
	}{
		{"all at once", emulator.Routing{Type: "AllAtOnce"}, 0, 1},
		{"canary at first", canary(10, 5), 0, 0.1},
		{"canary, just before the interval ends", canary(10, 5), 299.9, 0.1},
		{"canary after the interval", canary(10, 5), 300, 1},
		{"linear at first", linear(30, 2), 0, 0.3},
		{"linear, just before the second shift", linear(30, 2), 119.9, 0.3},
		{"linear, second shift", linear(30, 2), 120, 0.6},
		{"linear, third shift", linear(30, 2), 240, 0.9},
		{"linear, what is left", linear(30, 2), 360, 1},
		{"linear after a long sleep", linear(30, 2), 36_000, 1},
	} {
		if got := Weight(c.routing, c.seconds); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// asked is a deployment whose first hook has been called at noon.
func asked(t *testing.T) emulator.Deployment {
	t.Helper()
	d := deployment()
	p, do := Step(d, Seen{Now: noon, Alias: Alias{Version: "4"}})
	if do.Call == nil || do.Call.Function != "hook" || do.Call.Execution != p.Events[0].Execution {
		t.Fatalf("the first step asks for %+v with %+v", do, p)
	}
	d.Progress = p
	return d
}

// shifting is a deployment that has moved its first tenth at noon.
func shifting(t *testing.T) emulator.Deployment {
	t.Helper()
	d := asked(t)
	d.Results[d.Progress.Events[0].Execution] = succeeded
	d.Progress, _ = Step(d, Seen{Now: noon})
	p, do := Step(d, Seen{Now: noon})
	if do.Move == nil || do.Move.Version != "4" || do.Move.Weights["5"] != 0.1 {
		t.Fatalf("the first shift asks for %+v", do)
	}
	d.Progress = p
	return d
}

// shifted is a deployment whose last hook has been called five minutes after noon.
func shifted(t *testing.T) emulator.Deployment {
	t.Helper()
	d := shifting(t)
	p, do := Step(d, Seen{Now: noon.Add(5 * time.Minute)})
	if do.Move == nil || do.Move.Version != "5" || do.Move.Weights != nil {
		t.Fatalf("the last shift asks for %+v", do)
	}
	d.Progress = p
	d.Progress, do = Step(d, Seen{Now: noon.Add(5 * time.Minute)})
	if do.Call == nil {
		t.Fatalf("after the last shift, the step asks for %+v", do)
	}
	return d
}

func TestStepsThatWait(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		d   emulator.Deployment
		now time.Time
	}{
		"for its first hook": {asked(t), noon.Add(HookTimeout - time.Second)},
		"for its next shift": {shifting(t), noon.Add(5*time.Minute - time.Second)},
		"for its last hook":  {shifted(t), noon.Add(HookTimeout)},
	} {
		p, do := Step(c.d, Seen{Now: c.now})
		if do != (Do{}) || p.Status != inProgress || p.Rollback != nil {
			t.Errorf("a deployment that waits %s asks for %+v and is %+v", name, do, p)
		}
	}
}

func TestEnds(t *testing.T) {
	t.Parallel()
	fresh := deployment()
	answer := func(d emulator.Deployment, event int, result string) emulator.Deployment {
		d.Results = map[string]string{d.Progress.Events[event].Execution: result}
		return d
	}
	stop := func(d emulator.Deployment, rollback bool) emulator.Deployment {
		d.Stop = &emulator.Stop{Rollback: rollback}
		return d
	}
	only := func(d emulator.Deployment, events ...string) emulator.Deployment {
		d.RollbackOn = events
		return d
	}
	ignoring := shifting(t)
	ignoring.IgnorePollAlarmFailure = true
	at := Seen{Now: noon, Alias: Alias{Version: "4"}}
	after := func(d time.Duration) Seen { return Seen{Now: noon.Add(d)} }
	for _, c := range []struct {
		name         string
		d            emulator.Deployment
		seen         Seen
		status, code string
		back         bool
	}{
		{"the alias is elsewhere", fresh, Seen{Now: noon, Alias: Alias{Version: "3"}}, failed,
			"INVALID_LAMBDA_CONFIGURATION", false},
		{"the alias has weights", fresh, Seen{Now: noon, Alias: Alias{"4", map[string]float64{"5": 0.1}}}, failed,
			"INVALID_LAMBDA_CONFIGURATION", false},
		{"no alias", fresh, Seen{Now: noon, Refused: "no alias"}, failed, "INVALID_LAMBDA_FUNCTION", false},
		{"stopped before it begins", stop(fresh, true), at, stopped, "MANUAL_STOP", true},
		{"an alarm fires before it begins", fresh, Seen{Now: noon, Alias: at.Alias, Firing: []string{"a"}}, stopped,
			"ALARM_ACTIVE", true},
		{"the first hook fails", answer(asked(t), 0, failed), at, failed, "HOOK_EXECUTION_FAILURE", true},
		{"the first hook times out", asked(t), after(HookTimeout), failed, "HOOK_EXECUTION_FAILURE", true},
		{"the last hook fails", answer(shifted(t), 2, failed), after(time.Hour), failed, "HOOK_EXECUTION_FAILURE", true},
		{"the last hook times out", shifted(t), after(HookTimeout + 5*time.Minute), failed, "HOOK_EXECUTION_FAILURE", true},
		{"the last hook succeeds", answer(shifted(t), 2, succeeded), after(time.Hour), inProgress, "", false},
		{"an alarm fires", shifting(t), Seen{Now: noon, Firing: []string{"a"}}, stopped, "ALARM_ACTIVE", true},
		{"alarms are unknown", shifting(t), Seen{Now: noon, Unreadable: "no alarm"}, stopped, "ALARM_ACTIVE", true},
		{"unknown alarms are ignored", ignoring, Seen{Now: noon, Unreadable: "no alarm"}, inProgress, "", false},
		{"stopped while it shifts", stop(shifting(t), true), at, stopped, "MANUAL_STOP", true},
		{"stopped without a rollback", stop(shifting(t), false), at, stopped, "MANUAL_STOP", false},
		{"a failure rolls nothing back", only(answer(asked(t), 0, failed), onAlarm), at, failed, "HOOK_EXECUTION_FAILURE",
			false},
		{"an alarm rolls nothing back", only(shifting(t), onFailure), Seen{Now: noon, Firing: []string{"a"}}, stopped,
			"ALARM_ACTIVE", false},
		{"a move is refused", shifting(t), Seen{Now: noon, Refused: "no version"}, failed, "INVALID_LAMBDA_FUNCTION", true},
	} {
		p, do := Step(c.d, c.seen)
		code := ""
		if p.Error != nil {
			code = p.Error.Code
		}
		if do != (Do{}) || p.Status != c.status || code != c.code || (p.Rollback != nil) != c.back {
			t.Errorf("%s: %+v asks for %+v, want %s %s, rollback %t", c.name, p, do, c.status, c.code, c.back)
		}
		if c.code == "" {
			continue
		}
		if p.Completed != seconds(c.seen.Now) {
			t.Errorf("%s: it ended at %v", c.name, p.Completed)
		}
		for _, e := range p.Events {
			if !over(e.Status) {
				t.Errorf("%s: its event %s is %s", c.name, e.Name, e.Status)
			}
		}
		if again, do := Step(withProgress(c.d, p), after(time.Hour)); do != (Do{}) || again.Status != c.status {
			t.Errorf("%s: after its end it asks for %+v and is %s", c.name, do, again.Status)
		}
	}
}

func withProgress(d emulator.Deployment, p emulator.Progress) emulator.Deployment {
	d.Progress = p
	return d
}

func TestADeploymentWithoutHooksTakesAllTrafficAtOnce(t *testing.T) {
	t.Parallel()
	d := deployment()
	d.Hooks, d.Routing = nil, emulator.Routing{Type: "AllAtOnce"}
	var moves []Alias
	for range 10 {
		p, do := Step(d, Seen{Now: noon, Alias: Alias{Version: "4"}})
		if do.Move != nil {
			moves = append(moves, *do.Move)
		}
		d.Progress = p
	}
	if len(moves) != 1 || moves[0].Version != "5" || moves[0].Weights != nil || d.Progress.Status != succeeded ||
		d.Progress.Weight != 1 {
		t.Errorf("moves %+v, then %+v", moves, d.Progress)
	}
	for i, want := range []string{skipped, succeeded, skipped} {
		if got := d.Progress.Events[i]; got.Status != want {
			t.Errorf("event %s is %s, want %s", got.Name, got.Status, want)
		}
	}
}

func TestARollbackMovesTheAliasWhereverItPoints(t *testing.T) {
	t.Parallel()
	d := deployment()
	d.RollbackOf, d.Current, d.Target, d.RollbackOn, d.Hooks = "d-ANOTHER", "5", "4", nil, nil
	d.Stop = &emulator.Stop{Rollback: true} // is too late
	p, do := Step(d, Seen{Now: noon, Alias: Alias{"9", map[string]float64{"5": 0.5}}, Firing: []string{"a"}})
	if do.Move == nil || do.Move.Version != "4" || do.Move.Weights != nil || p.Status != succeeded {
		t.Errorf("asks for %+v and is %+v", do, p)
	}
	p, do = Step(d, Seen{Now: noon, Refused: "no alias"})
	if do != (Do{}) || p.Status != failed || p.Rollback != nil {
		t.Errorf("refused, it asks for %+v and is %+v", do, p)
	}
}
