package process

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"dip/contract"
	"dip/internal/chunk"
	"dip/internal/fault"
	"dip/internal/ledger"
)

// Whatever the input and wherever it is cut, the chunks together give what was written to it: each record once, in
// the output or in quarantine, in order, with every byte covered once.
func TestChunksTogetherAreTheInput(t *testing.T) {
	trials, reruns := 120, 0
	if testing.Short() {
		trials = 40
	}
	for seed := range uint64(trials) {
		random := rand.New(rand.NewPCG(seed, 2))
		long := 20
		if seed%5 == 0 {
			long = 400 // longer than many chunks and blocks
		}
		m := makeCSV(random, random.IntN(60), long)
		if seed%3 == 0 {
			m = makeNDJSON(random, random.IntN(60), long)
		}
		t.Run(fmt.Sprintf("%d %s", seed, m.dialect.Encoding), func(t *testing.T) {
			reruns += check(t, random, m)
		})
	}
	if reruns == 0 {
		t.Error("no chunk ever guessed wrong: the test does not show that the chain repairs it")
	}
}

func check(t *testing.T, random *rand.Rand, m *made) (reruns int) {
	seg := compile(t, contract.Segment{Dialect: m.dialect, Schema: json.RawMessage(madeSchema)})
	seg.block = 1 << random.IntN(12)
	w := newWorld(m.input)
	if random.IntN(4) == 0 {
		w.Wrap = iotest.OneByteReader
	}
	plan := ledger.Plan{Compression: contract.Plain, Body: m.body}
	if m.dialect.Encoding == contract.CSV {
		plan.Width = 3
	}
	r := newRun(t, w, seg, plan, cuts(random, m.body, int64(len(m.input))))
	c := r.all(random.Perm(len(r.chunks)))
	same(t, r, c, m)

	position := m.body
	for _, k := range c.Chunks {
		if k.Start == k.End {
			continue
		}
		if k.Start != position {
			t.Errorf("chunk %d starts at %d, the one before it ended at %d", k.Chunk, k.Start, position)
		}
		position = k.End
	}
	if position != int64(len(m.input)) {
		t.Errorf("covered up to %d of %d bytes", position, len(m.input))
	}

	// Again, by another worker: the same outputs under the same keys.
	for i := range r.chunks {
		if again := r.process(i); !reflect.DeepEqual(again, *r.chunks[i].Ack) {
			t.Errorf("chunk %d: first %+v\nthen %+v", i, *r.chunks[i].Ack, again)
		}
	}
	return r.reruns
}

// same compares a load's outputs with what was written to its input.
func same(t *testing.T, r *run, c contract.Certificate, m *made) {
	t.Helper()
	if got := r.rows(c)["load_date=2026-01-31"]; !slices.Equal(got, m.good) {
		t.Errorf("rows\ngot  %q\nwant %q\nof %q", got, m.good, m.input)
	}
	bad := r.quarantined(c)
	for i, b := range bad {
		if i >= len(m.bad) || b.Start != m.bad[i][0] || b.End != m.bad[i][1] ||
			!bytes.Equal(b.Bytes(), m.input[b.Start:b.End]) || b.Reason == "" {
			t.Errorf("quarantined %+v, of %v", b, m.bad)
		}
	}
	if len(bad) != len(m.bad) {
		t.Errorf("%d records quarantined, want %d", len(bad), len(m.bad))
	}
	if c.Totals.RowsOut != int64(len(m.good)) || c.Totals.Quarantined != int64(len(m.bad)) ||
		c.Totals.HashOut != m.sum.String() || c.Totals.HashBad != m.not.String() || c.Totals.Bytes != c.Length-c.Body {
		t.Errorf("totals %+v, want %d good (%s), %d bad (%s)", c.Totals, len(m.good), m.sum, len(m.bad), m.not)
	}
}

// An unsplittable input is one chunk whose end is unknown.
func TestCompressedInputs(t *testing.T) {
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 3))
		m := makeCSV(random, random.IntN(60), 100)
		if seed%2 == 0 {
			m = makeNDJSON(random, random.IntN(60), 100)
		}
		half := len(m.input) / 2
		kind := contract.Gzip
		stored := append(gzipped(t, m.input[:half]), gzipped(t, m.input[half:])...)
		if seed%3 == 0 {
			kind, stored = contract.Zstd, append(zstded(t, m.input[:half]), zstded(t, m.input[half:])...)
		}
		t.Run(fmt.Sprintf("%d %s %s", seed, m.dialect.Encoding, kind), func(t *testing.T) {
			seg := compile(t, contract.Segment{Dialect: m.dialect, Schema: json.RawMessage(madeSchema)})
			seg.block = 1 << random.IntN(12)
			plan := ledger.Plan{Compression: kind, Body: m.body}
			if m.dialect.Encoding == contract.CSV {
				plan.Width = 3
			}
			r := newRun(t, newWorld(stored), seg, plan, []int64{m.body, -1})
			c := r.all([]int{0})
			same(t, r, c, m)
			if c.Length != int64(len(m.input)) {
				t.Errorf("length %d, want %d", c.Length, len(m.input))
			}
		})
	}
}

func gzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t *testing.T, content []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(content, nil)
}

// A second opinion: the standard library's reader, on inputs that it accepts.
func TestAgreesWithTheStandardLibrary(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 4))
		var b bytes.Buffer
		out := csv.NewWriter(&b)
		for range random.IntN(80) {
			// The library makes \n of \r\n inside quotes.
			note := strings.ReplaceAll(textOf(random, 30), "\r", "")
			if err := out.Write([]string{"1", note, "a"}); err != nil {
				t.Fatal(err)
			}
		}
		out.Flush()
		in := csv.NewReader(bytes.NewReader(b.Bytes()))
		var want []string
		for {
			fields, err := in.Read()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, strings.Join(fields, "|"))
		}
		seg := compile(t, contract.Segment{Dialect: contract.Dialect{Encoding: contract.CSV, Delimiter: ",", Quote: `"`},
			Schema: json.RawMessage(madeSchema)})
		seg.block = 64
		r := newRun(t, newWorld(b.Bytes()), seg, ledger.Plan{Compression: contract.Plain, Width: 3},
			cuts(random, 0, int64(b.Len())))
		c := r.all(random.Perm(len(r.chunks)))
		if got := r.rows(c)["load_date=2026-01-31"]; !slices.Equal(got, want) {
			t.Fatalf("seed %d\ngot  %q\nwant %q", seed, got, want)
		}
	}
}

var commas = contract.Dialect{Encoding: contract.CSV, Delimiter: ",", Quote: `"`}

// trap is an input whose second record is a quoted text that looks like many records: a chunk that starts in it is
// certain to guess wrong.
func trap(lines int, line func(i int) string) (input []byte, from, to int64) {
	var b strings.Builder
	b.WriteString("1,first,a\n2,\"")
	from = int64(b.Len())
	for i := range lines {
		b.WriteString(line(i))
	}
	to = int64(b.Len())
	b.WriteString("\",b\n3,last,c\n")
	return []byte(b.String()), from, to
}

func TestWrongGuessIsRepaired(t *testing.T) {
	input, from, to := trap(100, func(i int) string { return fmt.Sprintf("%d,look-alike,a\n", i) })
	seg := compile(t, contract.Segment{Dialect: commas, Schema: json.RawMessage(madeSchema)})
	plan := ledger.Plan{Compression: contract.Plain, Width: 3}
	r := newRun(t, newWorld(input), seg, plan, []int64{0, from + 200, to - 200, int64(len(input))})
	wrong := r.process(1)
	if wrong.RowsOut == 0 {
		t.Fatal("the chunk did not fall into the trap")
	}
	c := r.all([]int{2, 1, 0})
	want := []string{"1|first|a", "2|" + string(input[from:to]) + "|b", "3|last|c"}
	if got := r.rows(c)["load_date=2026-01-31"]; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if r.reruns == 0 || c.Chunks[1].RowsIn != 0 || c.Chunks[1].Outputs != nil {
		t.Errorf("%d reruns, chunk 1 %+v", r.reruns, c.Chunks[1])
	}
	// The outputs of the wrong guess stay, and no certificate lists them.
	if _, ok := r.world.outputs()[wrong.Outputs[0].Key]; !ok {
		t.Error("an output vanished")
	}
	for _, k := range c.Chunks {
		for _, o := range k.Outputs {
			if o.Key == wrong.Outputs[0].Key {
				t.Error("the output of the wrong guess is certified")
			}
		}
	}
}

// Too many partitions are a failure only where the start of the chunk is proven.
func TestTooManyPartitions(t *testing.T) {
	line := func(i int) string { return fmt.Sprintf("%d,value %d,a\n", i, i) }
	input, from, to := trap(200, line)
	def := contract.Segment{Dialect: commas,
		Schema: json.RawMessage(`{"fields":[{"name":"id","type":"integer"},{"name":"note","type":"string"},` +
			`{"name":"kind","type":"string"}]}`)}
	def.Partition = contract.Partition{Field: "note", By: "value"}
	seg := compile(t, def)
	plan := ledger.Plan{Compression: contract.Plain, Width: 3}
	r := newRun(t, newWorld(input), seg, plan, []int64{0, from + 1, to, int64(len(input))})
	ack := r.process(1)
	if ack.Start != to || ack.End != to || ack.RowsIn != 0 || ack.Outputs != nil || len(r.world.outputs()) != 0 {
		t.Errorf("a guess that came to nothing: %+v", ack)
	}

	var proven strings.Builder
	for i := range 200 {
		proven.WriteString(line(i))
	}
	r = newRun(t, newWorld([]byte(proven.String())), seg, plan, []int64{0, int64(proven.Len())})
	_, err := Process(t.Context(), r.world, r.world, seg, r.message(0))
	if !fault.IsPermanent(err) ||
		!strings.Contains(err.Error(), "partition by note: more than 64 different values in a chunk") ||
		!strings.Contains(err.Error(), "raise segments.<name>.maxPartitions") {
		t.Errorf("200 partitions: %v", err)
	}
	for most, fails := range map[int]bool{199: true, 200: false} {
		def.MaxPartitions = most
		r = newRun(t, newWorld([]byte(proven.String())), compile(t, def), plan, []int64{0, int64(proven.Len())})
		ack, err := Process(t.Context(), r.world, r.world, r.seg, r.message(0))
		if fault.IsPermanent(err) != fails || !fails && len(ack.Outputs) != 200 {
			t.Errorf("200 partitions of at most %d: %d outputs, %v", most, len(ack.Outputs), err)
		}
	}

	input = []byte("1," + strings.Repeat("x", 600) + ",a\n")
	r = newRun(t, newWorld(input), seg, plan, []int64{0, int64(len(input))})
	if _, err := Process(t.Context(), r.world, r.world, seg, r.message(0)); !fault.IsPermanent(err) {
		t.Errorf("a partition value of 600 bytes: %v", err)
	}
}

func TestPartitions(t *testing.T) {
	seg := compile(t, contract.Segment{
		Dialect: commas, Partition: contract.Partition{Field: "at", By: "month"},
		Schema: json.RawMessage(`{"fields":[{"name":"id","type":"integer"},{"name":"at","type":"date"}]}`),
	})
	input := []byte("1,2026-01-31\n2,2026-02-01\n3,2026-01-01\n4,\n")
	r := newRun(t, newWorld(input), seg, ledger.Plan{Compression: contract.Plain, Width: 2},
		[]int64{0, 20, int64(len(input))})
	c := r.all([]int{0, 1})
	want := map[string][]string{
		"at_month=2026-01": {"1|2026-01-31", "3|2026-01-01"}, "at_month=2026-02": {"2|2026-02-01"},
		"at_month=__HIVE_DEFAULT_PARTITION__": {"4|"},
	}
	if got := r.rows(c); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
	if o := c.Chunks[0].Outputs[0]; !strings.HasPrefix(o.Key,
		"data/things/at_month=2026-01/"+r.load.ID+"-00000-0-"+o.SHA256[:12]) {
		t.Errorf("got %+v", o)
	}
}

func TestRecordLongerThanTheLimit(t *testing.T) {
	seg := compile(t, contract.Segment{Dialect: commas, Schema: json.RawMessage(madeSchema)})
	plan := ledger.Plan{Compression: contract.Plain, Width: 3}
	seg.block, seg.MaxRecord = 16, 1000
	fits := []byte("1," + strings.Repeat("x", 990) + ",a\n2,y,b\n")
	r := newRun(t, newWorld(fits), seg, plan, []int64{0, int64(len(fits))})
	if c := r.all([]int{0}); c.Totals.RowsOut != 2 {
		t.Errorf("a record of the limit's length: %+v", c.Totals)
	}

	for _, end := range []string{"\n", "\r\n", "", "\r"} {
		for _, block := range []int{16, 999, 1001, 1004, 5000} {
			for length, fits := range map[int]bool{1000: true, 1001: false, 1002: false} {
				seg.block = block
				input := []byte("2,y,b\n1," + strings.Repeat("x", length-4) + ",a" + end)
				w := newWorld(input)
				r := newRun(t, w, seg, plan, []int64{0, 9, int64(len(input))})
				if r.chunks = r.chunks[:1]; block == 999 { // the record begins in the chunk and ends beyond it
					r.load.Plan.Chunks = 1
				} else {
					r.chunks[0].End = int64(len(input))
				}
				_, err := Process(t.Context(), w, w, seg, r.message(0))
				if fits != (err == nil) || !fits && !strings.Contains(err.Error(), "the record at byte 6 is longer than") {
					t.Errorf("%d bytes before %q, in blocks of %d: %v", length, end, block, err)
				}
			}
		}
	}
	seg.block = 16

	endless := []byte("1,ok,a\n2,\"" + strings.Repeat("never closed\n", 1000))
	w := newWorld(endless)
	read := 0
	w.Wrap = func(r io.Reader) io.Reader { return counted{r, &read} }
	r = newRun(t, w, seg, plan, []int64{0, 5000, int64(len(endless))})
	_, err := Process(t.Context(), w, w, seg, r.message(0))
	if !fault.IsPermanent(err) ||
		!strings.HasSuffix(err.Error(),
			"is longer than 0 MiB (maxRecordMB of segment things): is the quote at byte 9 never closed?") {
		t.Errorf("got %v", err)
	}
	// Memory grows to the first doubling above the limit, not with the input.
	if read > 7+2*1024 {
		t.Errorf("%d bytes were read to find out", read)
	}
	// After a guessed start it means that the guess was wrong.
	r.chunks[1].Start, r.chunks[1].End = 7, 5000
	if ack := r.process(1); ack.RowsIn != 0 || ack.Start != ack.End {
		t.Errorf("got %+v", ack)
	}
}

type counted struct {
	io.Reader
	n *int
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	*c.n += n
	return n, err
}

// One record may be longer than many chunks; those inside it own nothing.
func TestRecordLongerThanAChunk(t *testing.T) {
	input := []byte("1,\"" + strings.Repeat("a \"\"quoted\"\" word\n", 200) + "\",a\n2,y,b\n")
	seg := compile(t, contract.Segment{Dialect: commas, Schema: json.RawMessage(madeSchema)})
	seg.block = 32
	var at []int64
	for p := int64(0); p < int64(len(input)); p += 100 {
		at = append(at, p)
	}
	at = append(at, int64(len(input)))
	r := newRun(t, newWorld(input), seg, ledger.Plan{Compression: contract.Plain, Width: 3}, at)
	order := make([]int, len(r.chunks))
	for i := range order {
		order[i] = i
	}
	c := r.all(order)
	if c.Totals.RowsOut != 2 || c.Chunks[0].RowsOut != 1 || c.Chunks[0].End != int64(len(input))-6 {
		t.Errorf("totals %+v, chunk 0 %+v", c.Totals, c.Chunks[0])
	}
}

// Another version of the code may write the same rows as different bytes. The outputs of the one before must not get in
// its way: the load would fail although nothing is wrong.
func TestOutputOfAnotherVersionIsNoObstacle(t *testing.T) {
	input := []byte("1,x,a\nbad\n")
	r := newRun(t, newWorld(input), compile(t, contract.Segment{Dialect: commas, Schema: json.RawMessage(madeSchema)}),
		ledger.Plan{Compression: contract.Plain, Width: 3}, []int64{0, int64(len(input))})
	first := r.process(0)
	// As if the other version wrote a column type and a reason differently.
	r.seg = compile(t, contract.Segment{Dialect: commas,
		Schema: json.RawMessage(strings.Replace(madeSchema, `"integer"`, `"number"`, 1))})
	second := r.process(0)
	if first.Outputs[0].Key == second.Outputs[0].Key {
		t.Errorf("both are stored as %s", first.Outputs[0].Key)
	}
	if first.RowsOut != second.RowsOut || first.HashOut != second.HashOut {
		t.Errorf("first %+v\nthen %+v", first, second)
	}
}

func TestEmptyRange(t *testing.T) {
	input := []byte("1,x,a\n2,y,b\n")
	seg := compile(t, contract.Segment{Dialect: commas, Schema: json.RawMessage(madeSchema)})
	w := newWorld(input)
	r := newRun(t, w, seg, ledger.Plan{Compression: contract.Plain, Width: 3}, []int64{0, 6, int64(len(input))})
	beyond := int64(9)
	m := r.message(0)
	m.From = &beyond
	ack, err := Process(t.Context(), w, w, seg, m)
	zero := strings.Repeat("0", 32)
	if want := (contract.Ack{Start: 9, End: 9, HashOut: zero, HashBad: zero}); err != nil ||
		!reflect.DeepEqual(ack, want) || len(w.outputs()) != 0 {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, ack, want)
	}
}

// A record may be longer than the first window that is searched for a start: a larger one is read before the chunk
// gives up and has to be rerun.
func TestStartBeyondTheFirstWindow(t *testing.T) {
	first := `{"id":1,"note":"` + strings.Repeat("x", 3*chunk.MinWindow) + "\"}\n"
	input := []byte(first + `{"id":2}` + "\n")
	seg := compile(t, contract.Segment{Dialect: contract.Dialect{Encoding: contract.NDJSON},
		Schema: json.RawMessage(madeSchema)})
	r := newRun(t, newWorld(input), seg, ledger.Plan{Compression: contract.Plain}, []int64{0, 100, int64(len(input))})
	c := r.all([]int{0, 1})
	if r.reruns != 0 || c.Chunks[1].Start != int64(len(first)) || c.Totals.RowsOut != 2 {
		t.Errorf("%d reruns, chunk 1 %+v", r.reruns, c.Chunks[1])
	}
}

// The chain repairs any guess; usual inputs must not need it, and a chunk reads its own bytes only, once: from the byte
// before it, which shows whether a record starts at it.
func TestUsualInputsNeedNoRerun(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 5))
		var input []byte
		for i := range 200 {
			input = fmt.Appendf(input, "%d,\"note, %d\",a\n", i, random.IntN(1000))
		}
		seg := compile(t, contract.Segment{Dialect: commas, Schema: json.RawMessage(madeSchema)})
		var at []int64
		for p := int64(0); p < int64(len(input))-300; p += 300 + random.Int64N(300) {
			at = append(at, p)
		}
		r := newRun(t, newWorld(input), seg, ledger.Plan{Compression: contract.Plain, Width: 3},
			append(at, int64(len(input))))
		c := r.all(random.Perm(len(r.chunks)))
		if r.reruns != 0 || c.Totals.RowsOut != 200 {
			t.Errorf("seed %d: %d reruns, %+v", seed, r.reruns, c.Totals)
		}
		want := []int64{0}
		for _, p := range at[1:] {
			want = append(want, p-1)
		}
		slices.Sort(r.world.froms)
		if !slices.Equal(r.world.froms, want) {
			t.Errorf("seed %d: read from %v, want %v", seed, r.world.froms, want)
		}
	}
}

// A chunk in which no record starts detects that itself, even when the next record starts exactly at its end.
func TestChunkWithoutAStart(t *testing.T) {
	first := `{"id":1,"note":"` + strings.Repeat("x", 500) + "\"}\n"
	input := []byte(first + `{"id":2}` + "\n")
	seg := compile(t, contract.Segment{Dialect: contract.Dialect{Encoding: contract.NDJSON},
		Schema: json.RawMessage(madeSchema)})
	r := newRun(t, newWorld(input), seg, ledger.Plan{Compression: contract.Plain},
		[]int64{0, 100, 200, int64(len(first)), int64(len(input))})
	c := r.all([]int{0, 1, 2, 3})
	for _, i := range []int{1, 2} {
		if k := c.Chunks[i]; r.reruns != 0 || k.Start != k.CutEnd || k.End != k.CutEnd || k.RowsIn != 0 {
			t.Errorf("%d reruns, chunk %d %+v", r.reruns, i, k)
		}
	}
	if !slices.Equal(r.world.froms, []int64{0, 99, 199, int64(len(first)) - 1}) {
		t.Errorf("read from %v", r.world.froms)
	}
}
