package scenarios

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"dip/internal/terminal"
	"dip/tools/lab/kubelet"
)

// report says how each interrupted node fared.
func (s *weather) report() ([]string, error) {
	if len(s.hits) == 0 {
		return nil, errors.New("the load was over before a node was interrupted")
	}
	events := s.lab.Cluster.Containers.since(stormSegment, time.Time{})
	rows, evicted := [][]string{}, []kubelet.Event{}
	for _, h := range s.hits {
		ended, err := h.drained(events)
		if err != nil {
			return nil, err
		}
		back, err := s.lab.handedBack(ended)
		if err != nil {
			return nil, err
		}
		evicted = append(evicted, ended...)
		took := time.Duration(0)
		for _, e := range ended {
			took = max(took, e.Time.Sub(h.at))
		}
		rows = append(rows, []string{h.node, h.zone, strconv.Itoa(len(ended)), terminal.Duration(took), strconv.Itoa(back)})
	}
	least := leastAtWork(events, evicted)
	switch {
	case s.wanted == 0:
		return nil, fmt.Errorf("the disruption budget %s requires no worker: it protects nothing", stormBudget)
	case least < s.wanted:
		return nil, fmt.Errorf("%d workers were left running when one was evicted, but their disruption budget "+
			"requires %d", least, s.wanted)
	}
	return append(table([]terminal.Column{{Title: "INTERRUPTED NODE"}, {Title: "ZONE"}, right("WORKERS"), right("GONE IN"),
			right("HANDED BACK")}, rows),
			fmt.Sprintf("a notice is %s", terminal.Duration(stormNotice)),
			fmt.Sprintf("%d workers evicted, never fewer than %d running: the budget requires %d", len(evicted), least,
				s.wanted)),
		nil
}

// compare is a table of runs. A run in a weather shows its delay against the run before it.
func compare(runs []run) []string {
	var rows [][]string
	for i, r := range runs {
		delay := ""
		if r.weather != nil {
			delay = fmt.Sprintf("%+.0f %%", 100*(r.took.Seconds()/runs[i-1].took.Seconds()-1))
		}
		rows = append(rows, []string{r.name, strconv.Itoa(r.chunks), terminal.Duration(r.took), delay,
			strconv.Itoa(r.progress.Retried)})
	}
	return table([]terminal.Column{{Title: "LOAD"}, right("CHUNKS"), right("CERTIFIED IN"), right("DELAY"),
		right("SENT AGAIN")}, rows)
}

func right(title string) terminal.Column { return terminal.Column{Title: title, Right: true} }

func table(columns []terminal.Column, rows [][]string) []string {
	return strings.Split(strings.TrimRight(terminal.Table(reportWidth, columns, rows), "\n"), "\n")
}

// reportWidth is how wide tables are at most: a line of the report is indented by two.
const reportWidth = 78

// drained lists the ends of the workers on a node since its notice. One that did not end by itself, or not in time, is
// an error.
func (h hit) drained(events []kubelet.Event) (ended []kubelet.Event, err error) {
	for _, e := range events {
		switch {
		case e.Node != h.node || e.Kind == kubelet.Started || e.Time.Before(h.at):
		case e.Kind != kubelet.Terminated || e.ExitCode != 0:
			return nil, fmt.Errorf("worker %s on the interrupted node %s: %s with code %d", e.Pod, e.Node, e.Kind, e.ExitCode)
		case e.Time.After(h.ends):
			return nil, fmt.Errorf("worker %s ended %s after the notice of node %s was over", e.Pod, e.Time.Sub(h.ends), e.Node)
		default:
			ended = append(ended, e)
		}
	}
	return ended, nil
}

// handedBack counts what the logs of containers that have ended say was handed back.
func (l *Lab) handedBack(ended []kubelet.Event) (n int, err error) {
	for _, e := range ended {
		log, err := os.ReadFile(l.Cluster.Kubelet.LogFile(e.Namespace, e.Pod, e.Container))
		if err != nil {
			return 0, fmt.Errorf("read what worker %s did: %w", e.Pod, err)
		}
		n += bytes.Count(log, []byte(`"msg":"message handed back"`))
	}
	return n, nil
}

// leastAtWork is the smallest number of containers left running just after one of the evicted was asked to exit. One
// that was asked before may still run: its replacement may be running already, so the budget does not count it.
func leastAtWork(events, evicted []kubelet.Event) int {
	least := math.MaxInt
	for _, at := range evicted {
		left := 0
		for _, e := range events {
			if e.Kind == kubelet.Started {
				if !e.Time.After(asked(at)) {
					left++
				}
			} else if !asked(e).After(asked(at)) {
				left--
			}
		}
		least = min(least, left)
	}
	return least
}

// asked is when a container that has ended was asked to; when it ended if it was not.
func asked(ended kubelet.Event) time.Time { return ended.Time.Add(-ended.Stopping) }
