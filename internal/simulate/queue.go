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
	// oldest is how long a task has waited at most when it was taken.
	oldest time.Duration
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
	q.oldest = max(q.oldest, now-t.queued)
	return t
}
