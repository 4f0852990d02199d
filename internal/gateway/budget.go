package gateway

import "sync"

// Budget bounds the memory that all requests take together, bytes.
type Budget struct {
	most int64

	mu   sync.Mutex
	held int64
}

// NewBudget makes a budget of a number of bytes.
func NewBudget(most int64) *Budget { return &Budget{most: most} }

// Held is what is taken, bytes.
func (b *Budget) Held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}

func (b *Budget) take(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held+n > b.most {
		return false
	}
	b.held += n
	return true
}

// lease is what one request holds of a budget.
type lease struct {
	from    *Budget
	held    int64
	buffers [][]byte // see buffer
}

// grow takes n bytes more; false: the budget does not have them.
func (l *lease) grow(n int64) bool {
	if !l.from.take(n) {
		return false
	}
	l.held += n
	return true
}

// shrink gives n bytes back.
func (l *lease) shrink(n int64) {
	l.from.take(-n)
	l.held -= n
}

// free gives back all of it. Nothing may use its buffers afterwards.
func (l *lease) free() {
	l.shrink(l.held)
	for _, b := range l.buffers {
		retire(b)
	}
	clear(l.buffers)
	l.buffers = l.buffers[:0]
}
