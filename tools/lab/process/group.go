package process

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// stopGrace is how long a program of a group may take to end. Nothing that it has is kept.
const stopGrace = 5 * time.Second

// Group is a set of programs that are useful only together.
type Group struct {
	mu       sync.Mutex
	running  []*Process // oldest first
	stopping bool
	failed   chan struct{}
	err      error
}

// NewGroup is a group without programs.
func NewGroup() *Group { return &Group{failed: make(chan struct{})} }

// Start starts a program as part of the group.
func (g *Group) Start(c Command) error {
	p, err := Start(c)
	if err != nil {
		return err
	}
	g.mu.Lock()
	g.running = append(g.running, p)
	g.mu.Unlock()
	go func() {
		<-p.Done()
		g.ended(p)
	}()
	return nil
}

func (g *Group) ended(p *Process) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopping || g.err != nil {
		return
	}
	g.err = p.Err()
	close(g.failed)
}

// Failed is closed when one of the programs exits unexpectedly.
func (g *Group) Failed() <-chan struct{} { return g.failed }

// Err says which program exited unexpectedly, and how; nil when none did.
func (g *Group) Err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// Stop stops all programs, the newest first. It may be called again.
func (g *Group) Stop() error {
	g.mu.Lock()
	g.stopping = true
	running := slices.Clone(g.running)
	g.mu.Unlock()
	var errs []error
	for _, p := range slices.Backward(running) {
		errs = append(errs, p.Stop(stopGrace))
	}
	return errors.Join(errs...)
}
