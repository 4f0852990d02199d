package simulate

import (
	"cmp"
	"slices"
	"time"
)

// function is a segment's Lambda function behind its queue.
type function struct {
	name  string
	queue queue
	limit int // concurrent batches of its mapping
	batch int // chunks of an invocation
	vcpu  float64

	running int
	warm    []time.Duration // since when each idle environment is idle, ascending
	ramping time.Duration   // since when its mapping adds batches
	rested  time.Duration   // since when nothing runs
	began   time.Duration   // of the ten seconds in which started counts new environments
	started int
	wakeAt  time.Duration // when the next look at the queue is planned, if it is later than now
	busy    time.Duration // sum over the invocations, cold starts included
	woke    time.Duration // since when any invocation runs
	active  time.Duration // in which any ran
	calls   int
	cold    int
	most    int // largest number of concurrent invocations
}

// restReset is how long a mapping stays scaled up without work. AWS documents no number.
const restReset = time.Minute

// enqueue makes a chunk visible to its function.
func (r *run) enqueue(f *function, t task) {
	if f.running == 0 && f.queue.len() == 0 && r.now-f.rested > restReset {
		f.ramping = r.now
	}
	f.queue.push(t)
}

// pump starts what the queue has and the limits allow.
func (r *run) pump(f *function) {
	for f.queue.len() > 0 && f.running < f.limit && r.running < r.quota {
		if at := r.allowed(f); at > r.now {
			r.wake(f, at)
			return
		}
		if !f.isWarm(r.now, r.model.KeepWarm) {
			if r.now-f.began >= 10*time.Second {
				f.began, f.started = r.now, 0
			}
			if f.started >= r.model.Environments {
				r.wake(f, f.began+10*time.Second)
				return
			}
		}
		r.invoke(f)
	}
}

// allowed is when the mapping may have another batch in work.
func (r *run) allowed(f *function) time.Duration {
	more := f.running + 1 - r.model.MappingStart
	if more <= 0 {
		return f.ramping
	}
	return f.ramping + time.Minute*time.Duration(more)/time.Duration(r.model.MappingPerMinute)
}

// wake plans the next look at a queue that a limit keeps from being taken.
func (r *run) wake(f *function, at time.Duration) {
	if f.wakeAt > r.now && f.wakeAt <= at {
		return
	}
	f.wakeAt = at
	r.after(at-r.now, func() { r.pump(f) })
}

// isWarm says whether an environment is idle, and forgets those that are gone.
func (f *function) isWarm(now, keep time.Duration) bool {
	if n := len(f.warm); n > 0 && now-f.warm[n-1] > keep {
		f.warm = f.warm[:0]
	}
	return len(f.warm) > 0
}

// invoke runs a batch: its chunks one after the other.
func (r *run) invoke(f *function) {
	start := time.Duration(0)
	if n := len(f.warm); n > 0 {
		f.warm = f.warm[:n-1]
	} else {
		start = r.model.ColdStart
		f.started++
		f.cold++
	}
	tasks := make([]task, min(f.batch, f.queue.len()))
	for i := range tasks {
		tasks[i] = f.queue.pop(r.now)
	}
	if f.running == 0 {
		f.woke = r.now
	}
	f.calls++
	f.running++
	r.running++
	f.most = max(f.most, f.running)
	began := r.now
	r.spend(start, func() { r.work(f, tasks, began) })
}

// work processes what is left of a batch, and ends the invocation.
func (r *run) work(f *function, tasks []task, began time.Duration) {
	if len(tasks) == 0 {
		r.end(f, began)
		return
	}
	t, since := tasks[0], r.now
	took := r.paces[f.name].draw(r.model.Seed, t.load.index, t.index, t.load.size(t.index), f.vcpu)
	r.spend(took, func() {
		f.queue.times = append(f.queue.times, (r.now - since).Seconds())
		r.acknowledge(t)
		r.work(f, tasks[1:], began)
	})
}

// end frees the environment of an invocation.
func (r *run) end(f *function, began time.Duration) {
	f.busy += r.now - began
	f.running--
	r.running--
	f.warm = append(f.warm, r.now)
	if f.running == 0 {
		f.rested, f.active = r.now, f.active+r.now-f.woke
	}
	r.pumpAll()
}

// pumpAll serves the queue first whose first task has waited longest: they share the account's quota.
func (r *run) pumpAll() {
	waiting := r.waiting[:0]
	for _, f := range r.functions {
		if f.queue.len() > 0 {
			waiting = append(waiting, f)
		}
	}
	slices.SortStableFunc(waiting, func(a, b *function) int {
		return cmp.Compare(a.queue.tasks[a.queue.head].queued, b.queue.tasks[b.queue.head].queued)
	})
	for _, f := range waiting {
		r.pump(f)
	}
	r.waiting = waiting
}
