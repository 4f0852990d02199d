package process

import (
	"context"
	"io"
	"runtime"

	"dip/internal/record"
)

// encoder takes full batches to the outputs: at once, or in a goroutine of its own, while the next batch is parsed. The
// outputs are the same: they do not depend on where batches end, and batches keep their order.
type encoder struct {
	write func(b *record.Batch, before int64) error // before: the offset that the batch's rows come before
	full  chan fullBatch                            // nil: at once
	free  chan *record.Batch
	over  chan struct{}
	err   error // of the goroutine; to be read once it is over
}

type fullBatch struct {
	*record.Batch
	before int64
}

// spareBatches are those that wait for the encoder or are with it, while the parser fills another one.
const spareBatches = 2

// overlapping says whether there is a second processor for the goroutines of a chunk. A function has one for each
// 1,769 MB.
func overlapping() bool { return runtime.GOMAXPROCS(0) > 1 }

// start has batches encoded in a goroutine, until stop. A context that ends is an error like that of a batch.
func (e *encoder) start(ctx context.Context, types []record.Type) {
	e.full, e.over = make(chan fullBatch, spareBatches-1), make(chan struct{})
	e.free = make(chan *record.Batch, spareBatches)
	for range spareBatches {
		e.free <- record.NewBatch(types)
	}
	go func() {
		defer close(e.over)
		for b := range e.full {
			if e.err == nil {
				e.err = ctx.Err()
			}
			if e.err == nil {
				e.err = e.write(b.Batch, b.before)
			}
			b.Reset()
			e.free <- b.Batch
		}
	}()
}

// put takes a batch and returns an empty one. With a goroutine, errors are those of stop.
func (e *encoder) put(b *record.Batch, before int64) (*record.Batch, error) {
	if e.full == nil {
		err := e.write(b, before)
		b.Reset()
		return b, err
	}
	e.full <- fullBatch{b, before}
	return <-e.free, nil
}

// stop waits until all batches are encoded, and returns the first error.
func (e *encoder) stop() error {
	if e.full == nil {
		return nil
	}
	close(e.full)
	<-e.over
	e.full = nil
	return e.err
}

// Blocks that are read ahead of the parser.
const (
	aheadBlocks = 4
	aheadSize   = 256 << 10
)

// ahead reads in a goroutine, so that decompression and charsets do not wait for the parser, nor it for them.
type ahead struct {
	source io.ReadCloser
	blocks chan block
	free   chan []byte
	over   chan struct{} // closed to end the goroutine
	ended  chan struct{} // closed when it has ended
	now    block         // what is left of the block in use
}

type block struct {
	data []byte
	buf  []byte // of data
	err  error  // after data
}

// readAhead reads from source. Close, which closes it, needs reads that are under way to end.
func readAhead(source io.ReadCloser) *ahead {
	a := &ahead{source: source, blocks: make(chan block, aheadBlocks), free: make(chan []byte, aheadBlocks),
		over: make(chan struct{}), ended: make(chan struct{})}
	for range aheadBlocks {
		a.free <- make([]byte, aheadSize)
	}
	go a.read()
	return a
}

func (a *ahead) read() {
	defer close(a.ended)
	for {
		select {
		case <-a.over:
			return
		case buf := <-a.free:
			n, err := a.source.Read(buf)
			a.blocks <- block{data: buf[:n], buf: buf, err: err} // there is room for all that are not free
			if err != nil {
				return
			}
		}
	}
}

// Read implements io.Reader.
func (a *ahead) Read(p []byte) (int, error) {
	for len(a.now.data) == 0 {
		if a.now.err != nil {
			return 0, a.now.err
		}
		if a.now.buf != nil {
			a.free <- a.now.buf
		}
		a.now = <-a.blocks
	}
	n := copy(p, a.now.data)
	a.now.data = a.now.data[n:]
	return n, nil
}

// Close ends the goroutine, then closes what it read from.
func (a *ahead) Close() error {
	close(a.over)
	<-a.ended
	return a.source.Close()
}
