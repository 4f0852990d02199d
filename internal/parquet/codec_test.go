package parquet

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// A page has the same bytes whether a sample of it was tried before or not, and whoever had the codec before.
func TestPagesThatWereTried(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	noise := make([]byte, 3*sampleBytes)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	var words strings.Builder
	for words.Len() < len(noise) {
		words.WriteString([]string{"temperature ", "humidity ", "pressure ", "power "}[r.IntN(4)])
	}
	used := map[effort]int{}
	var codecs Codecs
	for _, level := range []int{1, 3, 9} {
		c, err := codecs.get(level)
		if err != nil {
			t.Fatal(err)
		}
		fresh := *c
		for _, content := range [][]byte{noise, []byte(words.String()), append(noise[:200:200], words.String()...)} {
			for _, n := range []int{10, sampleLeast - 1, sampleLeast, 20_000, sampleBytes, sampleBytes + 1, len(content)} {
				page := content[:n]
				how, err := c.choose(page)
				if err != nil {
					t.Fatal(err)
				}
				got, err := c.compress(page, how)
				if err != nil {
					t.Fatal(err)
				}
				got = bytes.Clone(got)
				want, err := fresh.compress(page, how)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("level %d, %d bytes, effort %d: %d bytes, want %d, %v", level, n, how, len(got), len(want), err)
				}
				if c.ready != nil {
					t.Errorf("level %d, %d bytes: the page is kept for the next one", level, n)
				}
				used[how]++
			}
		}
		codecs.put(c)
		if other, err := codecs.get(level + 1); err != nil || other.level != level+1 {
			t.Errorf("level %d: %+v, %v", level+1, other, err)
		}
		if other, err := codecs.get(level); err != nil || other.level != level {
			t.Errorf("level %d: %+v, %v", level, other, err)
		}
	}
	if used[full] == 0 || used[fast] == 0 || used[stored] == 0 {
		t.Errorf("efforts %v", used)
	}
}
