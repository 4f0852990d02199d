package gateway

import (
	"math/bits"
	"sync"
)

// Buffers have the sizes 4, 5, 6, 7, 8, 10, 12, 14, 16 KiB and so on, up to more than a body or a call has: at most a
// fourth of one is not used.
const (
	smallest = 4 << 10
	shift    = 9  // of the smallest, which is 8 << 9 bytes
	sizes    = 53 // up to 32 MiB
)

// idle are the buffers that nothing uses, by size. The collector frees those that stay idle.
var idle [sizes]sync.Pool // of *[]byte

// class is the index of the smallest size that holds n bytes, and that size.
func class(n int) (index, size int) {
	n = max(n, smallest) - 1
	by := bits.Len(uint(n)) - 3
	parts := n>>by + 1 // 5 to 8
	return 4*(by-shift) + parts - 8, parts << by
}

// borrow gives an empty buffer for at least n bytes, until it is retired.
func borrow(n int) []byte {
	index, size := class(n)
	if index < len(idle) {
		if b, ok := idle[index].Get().(*[]byte); ok {
			return (*b)[:0]
		}
	}
	return make([]byte, 0, size)
}

// retire gives a buffer back. Nothing may use it afterwards.
func retire(data []byte) {
	if index, size := class(cap(data)); index < len(idle) && size == cap(data) {
		idle[index].Put(&data)
	}
}

// buffer gives an empty buffer for at least n bytes, which counts with its whole size until it is dropped or the lease
// is freed. false: the budget does not have it.
func (l *lease) buffer(n int) ([]byte, bool) {
	if _, size := class(n); !l.grow(int64(size)) {
		return nil, false
	}
	data := borrow(n)
	l.buffers = append(l.buffers, data)
	return data, true
}

// drop gives a buffer back before the lease is freed. Nothing may use it afterwards.
func (l *lease) drop(data []byte) {
	for i, b := range l.buffers {
		if cap(b) == cap(data) && &b[:1][0] == &data[:1][0] {
			l.buffers = append(l.buffers[:i], l.buffers[i+1:]...)
			l.shrink(int64(cap(b)))
			retire(b)
			return
		}
	}
}
