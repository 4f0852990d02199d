package parquet

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"dip/internal/record"
)

func TestEachType(t *testing.T) {
	long := strings.Repeat("naïve text, ", 50_000)
	rows := [][]any{
		{true, int64(1), 1.5, int64(123_456), "a", `{"a":1}`, int64(0), int64(0), int64(0), int64(0)},
		{nil, nil, nil, nil, nil, nil, nil, nil, nil, nil},
		{false, int64(math.MinInt64), math.NaN(), int64(-999_999_999_999), "", `[]`, int64(-719_162), int64(86_399_999_999),
			int64(math.MinInt64), int64(-1)},
		{true, int64(math.MaxInt64), math.Copysign(0, -1), int64(999_999_999_999), long, `"` + long + `"`,
			int64(math.MaxInt32), int64(1), int64(math.MaxInt64), int64(1_700_000_000_000_000)},
		{nil, int64(0), math.Inf(-1), nil, "世界", nil, int64(math.MinInt32), nil, int64(1), nil},
	}
	data, stats := encode(t, allTypes(), rows, Options{}, every(2))
	wantRows(t, allTypes(), data, rows)
	if stats.Rows != 5 || stats.RowGroups != 1 || stats.Bytes != int64(len(data)) || stats.SHA256 != sha256.Sum256(data) {
		t.Errorf("stats are %+v for %d bytes", stats, len(data))
	}
}

func TestNoRows(t *testing.T) {
	for name, rows := range map[string][][]any{"no batch": nil, "empty batch": {}} {
		t.Run(name, func(t *testing.T) {
			data, stats := encode(t, allTypes(), rows, Options{}, every(1))
			wantRows(t, allTypes(), data, nil)
			if stats.Rows != 0 || stats.RowGroups != 0 {
				t.Errorf("stats are %+v", stats)
			}
		})
	}
	var out bytes.Buffer
	w, err := NewWriter(&out, allTypes(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(record.NewBatch(allTypes())),
		w.Write(batchOf(allTypes(), [][]any{make([]any, 10)}))); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	wantRows(t, allTypes(), out.Bytes(), [][]any{make([]any, 10)})
}

// TestRandomRows reads back random tables, and writes each again in other batches, which must not change a byte.
func TestRandomRows(t *testing.T) {
	for seed := range uint64(24) {
		r := rand.New(rand.NewPCG(seed, 1))
		types := allTypes()
		rows := randomRows(r, types, r.IntN(12_000))
		opts := Options{RowGroupRows: []int{0, 1000, 5000}[r.IntN(3)], RowGroupBytes: []int{0, 200_000}[r.IntN(2)]}
		data, _ := encode(t, types, rows, opts, every(len(rows)))
		wantRows(t, types, data, rows)
		again, _ := encode(t, types, rows, opts, func() int { return 1 + r.IntN([]int{2, 100, 6000}[r.IntN(3)]) })
		if !bytes.Equal(data, again) {
			t.Fatalf("seed %d: other batches of the same rows give other bytes (%d and %d)", seed, len(data), len(again))
		}
	}
}

// TestDictionaryOverflow fills dictionaries by their number of entries and by their bytes, in the middle of a page,
// with nulls around, and after pages that need the entries.
func TestDictionaryOverflow(t *testing.T) {
	types := []record.Type{{Name: "n", Kind: record.Int64}, {Name: "f", Kind: record.Float64},
		{Name: "s", Kind: record.String}}
	wide := strings.Repeat("x", 100)
	var rows [][]any
	const repeats = 150_000
	for i := range 300_000 {
		v := i % 50
		if i > repeats {
			v = i
		}
		row := []any{int64(v * 7919 % 1_000_003), float64(v), fmt.Sprintf("%s%d", wide, v)}
		if i%5 == 3 {
			row[i%3] = nil
		}
		rows = append(rows, row)
	}
	rows[repeats+100][2] = strings.Repeat("y", dictBytes+1)
	data, _ := encode(t, types, rows, Options{}, every(10_007))
	wantRows(t, types, data, rows)
	for i, m := range chunkMeta(t, data, 0) {
		if pages := m.dataPages(); !pages[encDict] || !pages[encPlain] && !pages[encDelta] && !pages[encDeltaLength] {
			t.Errorf("column %s has data pages by encoding %v, want some with and some without dictionary", types[i].Name, pages)
		}
	}
}

// TestHugeValues has values that no dictionary takes, at the start of a column and of a later run.
func TestHugeValues(t *testing.T) {
	types := []record.Type{{Name: "s", Kind: record.String}}
	for _, size := range []int{dictBytes + 1, dictBytes * 2 / 3} {
		rows := [][]any{{nil}, {strings.Repeat("y", size)}, {nil}, {strings.Repeat("z", size)}, {"a"}}
		data, _ := encode(t, types, rows, Options{}, every(5))
		wantRows(t, types, data, rows)
		if pages := chunkMeta(t, data, 0)[0].dataPages(); len(pages) != 1 || !pages[encDeltaLength] {
			t.Errorf("texts of %d bytes have data pages by encoding %v, want none with the dictionary", size, pages)
		}
	}
}

// TestLongTexts cuts pages and row groups by bytes, inside a batch.
func TestLongTexts(t *testing.T) {
	types := []record.Type{{Name: "noise", Kind: record.String}, {Name: "few", Kind: record.String}}
	r := rand.New(rand.NewPCG(8, 8))
	var texts []string
	for range 300 {
		text := make([]byte, 10_000)
		for i := range text {
			text[i] = 'a' + byte(r.IntN(26))
		}
		texts = append(texts, string(text))
	}
	var rows [][]any
	for i := range 300 {
		rows = append(rows, []any{texts[i], texts[i%100]})
	}
	data, _ := encode(t, types, rows, Options{}, every(300))
	wantRows(t, types, data, rows)
	if pages := chunkMeta(t, data, 0)[1].dataPages(); len(pages) != 1 || !pages[encDict] {
		t.Errorf("few long texts have data pages by encoding %v, want only a dictionary", pages)
	}
	opts := Options{RowGroupBytes: 300_000}
	data, stats := encode(t, types, rows, opts, every(300))
	wantRows(t, types, data, rows)
	if stats.RowGroups < 2 {
		t.Errorf("%d row group, want several", stats.RowGroups)
	}
	if again, _ := encode(t, types, rows, opts, every(1)); !bytes.Equal(data, again) {
		t.Error("other batches of the same rows give other bytes")
	}
}

// TestManyColumns needs the long form of the footer's lists, and small pages.
func TestManyColumns(t *testing.T) {
	var types []record.Type
	for i := range 300 {
		types = append(types, record.Type{Name: fmt.Sprint("c", i), Kind: record.Kind(i % 9), Precision: 18})
	}
	rows := randomRows(rand.New(rand.NewPCG(6, 6)), types, 400)
	data, _ := encode(t, types, rows, Options{}, every(99))
	wantRows(t, types, data, rows)
}

func TestEncodings(t *testing.T) {
	types := []record.Type{
		{Name: "sequence", Kind: record.Int64}, {Name: "noise", Kind: record.Int64}, {Name: "few", Kind: record.Int64},
		{Name: "ticks", Kind: record.Timestamp}, {Name: "unique", Kind: record.String}, {Name: "names", Kind: record.String},
		{Name: "days", Kind: record.Date}, {Name: "pairs", Kind: record.Int64},
	}
	want := []int{encDelta, encPlain, encDict, encDelta, encDeltaLength, encDict, encDict, encDelta}
	r := rand.New(rand.NewPCG(1, 1))
	var rows [][]any
	for i := range 20_000 {
		rows = append(rows, []any{int64(i), int64(r.Uint64()), int64(i % 7), int64(1e15 + i*1_000_000 + r.IntN(500_000)),
			fmt.Sprint("id", r.Uint64()), []string{"red", "green"}[r.IntN(2)], int64(19_000 + i/1000), int64(i / 2)})
	}
	data, _ := encode(t, types, rows, Options{}, every(3000))
	wantRows(t, types, data, rows)
	for i, m := range chunkMeta(t, data, 0) {
		if pages := m.dataPages(); len(pages) != 1 || !pages[want[i]] {
			t.Errorf("column %s has data pages by encoding %v, want only %d", types[i].Name, pages, want[i])
		}
	}
}

func TestRowGroups(t *testing.T) {
	types := []record.Type{{Name: "n", Kind: record.Int64}}
	r := rand.New(rand.NewPCG(2, 2))
	var rows [][]any
	for range 50_000 {
		rows = append(rows, []any{int64(r.Uint64())})
	}
	data, stats := encode(t, types, rows, Options{RowGroupRows: 20_000}, every(7000))
	if stats.RowGroups != 3 {
		t.Errorf("%d row groups of 20,000 rows, want 3", stats.RowGroups)
	}
	wantRows(t, types, data, rows)
	data, stats = encode(t, types, rows, Options{RowGroupBytes: 100_000}, every(50_000))
	if stats.RowGroups < 3 || stats.RowGroups > 6 {
		t.Errorf("%d row groups of 100 kB for 400 kB, want 3 to 6", stats.RowGroups)
	}
	wantRows(t, types, data, rows)
}

func TestBadTypes(t *testing.T) {
	for want, types := range map[string][]record.Type{
		"at least one column": nil,
		"twice":               {{Name: "a"}, {Name: "a"}},
		"no name":             {{Name: ""}},
		"precision":           {{Name: "a", Kind: record.Decimal, Precision: 19}},
		"scale":               {{Name: "a", Kind: record.Decimal, Precision: 3, Scale: 4}},
		"kind(99)":            {{Name: "a", Kind: 99}},
	} {
		if _, err := NewWriter(io.Discard, types, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one about %q", err, want)
		}
	}
	if _, err := NewWriter(io.Discard, allTypes(), Options{RowGroupRows: -1}); err == nil ||
		!strings.Contains(err.Error(), "RowGroupRows") {
		t.Errorf("error is %v, want one about RowGroupRows", err)
	}
}

func TestBadBatches(t *testing.T) {
	types := []record.Type{{Name: "n", Kind: record.Int64}}
	good := func() *record.Batch { return batchOf(types, [][]any{{int64(1)}, {nil}}) }
	for name, spoil := range map[string]func(*record.Batch){
		"missing value":  func(b *record.Batch) { b.Columns[0].Ints = nil },
		"missing row":    func(b *record.Batch) { b.Columns[0].Present = b.Columns[0].Present[:1] },
		"other type":     func(b *record.Batch) { b.Columns[0].Kind = record.Float64 },
		"missing column": func(b *record.Batch) { b.Columns = nil },
	} {
		w, err := NewWriter(io.Discard, types, Options{})
		if err != nil {
			t.Fatal(err)
		}
		b := good()
		spoil(b)
		if err := w.Write(b); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := w.Close(); err == nil {
			t.Errorf("%s: the writer closed without an error", name)
		}
	}
}

// TestValuesOutOfRange shows that a value which its type cannot hold is an error, never another value.
func TestValuesOutOfRange(t *testing.T) {
	for _, c := range []struct {
		typ   record.Type
		value int64
	}{
		{record.Type{Name: "x", Kind: record.Date}, math.MaxInt32 + 1},
		{record.Type{Name: "x", Kind: record.Date}, math.MinInt32 - 1},
		{record.Type{Name: "x", Kind: record.Decimal, Precision: 4}, 10_000},
		{record.Type{Name: "x", Kind: record.Decimal, Precision: 4}, -10_000},
		{record.Type{Name: "x", Kind: record.Time}, -1},
	} {
		w, err := NewWriter(io.Discard, []record.Type{c.typ}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(batchOf([]record.Type{c.typ}, [][]any{{c.value}})); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Close(); err == nil || !strings.Contains(err.Error(), "column x") {
			t.Errorf("%s %d: error is %v, want one about column x", c.typ.Kind, c.value, err)
		}
	}
}

// failAfter fails once it has taken this many bytes.
type failAfter struct{ left int }

var errFull = errors.New("disk full")

func (f *failAfter) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestOutputErrors(t *testing.T) {
	types := allTypes()
	rows := randomRows(rand.New(rand.NewPCG(5, 5)), types, 100)
	data, _ := encode(t, types, rows, Options{}, every(100))
	for limit := range len(data) {
		w, err := NewWriter(&failAfter{left: limit}, types, Options{})
		if err == nil {
			if err = w.Write(batchOf(types, rows)); err == nil {
				_, err = w.Close()
			}
		}
		if !errors.Is(err, errFull) {
			t.Fatalf("error with room for %d of %d bytes is %v, want %v", limit, len(data), err, errFull)
		}
		if limit > 300 {
			break
		}
	}
}
