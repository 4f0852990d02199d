package terminal

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// Steps shows running steps: on a terminal one live line per step, elsewhere a line when a step ends and, every
// plainEvery, one while it runs.
type Steps struct {
	screen *Screen

	mu      sync.Mutex
	running []*step
	stop    chan struct{}
}

type step struct {
	name, detail string
	began, told  time.Time
}

const (
	liveEvery  = 200 * time.Millisecond // redraw on a terminal
	plainEvery = 20 * time.Second       // sign of life elsewhere
)

// NewSteps shows steps on a screen.
func NewSteps(s *Screen) *Steps { return &Steps{screen: s} }

// Run runs one step. work reports progress with say and returns the text of the result.
func (s *Steps) Run(name string, work func(say func(format string, args ...any)) (string, error)) error {
	now := time.Now()
	st := &step{name: name, began: now, told: now}
	s.add(st)
	result, err := work(func(format string, args ...any) {
		s.mu.Lock()
		defer s.mu.Unlock()
		st.detail = fmt.Sprintf(format, args...)
	})
	took := Duration(time.Since(st.began))
	s.remove(st)
	if err != nil {
		// The error itself is for the caller to show.
		s.screen.Notef("%s", line(name, "failed", took))
		return err
	}
	s.screen.Notef("%s", line(name, result, took))
	return nil
}

func line(name, text, took string) string { return fmt.Sprintf("  %-10s %-52s %8s", name, text, took) }

func (s *Steps) add(st *step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = append(s.running, st)
	if len(s.running) == 1 {
		s.stop = make(chan struct{})
		go s.animate(s.stop)
	}
}

func (s *Steps) remove(st *step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = slices.DeleteFunc(s.running, func(r *step) bool { return r == st })
	if len(s.running) == 0 {
		close(s.stop)
		s.screen.Live()
	}
}

func (s *Steps) animate(stop chan struct{}) {
	ticker := time.NewTicker(liveEvery)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case now := <-ticker.C:
			s.draw(now)
		}
	}
}

func (s *Steps) draw(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.running) == 0 {
		return
	}
	var lines []string
	for _, st := range s.running {
		text := line(st.name, Fit(Printable(st.detail), 52), Duration(now.Sub(st.began)))
		lines = append(lines, text)
		if !s.screen.IsLive() && now.Sub(st.told) >= plainEvery {
			st.told = now
			s.screen.Notef("%s", text+" ...")
		}
	}
	s.screen.Live(lines...)
}
