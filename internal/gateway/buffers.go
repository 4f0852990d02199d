package gateway

import (
	"math/bits"
	"sync"
)

// Buffers have the sizes 4 KiB, 8 KiB and so on, up to more than a body has.
const (
	smallest = 12 // of the sizes, as a power of two
	largest  = 25
)

// idle are the buffers that no request uses, by size. The collector frees those that stay idle.
var idle [largest - smallest + 1]sync.Pool // of *[]byte

// class is the index of the smallest size that holds n bytes, and that size.
func class(n int) (index, size int) {
	index = max(0, bits.Len(uint(max(n, 1)-1))-smallest)
	return index, 1 << (index + smallest)
}

// buffer gives an empty buffer for at least n bytes, which counts with its whole size until it is dropped or the lease
// is freed. false: the budget does not have it.
func (l *lease) buffer(n int) ([]byte, bool) {
	index, size := class(n)
	if !l.grow(int64(size)) {
		return nil, false
	}
	var data []byte
	if index >= len(idle) {
		data = make([]byte, 0, size)
	} else if b, ok := idle[index].Get().(*[]byte); ok {
		data = (*b)[:0]
	} else {
		data = make([]byte, 0, size)
	}
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

func retire(data []byte) {
	if index, size := class(cap(data)); index < len(idle) && size == cap(data) {
		idle[index].Put(&data)
	}
}
