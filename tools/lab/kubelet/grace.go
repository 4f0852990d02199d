package kubelet

import (
	"sync"
	"time"
)

// grace is the time that processes have left to end. It may become shorter, never longer.
type grace struct {
	begun   chan struct{} // closed when an end is set
	expired chan struct{} // closed at the end

	mu    sync.Mutex
	end   time.Time
	timer *time.Timer
}

func newGrace() *grace { return &grace{begun: make(chan struct{}), expired: make(chan struct{})} }

// within sets the end, unless it is earlier already.
func (g *grace) within(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	end := time.Now().Add(d)
	switch {
	case g.timer == nil:
		close(g.begun)
		g.timer = time.AfterFunc(d, func() { close(g.expired) })
	case !end.Before(g.end) || !g.timer.Stop():
		return
	default:
		g.timer.Reset(d)
	}
	g.end = end
}

// set reports whether an end is set, even a future one.
func (g *grace) set() bool {
	select {
	case <-g.begun:
		return true
	default:
		return false
	}
}

// latch is something that happens once.
type latch struct {
	sync.Once
	c chan struct{} // closed when it has happened
}

func newLatch() *latch { return &latch{c: make(chan struct{})} }

func (l *latch) close() { l.Do(func() { close(l.c) }) }

func (l *latch) closed() bool {
	select {
	case <-l.c:
		return true
	default:
		return false
	}
}
