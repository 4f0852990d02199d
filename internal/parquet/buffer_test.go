package parquet

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"dip/internal/record"
)

// TestBuffered holds the writer to its bound while long texts pass through.
func TestBuffered(t *testing.T) {
	types := []record.Type{{Name: "s", Kind: record.String}, {Name: "same", Kind: record.String}}
	w, err := NewWriter(io.Discard, types, Options{RowGroupBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 3))
	noise := make([]byte, 100_000)
	same := strings.Repeat("same ", 100_000)
	most := 0
	for range 200 {
		for i := range noise {
			noise[i] = 'a' + byte(r.IntN(26))
		}
		if err := w.Write(batchOf(types, [][]any{{string(noise), same}})); err != nil {
			t.Fatal(err)
		}
		most = max(most, w.Buffered())
	}
	if limit := 8 << 20; most > limit {
		t.Errorf("the writer held %d bytes with row groups of 1 MiB, want at most %d", most, limit)
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w.Buffered() > 100_000 {
		t.Errorf("the writer holds %d bytes after Close", w.Buffered())
	}
}

// TestBufferedDictionaries has many columns whose look-up tables take more memory than what is written.
func TestBufferedDictionaries(t *testing.T) {
	var types []record.Type
	for i := range 40 {
		types = append(types, record.Type{Name: fmt.Sprint("n", i), Kind: record.Int64})
	}
	const limit = 4 << 20
	w, err := NewWriter(io.Discard, types, Options{RowGroupBytes: limit})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(12, 12))
	row := make([]any, len(types))
	for range 8 {
		b := record.NewBatch(types)
		for range stripeRows {
			for i := range row {
				row[i] = int64(r.IntN(3000)) << 50
			}
			appendRow(b, row...)
		}
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if n := w.Buffered(); n > 2*limit {
			t.Fatalf("the writer holds %d bytes with row groups of %d", n, limit)
		}
	}
}

// TestRowGroupOfDictionaries shows that look-up tables do not count as what is written: row groups stay long.
func TestRowGroupOfDictionaries(t *testing.T) {
	types := []record.Type{{Name: "n", Kind: record.Int64}, {Name: "s", Kind: record.String}}
	r := rand.New(rand.NewPCG(13, 13))
	var rows [][]any
	for range 3 * stripeRows {
		rows = append(rows, []any{int64(r.IntN(3000)) << 50, fmt.Sprint(r.IntN(3000))})
	}
	// Entries take 24 kB and 23 kB, open pages 100 kB, tables 200 kB and 130 kB.
	if _, stats := encode(t, types, rows, Options{RowGroupBytes: 300_000}, every(stripeRows)); stats.RowGroups != 1 {
		t.Errorf("%d row groups, want 1", stats.RowGroups)
	}
}

// TestBufferedIsHonest counts memory that a dictionary saves or that stays after a page.
func TestBufferedIsHonest(t *testing.T) {
	ints := []record.Type{{Name: "n", Kind: record.Int64}}
	w, err := NewWriter(io.Discard, ints, Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(10, 10))
	b := record.NewBatch(ints)
	for range pageRows {
		appendRow(b, int64(r.IntN(1000)))
	}
	if err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if n := w.Buffered(); n < 5*pageRows {
		t.Errorf("the writer says that it holds %d bytes after a page of %d ids", n, pageRows)
	}

	texts := []record.Type{{Name: "s", Kind: record.String}}
	if w, err = NewWriter(io.Discard, texts, Options{}); err != nil {
		t.Fatal(err)
	}
	same := strings.Repeat("same", 10_000)
	b = record.NewBatch(texts)
	for i := range indexTrial + 1000 {
		if i%3 == 0 {
			appendRow(b, same)
		} else {
			appendRow(b, fmt.Sprint(i))
		}
	}
	if err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if n := w.Buffered(); n > 4<<20 {
		t.Errorf("the writer holds %d bytes after it gave up a dictionary of a few kB", n)
	}
}
