package balancer

import (
	"maps"
	"slices"
)

// state is what a load balancer thinks of a target.
type state int

const (
	initial   state = iota // just registered
	healthy                // it gets connections
	unhealthy              // it gets none, as long as another one is healthy
)

// condition is a target's state, and the answers that lead to the next one.
type condition struct {
	state  state
	ok     bool // the last answer
	streak int  // how often it was the last one
}

// heard takes an answer to a health check. One good answer is enough for a target that was just registered ("Health
// checks for Network Load Balancer target groups").
func (c condition) heard(ok bool, h health) condition {
	if ok != c.ok {
		c.streak = 0
	}
	c.ok = ok
	c.streak++
	switch {
	case ok && (c.state == initial || c.streak >= h.healthyAt):
		c.state = healthy
	case !ok && c.streak >= h.illAt:
		c.state = unhealthy
	}
	return c
}

// open are the targets that get connections: those that are healthy, or all if none is, because then the load balancer
// fails open.
func open(targets map[string]condition) []string {
	var well []string
	for id, c := range targets {
		if c.state == healthy {
			well = append(well, id)
		}
	}
	if len(well) == 0 {
		well = slices.Collect(maps.Keys(targets))
	}
	slices.Sort(well)
	return well
}
