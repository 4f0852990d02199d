package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"dip/contract"
	"dip/internal/fault"
	"dip/internal/ledger"
)

// processors sets how many there are until the test ends.
func processors(t *testing.T, n int) {
	before := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// many is an input of several batches, with some bad records.
func many(seed uint64, rows int) []byte {
	random := rand.New(rand.NewPCG(seed, 11))
	var input []byte
	for i := range rows {
		id := fmt.Sprint(i)
		if random.IntN(500) == 0 {
			id = "bad"
		}
		input = fmt.Appendf(input, "%s,\"%s, \"\"%d\"\"\",%c\n", id, strings.Repeat("note", random.IntN(20)),
			random.IntN(1000), "abc"[random.IntN(3)])
	}
	return input
}

// The same input gives the same bytes, counts and hashes, whatever runs side by side.
func TestOutputsDoNotDependOnTheNumberOfProcessors(t *testing.T) {
	input := many(1, 60_000)
	latin := contract.Dialect{Encoding: contract.CSV, Delimiter: ",", Quote: `"`, Charset: contract.Latin1}
	for name, c := range map[string]struct {
		kind    contract.Compression
		stored  []byte
		dialect contract.Dialect
		cuts    []int64
	}{
		"plain":   {contract.Plain, input, commas, []int64{0, 1_000_000, int64(len(input))}},
		"gzip":    {contract.Gzip, gzipped(t, input), commas, []int64{0, -1}},
		"zstd":    {contract.Zstd, zstded(t, input), commas, []int64{0, -1}},
		"charset": {contract.Plain, input, latin, []int64{0, 1_000_000, int64(len(input))}},
	} {
		seg := compile(t, contract.Segment{Dialect: c.dialect, Schema: json.RawMessage(madeSchema),
			Partition: contract.Partition{Field: "kind", By: "value"}})
		var wantOut map[string]string
		var want []contract.Ack
		for _, n := range []int{1, 2, 4} {
			processors(t, n)
			w := newWorld(c.stored)
			r := newRun(t, w, seg, ledger.Plan{Compression: c.kind, Width: 3}, c.cuts)
			var acks []contract.Ack
			for i := range r.chunks {
				acks = append(acks, r.process(i))
			}
			if n == 1 {
				want, wantOut = acks, w.outputs()
				if acks[0].RowsOut < 2*batchRows || acks[0].Quarantined == 0 {
					t.Fatalf("%s: %+v", name, acks[0])
				}
				continue
			}
			if !reflect.DeepEqual(acks, want) || !maps.Equal(w.outputs(), wantOut) {
				t.Errorf("%s: %d processors give other outputs than one", name, n)
			}
		}
	}
}

// The first thing that is wrong in the input is reported, although the parser has met the second one before the encoder
// met the first.
func TestTheFirstErrorIsReported(t *testing.T) {
	good := strings.Repeat("1,x,a\n", batchRows-1)
	input := []byte(good + "1,x,b\n" + good + "1,x,c\n" + good + "1," + strings.Repeat("x", 1<<20) + ",a\n")
	for _, n := range []int{1, 2} {
		processors(t, n)
		synctest.Test(t, func(t *testing.T) {
			seg := compile(t, contract.Segment{Dialect: commas, Schema: json.RawMessage(madeSchema), MaxPartitions: 2,
				Partition: contract.Partition{Field: "kind", By: "value"}})
			w := newWorld(input)
			r := newRun(t, w, seg, ledger.Plan{Compression: contract.Plain, Width: 3}, []int64{0, int64(len(input))})
			_, err := Process(t.Context(), w, w, seg, r.message(0))
			if !fault.IsPermanent(err) || !strings.Contains(err.Error(), "more than 2 different values") ||
				!strings.Contains(err.Error(), "write rows before byte 98304:") {
				t.Errorf("%d processors: %v", n, err)
			}
			if w.Streams() != 0 || len(w.outputs()) != 0 {
				t.Errorf("%d processors: %d streams, %d outputs", n, w.Streams(), len(w.outputs()))
			}
		})
	}
}

// A chunk that is given up ends everything that runs for it, wherever it is, and stores nothing. A bubble of synctest
// waits for its goroutines: one that is left makes the test fail.
func TestCancellationEndsAllStages(t *testing.T) {
	input := many(2, 60_000)
	for kind, stored := range map[contract.Compression][]byte{contract.Plain: input, contract.Gzip: gzipped(t, input)} {
		for _, n := range []int{1, 2} {
			for _, after := range []int64{0, 10, int64(len(stored)) / 2, int64(len(stored)) - 1} {
				processors(t, n)
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					w := newWorld(stored)
					w.Wrap = func(r io.Reader) io.Reader { return &cancelling{Reader: io.LimitReader(r, after), cancel: cancel} }
					seg := compile(t, contract.Segment{Dialect: commas, Schema: json.RawMessage(madeSchema)})
					r := newRun(t, w, seg, ledger.Plan{Compression: kind, Width: 3}, []int64{0, -1})
					_, err := Process(ctx, w, w, seg, r.message(0))
					if !errors.Is(err, context.Canceled) || w.Streams() != 0 || len(w.outputs()) != 0 {
						t.Errorf("%s, %d processors, after %d bytes: %v, %d streams, %d outputs", kind, n, after, err, w.Streams(),
							len(w.outputs()))
					}
				})
			}
		}
	}
}

// cancelling cancels a context where its reader ends, and fails.
type cancelling struct {
	io.Reader
	cancel func()
}

func (c *cancelling) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err != nil {
		c.cancel()
		err = context.Canceled
	}
	return n, err
}
