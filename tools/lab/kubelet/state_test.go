package kubelet

import (
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func at(second int64) metav1.Time { return metav1.Unix(second, 0) }

func fresh() state {
	return newState(&corev1.Pod{Spec: corev1.PodSpec{
		InitContainers: []corev1.Container{{Name: "init"}}, Containers: []corev1.Container{{Name: "a"}, {Name: "b"}},
	}}, at(0))
}

func TestPhases(t *testing.T) {
	initialized := func(s *state) {
		s.running("init", 1, at(1), true)
		s.terminated("init", 0, at(2))
	}
	both := func(s *state) {
		initialized(s)
		s.running("a", 2, at(3), true)
		s.running("b", 3, at(3), true)
	}
	for name, c := range map[string]struct {
		do    func(*state)
		want  corev1.PodPhase
		ready bool
	}{
		"new":              {func(*state) {}, corev1.PodPending, false},
		"initializing":     {func(s *state) { s.running("init", 1, at(1), true) }, corev1.PodPending, false},
		"initialized":      {initialized, corev1.PodPending, false},
		"one runs":         {func(s *state) { initialized(s); s.running("a", 2, at(3), true) }, corev1.PodPending, false},
		"both run":         {both, corev1.PodRunning, true},
		"one is not ready": {func(s *state) { both(s); s.ready("a", false) }, corev1.PodRunning, false},
		"one has ended":    {func(s *state) { both(s); s.terminated("a", 1, at(4)) }, corev1.PodRunning, false},
		"one restarts": {func(s *state) { both(s); s.terminated("a", 1, at(4)); s.restarting("a", failed, time.Second) },
			corev1.PodRunning, false},
		"all well": {func(s *state) {
			both(s)
			s.terminated("a", 0, at(4))
			s.terminated("b", 0,
				at(4))
			s.ended = true
		}, corev1.PodSucceeded, false},
		"one failed": {func(s *state) {
			both(s)
			s.terminated("a", 0, at(4))
			s.terminated("b", 1,
				at(4))
			s.ended = true
		}, corev1.PodFailed, false},
		"all well, but too late": {func(s *state) {
			both(s)
			s.terminated("a", 0, at(4))
			s.terminated("b", 0, at(4))
			s.failure = &failure{}
			s.ended = true
		}, corev1.PodFailed, false},
		"ended before it began": {func(s *state) { s.ended = true }, corev1.PodFailed, false},
		"ended before one began": {func(s *state) {
			both(s)
			s.notStarted("a", errStart)
			s.terminated("b", 0,
				at(4))
			s.ended = true
		}, corev1.PodFailed, false},
		"could not be initialized": {func(s *state) {
			s.running("init", 1, at(1), true)
			s.terminated("init", 1,
				at(2))
			s.ended = true
		}, corev1.PodFailed, false},
		"a container without a pod": {func(s *state) { both(s); s.ready("none", false); s.of("none").Ready = true },
			corev1.PodRunning, true},
	} {
		s := fresh()
		c.do(&s)
		status := s.status(at(9))
		ready := corev1.ConditionFalse
		if c.ready {
			ready = corev1.ConditionTrue
		}
		if got := conditionOf(status, corev1.PodReady); status.Phase != c.want || got.Status != ready {
			t.Errorf("%s: %s, ready %s; want %s, %v", name, status.Phase, got.Status, c.want, c.ready)
		}
	}
}

var errStart = errors.New("not started")

func conditionOf(s corev1.PodStatus, kind corev1.PodConditionType) corev1.PodCondition {
	for _, c := range s.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return corev1.PodCondition{}
}

func TestConditionsKeepTheirTime(t *testing.T) {
	s := fresh()
	s.status(at(1))
	s.running("init", 1, at(2), true)
	if got := conditionOf(s.status(at(2)), corev1.PodInitialized); got.LastTransitionTime != at(1) ||
		got.Reason != "ContainersNotInitialized" {
		t.Errorf("unchanged: %+v", got)
	}
	s.terminated("init", 0, at(3))
	if got := conditionOf(s.status(at(3)), corev1.PodInitialized); got.LastTransitionTime != at(3) || got.Reason != "" {
		t.Errorf("changed: %+v", got)
	}
}

func TestRestartsAreCountedAndTheLastEndIsKept(t *testing.T) {
	s := fresh()
	s.running("a", 1, at(1), true)
	s.terminated("a", 7, at(2))
	s.restarting("a", failed, time.Second)
	if c := s.of("a"); c.LastTerminationState.Terminated.ExitCode != 7 || c.State.Waiting.Reason != "CrashLoopBackOff" ||
		c.RestartCount != 0 {
		t.Errorf("while it waits: %+v", c)
	}
	again := s.of("a").DeepCopy()
	s.running("a", 2, at(3), true)
	if c := s.of("a"); c.RestartCount != 1 || c.State.Running == nil || c.LastTerminationState.Terminated.ExitCode != 7 {
		t.Errorf("when it runs again: %+v", c)
	}
	*s.of("a") = *again
	s.notRestarted("a")
	if c := s.of("a"); c.State.Terminated.ExitCode != 7 {
		t.Errorf("when it does not run again: %+v", c)
	}
}

func TestReadinessTurns(t *testing.T) {
	probe := &corev1.Probe{SuccessThreshold: 2, FailureThreshold: 3}
	for _, c := range []struct {
		ready, answer bool
		streak        int32
		want          bool
	}{
		{false, true, 1, false}, {false, true, 2, true}, {true, true, 9, false}, {true, false, 2, false},
		{true, false, 3, true}, {false, false, 9, false},
	} {
		if got := turned(c.ready, c.answer, c.streak, probe); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	if !turned(false, true, 1, &corev1.Probe{}) {
		t.Error("thresholds are 1 if nothing is said")
	}
}

func TestGraceOnlyBecomesShorter(t *testing.T) {
	g := newGrace()
	if g.set() {
		t.Error("set before anybody did")
	}
	g.within(time.Hour)
	<-g.begun
	g.within(2 * time.Hour)
	if until := time.Until(g.end); until > time.Hour {
		t.Errorf("it became longer: %s", until)
	}
	g.within(0)
	<-g.expired
	g.within(time.Hour)
	if !g.set() {
		t.Error("it does not end any more")
	}
}

func TestEachPodHasAnAddressOfItsOwn(t *testing.T) {
	var a addresses
	seen := map[string]bool{}
	for range 70_000 { // beyond the last two numbers of an address
		seen[a.next()] = true
	}
	if len(seen) != 70_000 || !seen["127.64.0.1"] || !seen["127.65.0.1"] {
		t.Errorf("%d addresses for 70,000 pods", len(seen))
	}
}

func TestRestartPolicies(t *testing.T) {
	for _, c := range []struct {
		policy  corev1.RestartPolicy
		last    outcome
		initial bool
		want    bool
	}{
		{corev1.RestartPolicyAlways, succeeded, false, true}, {corev1.RestartPolicyAlways, failed, false, true},
		{corev1.RestartPolicyAlways, succeeded, true, false}, {corev1.RestartPolicyAlways, failed, true, true},
		{corev1.RestartPolicyOnFailure, succeeded, false, false}, {corev1.RestartPolicyOnFailure, failed, false, true},
		{corev1.RestartPolicyNever, failed, false, false}, {corev1.RestartPolicyNever, failed, true, false},
		{corev1.RestartPolicyNever, notStarted, false, true},
	} {
		p := &pod{object: &corev1.Pod{Spec: corev1.PodSpec{RestartPolicy: c.policy}}}
		if got := p.restarts(c.last, c.initial); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
