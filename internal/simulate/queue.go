package simulate

import "time"

// task is a piece of a load in a queue.
type task struct {
	load   *load
	index  int
	queued time.Duration
}

// queue hands tasks out in their order, but first those that were handed back.
type queue struct {
	tasks []task
	head  int
	waits []Wait    // of the tasks that were taken
	times []float64 // that tasks took, seconds
}

// Wait is how long tasks had waited in a queue, at most, that were taken in a minute.
type Wait struct {
	At   time.Duration // when the minute begins
	Most time.Duration
}

func (q *queue) len() int { return len(q.tasks) - q.head }

func (q *queue) push(t task) { q.tasks = append(q.tasks, t) }

func (q *queue) pushFront(t task) {
	if q.head > 0 {
		q.head--
		q.tasks[q.head] = t
		return
	}
	q.tasks = append([]task{t}, q.tasks...)
}

// pop takes the first task of a queue that has one.
func (q *queue) pop(now time.Duration) task {
	t := q.tasks[q.head]
	q.tasks[q.head] = task{}
	if q.head++; q.head == len(q.tasks) {
		q.tasks, q.head = q.tasks[:0], 0
	}
	minute := now.Truncate(time.Minute)
	if n := len(q.waits); n == 0 || q.waits[n-1].At != minute {
		q.waits = append(q.waits, Wait{At: minute})
	}
	last := &q.waits[len(q.waits)-1]
	last.Most = max(last.Most, now-t.queued)
	return t
}
