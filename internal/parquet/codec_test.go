package parquet

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"dip/internal/record"
)

func TestStoredFrames(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 1))
	content := make([]byte, 3<<20)
	for i := range content {
		content[i] = byte(r.Uint32())
	}
	unzstd, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unzstd.Close()
	for _, n := range []int{0, 1, frameBlock - 1, frameBlock, frameBlock + 1, 2 * frameBlock, len(content)} {
		frame := appendStored(nil, content[:n])
		got, err := unzstd.DecodeAll(frame, nil)
		if err != nil || !bytes.Equal(got, content[:n]) {
			t.Errorf("%d bytes read back as %d: %v", n, len(got), err)
		}
		if most := n + 10 + 3*(n/frameBlock+1); len(frame) > most {
			t.Errorf("%d bytes take %d, want at most %d", n, len(frame), most)
		}
	}
}

// TestEfforts has columns whose pages are worth a different effort each.
func TestEfforts(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 2))
	noise := make([]byte, 200_000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	// Words are too short for what level 1 searches.
	var words strings.Builder
	for words.Len() < len(noise) {
		word := rand.New(rand.NewPCG(5, r.Uint64N(300)))
		for range 5 {
			words.WriteByte('a' + byte(word.IntN(26)))
		}
	}
	for name, c := range map[string]struct {
		page  []byte
		level int
		want  effort
	}{
		"noise":         {noise, 3, stored},
		"little noise":  {noise[:sampleLeast-1], 3, full},
		"same":          {make([]byte, len(noise)), 3, fast},
		"words":         {[]byte(words.String()), 9, full},
		"same, level 1": {make([]byte, len(noise)), 1, fast},
		"noise between": {append(make([]byte, len(noise)), append(bytes.Clone(noise), make([]byte, len(noise))...)...), 3, stored},
	} {
		codec, err := newCodec(c.level)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := codec.choose(c.page); err != nil || got != c.want {
			t.Errorf("%s: effort %d, %v; want %d", name, got, err, c.want)
		}
	}
}

// TestPagesThatDoNotShrink are stored, until one does.
func TestPagesThatDoNotShrink(t *testing.T) {
	types := []record.Type{{Name: "n", Kind: record.Int64}}
	r := rand.New(rand.NewPCG(5, 3))
	var rows [][]any
	for i := range 8 * pageRows {
		v := int64(r.Uint64())
		if i > 5*pageRows {
			v = int64(i) << 40
		}
		rows = append(rows, []any{v})
	}
	data, stats := encode(t, types, rows, Options{}, every(10_000))
	wantRows(t, types, data, rows)
	if noise := int64(8 * 5 * pageRows); stats.Bytes < noise || stats.Bytes > noise+noise/4 {
		t.Errorf("%d bytes for %d of noise and a sequence", stats.Bytes, noise)
	}
}

func TestTextHashes(t *testing.T) {
	p := []byte("a text of some length, in which values start and end anywhere")
	for start := range len(p) {
		for end := start; end <= len(p); end++ {
			for _, in := range [][]byte{p, p[:end:end]} {
				if hashTextAt(in, uint32(start), uint32(end)) != hashText(bytes.Clone(p[start:end])) {
					t.Fatalf("the hash of %q depends on where it stands", p[start:end])
				}
			}
		}
	}
}

// TestWordDict compares with a map, for words of both kinds.
func TestWordDict(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 4))
	d, ids := newWordDict(), map[uint64]uint32{}
	for range 200 {
		vals := make([]uint64, 3000)
		for i := range vals {
			vals[i] = []uint64{uint64(r.IntN(100)), smallWords - 1 + uint64(r.IntN(3)), r.Uint64N(1 << 17), -r.Uint64N(3),
				r.Uint64N(40_000) << 40}[r.IntN(5)]
		}
		got := make([]uint32, len(vals))
		n := d.put(vals, got)
		for i, v := range vals[:n] {
			if _, ok := ids[v]; !ok {
				ids[v] = uint32(len(ids))
			}
			if got[i] != ids[v] || d.vals[got[i]] != v {
				t.Fatalf("word %d has id %d, want %d", v, got[i], ids[v])
			}
		}
		if n < len(vals) {
			if _, ok := ids[vals[n]]; ok || len(d.vals) != dictEntries {
				t.Fatalf("full at word %d with %d entries", vals[n], len(d.vals))
			}
			return
		}
	}
	t.Errorf("never full: %d entries", len(d.vals))
}

func TestTextBounds(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for range 300 {
		var s textStats
		lo, hi := "", ""
		for i := range 1 + r.IntN(20) {
			v := strings.Repeat("\x00", r.IntN(9)) + strings.Repeat("ab", r.IntN(9)) + string(rune('a'+r.IntN(3)))
			if v = v[:r.IntN(len(v)+1)]; i == 0 || v < lo {
				lo = v
			}
			if i == 0 || v > hi {
				hi = v
			}
			s.add([]byte(v))
		}
		if string(s.min) != lo || string(s.max) != hi {
			t.Fatalf("bounds are %q and %q, want %q and %q", s.min, s.max, lo, hi)
		}
	}
}
