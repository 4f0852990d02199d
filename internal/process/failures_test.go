package process

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"dip/contract"
	"dip/internal/fault"
	"dip/internal/ledger"
	"dip/internal/testenv"
)

// A network failure leads to no acknowledgement, no "nothing found", no permanent failure, and leaves no stream open.
func TestNetworkFailure(t *testing.T) {
	input := []byte(strings.Repeat("1,x,a\n", 200))
	seg := compile(t, contract.Segment{Dialect: commas, Schema: json.RawMessage(madeSchema)})
	seg.block = 64
	for _, c := range []struct {
		kind  contract.Compression
		chunk int
		cuts  []int64
		input []byte
	}{
		{contract.Plain, 0, []int64{0, 600, 1200}, input},
		{contract.Plain, 1, []int64{0, 600, 1200}, input},
		{contract.Gzip, 0, []int64{0, -1}, gzipped(t, input)},
		{contract.Zstd, 0, []int64{0, -1}, zstded(t, input)},
	} {
		for _, after := range []int64{0, 1, 10, 20} {
			w := newWorld(c.input)
			w.Wrap = broken(after)
			r := newRun(t, w, seg, ledger.Plan{Compression: c.kind, Width: 3}, c.cuts)
			_, err := Process(t.Context(), w, w, seg, r.message(c.chunk))
			if !errors.Is(err, errReset) || fault.IsPermanent(err) || w.Streams() != 0 || len(w.outputs()) != 0 {
				t.Errorf("%s, chunk %d, after %d bytes: %v (permanent: %t), %d streams open", c.kind, c.chunk, after, err,
					fault.IsPermanent(err), w.Streams())
			}
		}
	}
	w := newWorld(input)
	w.broken["Stream"] = errReset
	r := newRun(t, w, seg, ledger.Plan{Compression: contract.Plain, Width: 3}, []int64{0, 600, 1200})
	if _, err := Process(t.Context(), w, w, seg, r.message(1)); !errors.Is(err, errReset) || fault.IsPermanent(err) ||
		!strings.Contains(err.Error(), "find the first record") || w.Streams() != 0 {
		t.Errorf("while the first record was looked for: %v", err)
	}
}

// A compressed input may hold any amount of content: reading stops at the limit, before the first record or after it.
func TestTooMuchContentIsPermanent(t *testing.T) {
	input := []byte(strings.Repeat("1,x,a\n", 200))
	seg := compile(t, contract.Segment{Dialect: commas, Schema: json.RawMessage(madeSchema)})
	for kind, stored := range map[contract.Compression][]byte{contract.Gzip: gzipped(t, input),
		contract.Zstd: zstded(t, input)} {
		for _, body := range []int64{0, 1194} {
			for most, fails := range map[int64]bool{1: true, 1199: true, 1200: false} {
				seg.Loads.MaxContentBytes = most
				w := newWorld(stored)
				r := newRun(t, w, seg, ledger.Plan{Compression: kind, Body: body, Width: 3}, []int64{body, -1})
				_, err := Process(t.Context(), w, w, seg, r.message(0))
				if fails != fault.IsPermanent(err) || fails != (err != nil) || fails && len(w.outputs()) != 0 || w.Streams() != 0 {
					t.Errorf("%s from %d on, at most %d: %v, %d outputs, %d streams open", kind, body, most, err, len(w.outputs()),
						w.Streams())
				}
			}
		}
	}
}

// A connection that closes early fails with an error that wraps io.EOF. Taking it for the end would lose the
// rest, and where only the chunk knows the length, a certificate would say that nothing is missing.
func TestEarlyCloseIsNotTheEnd(t *testing.T) {
	early := fmt.Errorf("get s3://landing/things/a: %w", io.EOF)
	input := []byte(strings.Repeat("1,x,a\n", 200))
	seg := compile(t, contract.Segment{Dialect: commas, Schema: json.RawMessage(madeSchema)})
	members := append(gzipped(t, input), gzipped(t, input)...)
	for kind, stored := range map[contract.Compression][]byte{contract.Plain: input, contract.Gzip: members} {
		w := newWorld(stored)
		w.Wrap = func(r io.Reader) io.Reader {
			return io.MultiReader(io.LimitReader(r, int64(len(stored)/2)), iotest.ErrReader(early))
		}
		end := int64(len(input))
		if kind != contract.Plain {
			end = -1
		}
		r := newRun(t, w, seg, ledger.Plan{Compression: kind, Width: 3}, []int64{0, end})
		if ack, err := Process(t.Context(), w, w, seg, r.message(0)); err == nil || fault.IsPermanent(err) {
			t.Errorf("%s: acknowledged %+v, %v", kind, ack, err)
		}
	}
}

func TestDamagedCompressedInputIsPermanent(t *testing.T) {
	seg := compile(t, contract.Segment{Dialect: commas, Schema: json.RawMessage(madeSchema)})
	stored := gzipped(t, []byte(strings.Repeat("1,x,a\n", 200)))
	stored = stored[:len(stored)-3]
	w := newWorld(stored)
	r := newRun(t, w, seg, ledger.Plan{Compression: contract.Gzip, Width: 3}, []int64{0, -1})
	if _, err := Process(t.Context(), w, w, seg, r.message(0)); !fault.IsPermanent(err) ||
		!strings.Contains(err.Error(), "truncated") || w.Streams() != 0 {
		t.Errorf("%v, %d streams open", err, w.Streams())
	}
}

// A worker is long-lived: the temporary files of outputs are closed, whether they were stored or not.
func TestNoFileStaysOpen(t *testing.T) {
	if _, err := os.ReadDir("/proc/self/fd"); err != nil {
		testenv.Missing(t, err)
	}
	var lines strings.Builder // whose output does not fit into a spool's buffer
	for i := range 20_000 {
		fmt.Fprintf(&lines, "%d,%x,a\nbad\n", i, sha256.Sum256([]byte{byte(i), byte(i >> 8)}))
	}
	input := []byte(lines.String())
	seg := compile(t, contract.Segment{Dialect: commas, Schema: json.RawMessage(madeSchema)})
	spools := func() (n int) {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			// A file that was closed since the listing has no target any more.
			if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.Contains(target, "dip-output-") {
				n++
			}
		}
		return n
	}
	before := spools()
	for _, after := range []int64{int64(len(input)), int64(len(input)) - 14} {
		w := newWorld(input)
		if after < int64(len(input)) {
			w.Wrap = broken(after)
		}
		r := newRun(t, w, seg, ledger.Plan{Compression: contract.Plain, Width: 3}, []int64{0, int64(len(input))})
		if _, err := Process(t.Context(), w, w, seg, r.message(0)); (err != nil) != (w.Wrap != nil) {
			t.Fatal(err)
		}
		if got := spools(); got != before {
			t.Errorf("%d files stay open, %d did before", got, before)
		}
	}
}
