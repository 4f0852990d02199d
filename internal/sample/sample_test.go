package sample

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

type generator func(io.Writer, Options) (Stats, error)

var generators = map[string]generator{"trips": Trips, "events": Events, "readings": Readings}

func generate(t testing.TB, g generator, o Options) ([]byte, Stats) {
	t.Helper()
	var b bytes.Buffer
	s, err := g(&b, o)
	if err != nil {
		t.Fatal(err)
	}
	if s.Bytes != int64(b.Len()) {
		t.Fatalf("Stats.Bytes = %d, want the %d that were written", s.Bytes, b.Len())
	}
	return b.Bytes(), s
}

// The bytes are part of the interface: a golden hash that changes means that every stored sample changes.
func TestTheSameOptionsGiveTheSameBytes(t *testing.T) {
	want := map[string]string{
		"trips":    "16281e9fb21ce54bb5ebcdaf16f24a27f0bcb384ce1712f3052b38b42a2dad84",
		"readings": "3e06899679d6adcce0c77ae4ebf69c8aa90d2d6bfda9d954ce8d787e4190e076",
		"events":   "5fbedffe0f1e3cab8e247d273986a08db76c3a6d5d3aa5df0af723bce3cff978",
	}
	for name, g := range generators {
		data, _ := generate(t, g, Options{Bytes: 1 << 20, Seed: 7, BadShare: 0.01})
		sum := sha256.Sum256(data)
		if got := hex.EncodeToString(sum[:]); got != want[name] {
			t.Errorf("%s: hash %s, want %s", name, got, want[name])
		}
		other, _ := generate(t, g, Options{Bytes: 1 << 20, Seed: 8, BadShare: 0.01})
		if bytes.Equal(data, other) {
			t.Errorf("%s: another seed gave the same bytes", name)
		}
	}
}

func TestALongerSampleBeginsLikeAShorterOne(t *testing.T) {
	for name, g := range generators {
		short, _ := generate(t, g, Options{Rows: 1000})
		long, _ := generate(t, g, Options{Bytes: 3 << 20})
		if !bytes.HasPrefix(long, short) {
			t.Errorf("%s: the first 1000 rows depend on the limit", name)
		}
	}
}

func TestLimits(t *testing.T) {
	for name, g := range generators {
		data, s := generate(t, g, Options{Rows: 3})
		if s.Rows != 3 || data[len(data)-1] != '\n' {
			t.Errorf("%s: %d rows ending in %q, want 3 and a line feed", name, s.Rows, data[len(data)-1])
		}
		if _, s := generate(t, g, Options{Bytes: 1}); s.Rows != 1 {
			t.Errorf("%s: %d rows for one byte, want 1", name, s.Rows)
		}
		if _, s := generate(t, g, Options{Bytes: 1 << 30, Rows: 5}); s.Rows != 5 {
			t.Errorf("%s: %d rows, want the 5 of the first limit", name, s.Rows)
		}
		const limit = 2 << 20 // several flushes
		if _, s := generate(t, g, Options{Bytes: limit}); s.Bytes < limit || s.Bytes > limit+8<<10 {
			t.Errorf("%s: %d bytes, want %d and at most a row more", name, s.Bytes, limit)
		}
	}
}

func TestWrongOptionsAreAllReported(t *testing.T) {
	tests := map[string]struct {
		options Options
		want    []string
	}{
		"no limit":     {Options{}, []string{"want a limit"}},
		"several":      {Options{Bytes: -1, BadShare: 1.5}, []string{"bytes -1", "bad share 1.5"}},
		"share is NaN": {Options{Rows: 1, BadShare: math.NaN()}, []string{"bad share NaN"}},
		"start":        {Options{Rows: 1, Start: time.Date(9500, 1, 1, 0, 0, 0, 0, time.UTC)}, []string{"start 9500"}},
	}
	for name, tt := range tests {
		for kind, g := range generators {
			t.Run(kind+" "+name, func(t *testing.T) {
				_, err := g(io.Discard, tt.options)
				for _, want := range tt.want {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("error %v, want it to say %q", err, want)
					}
				}
			})
		}
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestWriteErrorsAreReturned(t *testing.T) {
	full := errors.New("disk full")
	for name, g := range generators {
		if _, err := g(brokenWriter{full}, Options{Rows: 1}); !errors.Is(err, full) {
			t.Errorf("%s: error %v, want %v", name, err, full)
		}
	}
}

func TestShareOfBadRows(t *testing.T) {
	for name, g := range generators {
		for _, share := range []float64{0, 0.02, 0.5, 1} {
			_, s := generate(t, g, Options{Rows: 20_000, BadShare: share})
			if got := float64(s.Bad) / float64(s.Rows); math.Abs(got-share) > 0.01 || share == 0 && s.Bad > 0 || share == 1 &&
				s.Bad < s.Rows {
				t.Errorf("%s: %d of %d rows are bad, want %.0f %%", name, s.Bad, s.Rows, 100*share)
			}
		}
	}
}

func TestTimesStartWhereToldAndMoveForward(t *testing.T) {
	start := time.Date(2024, 2, 29, 22, 59, 58, 0, time.FixedZone("", -3600)) // 23:59:58 UTC
	data, _ := generate(t, Trips, Options{Rows: 2_000, Start: start})
	records, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	for i, r := range records[1:] {
		if i == 0 && r[1] != "2024-02-29 23:59:58" {
			t.Fatalf("first trip at %s, want 2024-02-29 23:59:58", r[1])
		}
		if r[1] < last || r[2] <= r[1] {
			t.Fatalf("trip %d from %s to %s, after one at %s", i, r[1], r[2], last)
		}
		last = r[1]
	}
	if !strings.HasPrefix(last, "2024-03-01 ") {
		t.Errorf("last trip at %s, want the samples to cross midnight of a leap day", last)
	}
	events, _ := generate(t, Events, Options{Rows: 1, Start: start})
	if want := `"created_at":"2024-02-29T23:59:58Z"`; !bytes.Contains(events, []byte(want)) {
		t.Errorf("first event %s, want %s", events, want)
	}
}

func BenchmarkGenerate(b *testing.B) {
	for name, g := range generators {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(64 << 20)
			for b.Loop() {
				if _, err := g(io.Discard, Options{Bytes: 64 << 20, BadShare: 0.001}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
