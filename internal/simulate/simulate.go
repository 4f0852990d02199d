// Package simulate replays a workload through a model of the pipeline: a discrete-event simulation of the workflow, the
// queues, the functions with their limits, and the workers with their nodes. It says how long each load would take with
// some settings, and what a month of that costs; and it searches for cheaper settings that keep every deadline.
//
// Everything here is pure: no clock, no AWS, no source of randomness but the seed. docs/plan.md says what is modelled
// and what is not.
package simulate

import (
	"errors"
	"fmt"
	"time"

	"dip/config"
	"dip/contract"
	"dip/internal/chunk"
	"dip/internal/plan"
	"dip/internal/reconcile"
)

// load is a load on its way through the pipeline.
type load struct {
	Arrival
	index    int
	lane     contract.Lane
	restage  bool          // its pieces are not all there yet
	chunks   []chunk.Range // or pieces
	done     int
	planned  time.Duration
	lastAck  time.Duration
	steps    int // transitions of the workflow
	finished time.Duration
}

func (l *load) size(i int) int64 { return l.chunks[i].End - l.chunks[i].Start }

// run is a simulation in progress.
type run struct {
	clock
	stack     *config.Stack
	model     Model
	paces     map[string]Pace
	loads     []*load
	open      int // loads that are not published
	functions []*function
	quota     int // for the functions of all segments
	running   int // invocations
	waiting   []*function
	heavy     *heavy
	host      *host // nil: every environment has its own share of a vCPU
}

// Run simulates a workload with a stack's settings. A segment without a pace has the assumed one. The error names a
// segment that the stack does not have, or says that the work would never end.
func Run(s *config.Stack, w Workload, paces map[string]Pace, m Model) (*Result, error) {
	part := w.busiest(m.MostChunks, func(a Arrival) int { return max(1, int(a.Bytes/pieceBytes)) })
	r := &run{
		stack: s, model: m, paces: map[string]Pace{}, open: len(part.Loads), quota: m.Room(s),
	}
	if m.Cores > 0 {
		r.host = &host{cores: float64(m.Cores)}
	}
	for _, name := range s.FileNames() {
		p, ok := paces[name]
		if !ok {
			p = AssumedPace()
		}
		g := s.Segments[name]
		r.paces[name] = p
		vcpu := config.VCPU(g.MemoryMB)
		if r.host != nil {
			vcpu = 1
		}
		r.functions = append(r.functions, &function{
			name: name, limit: g.Concurrency, batch: max(1, g.BatchSize), vcpu: vcpu, rested: -day, began: -day,
		})
	}
	heavy, err := newHeavy(r)
	if err != nil {
		return nil, err
	}
	r.heavy = heavy
	for i, a := range part.Loads {
		if _, ok := r.paces[a.Segment]; !ok {
			return nil, fmt.Errorf("simulate: the stack has no segment %q", a.Segment)
		}
		l := &load{Arrival: a, index: i}
		r.loads = append(r.loads, l)
		r.after(a.At+m.Intake, func() { r.plan(l) })
	}
	for r.step() {
		if r.open > 0 && r.now > horizon {
			return nil, errors.New("simulate: the work does not end within 400 days")
		}
	}
	if r.open > 0 {
		return nil, fmt.Errorf("simulate: %d loads never end: nothing takes their work", r.open)
	}
	return r.result(w, part)
}

// pieceBytes is the size of the chunks that MostChunks counts, whatever the settings are: results with different
// settings are of the same loads.
const pieceBytes = 64 << 20

// function is a segment's.
func (r *run) function(name string) *function {
	for _, f := range r.functions {
		if f.name == name {
			return f
		}
	}
	return nil // Run has checked every load's segment
}

// cut divides a load into chunks, or into pieces that a restage job makes first, and routes it, as the splitter does.
func cut(s *config.Stack, a Arrival) ([]chunk.Range, plan.Route) {
	definition := s.Catalog(a.Segment)
	if s.Cluster.Enabled {
		definition.Workers = "workers"
	}
	chunks := chunk.Plan(0, a.Bytes, int64(s.Loads.ChunkMB)<<20)
	largest := int64(0)
	for _, c := range chunks {
		largest = max(largest, c.End-c.Start)
	}
	route := plan.Choose(definition, s.Cluster.Enabled, !a.Whole, a.Bytes, largest)
	if a.Whole && !route.Restage && a.Bytes > 0 {
		chunks = []chunk.Range{{Start: 0, End: a.Bytes}}
	}
	return chunks, route
}

// plan is the splitter's step.
func (r *run) plan(l *load) {
	chunks, route := cut(r.stack, l.Arrival)
	l.chunks, l.lane, l.restage = chunks, route.Lane, route.Restage
	n := time.Duration(len(l.chunks))
	r.after(r.model.Step+n*r.model.Write, func() {
		l.planned, l.lastAck = r.now, r.now
		l.steps += 2 // Plan, Planned?
		if len(l.chunks) == 0 {
			r.certify(l)
			return
		}
		r.after(r.model.Step+n*r.model.Read, func() { r.dispatch(l) })
	})
}

// dispatch makes a load's work visible, and plans the first look at it.
func (r *run) dispatch(l *load) {
	l.steps++
	if l.restage {
		r.heavy.restage.queue.push(task{l, 0, r.now})
		r.heavy.feed(r.heavy.restage)
	} else {
		for i := range l.chunks {
			r.send(l, i)
		}
		r.serve(l)
	}
	r.after(time.Second, func() { r.look(l) }) // the reconciler's shortest wait
}

func (r *run) send(l *load, i int) {
	t := task{l, i, r.now}
	if l.lane == contract.Workers {
		r.heavy.workers[l.Segment].queue.push(t)
		return
	}
	r.enqueue(r.function(l.Segment), t)
}

// serve starts work on what was sent.
func (r *run) serve(l *load) {
	if l.lane == contract.Workers {
		r.heavy.feed(r.heavy.workers[l.Segment])
		return
	}
	r.pump(r.function(l.Segment))
}

// acknowledge counts a chunk that is done.
func (r *run) acknowledge(t task) {
	t.load.done++
	t.load.lastAck = r.now
}

// staged passes a piece of a restaged input on, and continues with the next one.
func (r *run) staged(t task) {
	l := t.load
	r.send(l, t.index)
	r.serve(l)
	if t.index+1 < len(l.chunks) {
		r.heavy.restage.queue.pushFront(task{l, t.index + 1, r.now})
		return
	}
	l.restage = false
}

// look is the reconciler's: when all is acknowledged, the load is certified, otherwise it waits as long as the
// reconciler does.
func (r *run) look(l *load) {
	r.after(r.model.Step+time.Duration(len(l.chunks))*r.model.Read, func() {
		l.steps += 3 // Await, Reconcile, Reconciled?
		done := l.done
		if l.restage {
			done = 0
		} else if done == len(l.chunks) {
			r.certify(l)
			return
		}
		r.after(reconcile.Pause(r.now-l.planned, r.now-l.lastAck, r.now-l.At, done, len(l.chunks)-done),
			func() { r.look(l) })
	})
}

func (r *run) certify(l *load) {
	took := 2*r.model.Step + r.model.Certify + time.Duration(len(l.chunks))*r.model.Read
	r.after(took, func() {
		l.steps += 4 // Certify, Certified?, Publish, Done
		l.finished = r.now
		r.open--
	})
}
