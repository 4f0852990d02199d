package scenarios

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"dip/internal/terminal"
)

// phase runs a part of the trial, and adds a row to the report.
func (t *trial) phase(name string, run func() error) error {
	t.lab.options.Screen.Notef("gateway: %s", name)
	t.senders.take()
	began := time.Now()
	if err := errors.Join(run(), t.senders.err()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	t.rows = append(t.rows, t.senders.take().row(name, time.Since(began)))
	return nil
}

func (t tally) row(name string, took time.Duration) []string {
	return []string{
		name, terminal.Duration(took), strconv.Itoa(t.total()), strconv.Itoa(t.answers[http.StatusTooManyRequests]),
		strconv.Itoa(t.answers[http.StatusServiceUnavailable]), terminal.Duration(t.longest),
	}
}

func (t *trial) report() []string {
	lines := table([]terminal.Column{{Title: "MEANWHILE"}, right("TOOK"), right("REQUESTS"), right("429"), right("503"),
		right("LONGEST")}, t.rows)
	return append(lines, fmt.Sprintf("every request was answered; the load balancer closed %d connections unanswered",
		t.balancer.Closed()))
}
