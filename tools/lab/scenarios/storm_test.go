package scenarios

import (
	"slices"
	"strings"
	"testing"
	"time"

	"dip/internal/client"
	"dip/tools/lab/kubelet"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// end is the end of a container, seconds after noon, that was asked to end some seconds before.
func end(at, stopping int) kubelet.Event {
	return kubelet.Event{
		Kind: kubelet.Terminated, Node: "n", Pod: "p", Time: noon.Add(time.Duration(at) * time.Second),
		Stopping: time.Duration(stopping) * time.Second,
	}
}

// start is the start of a container, seconds after noon.
func start(at int) kubelet.Event {
	return kubelet.Event{Kind: kubelet.Started, Node: "n", Pod: "p", Time: noon.Add(time.Duration(at) * time.Second)}
}

func TestLeastAtWork(t *testing.T) {
	three := []kubelet.Event{start(-9), start(-9), start(-9)}
	for _, c := range []struct {
		name    string
		others  []kubelet.Event // what happened to others than the evicted
		evicted []kubelet.Event
		want    int
	}{
		{"one after another, each replaced", []kubelet.Event{start(2), start(4)},
			[]kubelet.Event{end(1, 1), end(3, 1), end(5, 1)}, 2},
		{"two at once", nil, []kubelet.Event{end(2, 2), end(3, 2)}, 1},
		{"the first one still ends when it is replaced", []kubelet.Event{start(2)}, []kubelet.Event{end(9, 8), end(9, 6)}, 2},
		{"replaced too late", []kubelet.Event{start(4)}, []kubelet.Event{end(9, 8), end(9, 6)}, 1},
		{"all at once", nil, []kubelet.Event{end(9, 9), end(5, 5), end(4, 4)}, 0},
		{"one had ended by itself", []kubelet.Event{end(1, 0)}, []kubelet.Event{end(3, 1)}, 1},
		{"one ends later", []kubelet.Event{end(6, 2)}, []kubelet.Event{end(3, 1)}, 2},
	} {
		if got := leastAtWork(slices.Concat(three, c.others, c.evicted), c.evicted); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestDrained(t *testing.T) {
	h := hit{node: "n", at: noon, ends: noon.Add(time.Minute)}
	other, before, started := end(5, 1), end(-5, 1), end(5, 1)
	other.Node, started.Kind = "m", kubelet.Started
	ended, err := h.drained([]kubelet.Event{other, before, started, end(10, 2)})
	if err != nil || len(ended) != 1 {
		t.Errorf("%v, %v", ended, err)
	}
	killed, failed := end(5, 1), end(5, 1)
	killed.Kind, failed.ExitCode = kubelet.Killed, 1
	for want, e := range map[string]kubelet.Event{"killed with code": killed, "terminated with code 1": failed,
		"after the notice": end(61, 1)} {
		if _, err := h.drained([]kubelet.Event{e}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

func TestRunning(t *testing.T) {
	one, two := kubelet.Event{Kind: kubelet.Started, Pid: 1}, kubelet.Event{Kind: kubelet.Started, Pid: 2}
	alive := running([]kubelet.Event{one, two, {Kind: kubelet.Killed, Pid: 1}})
	if len(alive) != 1 || alive[2].Pid != 2 {
		t.Errorf("alive are %v", alive)
	}
}

func TestCompare(t *testing.T) {
	got := compare([]run{
		{name: "calm", outcome: outcome{took: 40 * time.Second, chunks: 400}},
		{name: "stormy", weather: &weather{},
			outcome: outcome{took: 50 * time.Second, chunks: 400, progress: client.Progress{Retried: 3}}},
	})
	if want := []string{
		"LOAD    CHUNKS  CERTIFIED IN  DELAY  SENT AGAIN",
		"calm       400         40.0s                  0",
		"stormy     400         50.0s  +25 %           3",
	}; !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}
