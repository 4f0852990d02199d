package simulate

import (
	"container/heap"
	"time"
)

// clock runs what is planned in the order of time, and of planning where times are equal.
type clock struct {
	now    time.Duration
	events events
	n      uint64
}

type event struct {
	at  time.Duration
	n   uint64
	run func()
}

// after plans something for later.
func (c *clock) after(d time.Duration, run func()) {
	c.n++
	heap.Push(&c.events, event{c.now + max(d, 0), c.n, run})
}

// step runs what comes next; false when nothing does.
func (c *clock) step() bool {
	if len(c.events) == 0 {
		return false
	}
	e := heap.Pop(&c.events).(event)
	c.now = e.at
	e.run()
	return true
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].n < e[j].n
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }

// Push implements heap.Interface.
func (e *events) Push(x any) { *e = append(*e, x.(event)) }

// Pop implements heap.Interface.
func (e *events) Pop() any {
	old := *e
	last := old[len(old)-1]
	old[len(old)-1] = event{}
	*e = old[:len(old)-1]
	return last
}
