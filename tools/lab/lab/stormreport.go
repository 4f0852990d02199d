package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"dip/internal/cli/screen"
	"dip/tools/lab/kubelet"
)

// report tells what became of each interrupted node.
func (s *weather) report() ([]string, error) {
	if len(s.hits) == 0 {
		return nil, errors.New("the load was over before a node was interrupted")
	}
	events := s.lab.Cluster.Containers.since(stormSegment, s.began)
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
		rows = append(rows, []string{h.node, h.zone, strconv.Itoa(len(ended)), screen.Duration(took), strconv.Itoa(back)})
	}
	most := mostStopping(evicted)
	if most > s.allowed {
		return nil, fmt.Errorf("%d workers were evicted at once, and their disruption budget allows %d", most, s.allowed)
	}
	return append(table([]screen.Column{{Title: "INTERRUPTED NODE"}, {Title: "ZONE"}, right("WORKERS"), right("GONE IN"), right("HANDED BACK")}, rows),
		fmt.Sprintf("%d workers evicted, %d at once at most: the budget allows %d; a notice is %s", len(evicted), most, s.allowed, screen.Duration(stormNotice))), nil
}

// compare is a table of runs. That of one in a weather tells its delay against the one before it.
func compare(runs []run) []string {
	var rows [][]string
	for i, r := range runs {
		delay := ""
		if r.weather != nil {
			delay = fmt.Sprintf("%+.0f %%", 100*(r.took.Seconds()/runs[i-1].took.Seconds()-1))
		}
		rows = append(rows, []string{r.name, strconv.Itoa(r.chunks), screen.Duration(r.took), delay, strconv.Itoa(r.progress.Retried)})
	}
	return table([]screen.Column{{Title: "LOAD"}, right("CHUNKS"), right("CERTIFIED IN"), right("DELAY"), right("SENT AGAIN")}, rows)
}

func right(title string) screen.Column { return screen.Column{Title: title, Right: true} }

func table(columns []screen.Column, rows [][]string) []string {
	return strings.Split(strings.TrimRight(screen.Table(reportWidth, columns, rows), "\n"), "\n")
}

// reportWidth is how wide tables are at most: a line of the report is indented by two.
const reportWidth = 78

// drained lists the ends of the workers on a node since its notice. One that did not end by itself, or not in time, is an
// error.
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

// mostStopping is how many containers were at once between being asked to end and their end.
func mostStopping(ended []kubelet.Event) (most int) {
	for _, at := range ended {
		asked, now := at.Time.Add(-at.Stopping), 0
		for _, e := range ended {
			if !e.Time.Add(-e.Stopping).After(asked) && e.Time.After(asked) {
				now++
			}
		}
		most = max(most, now)
	}
	return most
}
