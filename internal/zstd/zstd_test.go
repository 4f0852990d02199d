package zstd

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// TestEncode reads each frame with an implementation of its own, and wants the same bytes from every encoder.
func TestEncode(t *testing.T) {
	noise := make([]byte, 1<<20+17)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	blocks := [][]byte{nil, []byte("a"), noise, []byte(strings.Repeat("one, two, ", 200_000)), noise[:1000],
		bytes.Repeat(noise[:300_000], 4)}
	reader, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for _, level := range []int{1, 3, 9} {
		one, err := NewEncoder(level)
		if err != nil {
			t.Fatal(err)
		}
		for i, block := range blocks {
			frame, err := one.Encode(block)
			if err != nil {
				t.Fatal(err)
			}
			got, err := reader.DecodeAll(frame, nil)
			if err != nil || !bytes.Equal(got, block) {
				t.Errorf("level %d, block %d: %d bytes read back for %d: %v", level, i, len(got), len(block), err)
			}
			var head zstd.Header
			if err := head.Decode(frame); err != nil || head.HasCheckSum ||
				len(block) > 255 && head.FrameContentSize != uint64(len(block)) {
				t.Errorf("level %d, block %d: header %+v, %v", level, i, head, err)
			}
			other, err := NewEncoder(level)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := other.Encode(block); err != nil || !bytes.Equal(again, frame) {
				t.Errorf("level %d, block %d: another encoder writes other bytes: %v", level, i, err)
			}
		}
		frame, err := one.Encode(blocks[3])
		if err != nil || len(frame) > 4000 {
			t.Errorf("level %d: %d bytes of repetitions: %v", level, len(frame), err)
		}
	}
}

func TestLevels(t *testing.T) {
	for _, level := range []int{-1, 0, 20} {
		if _, err := NewEncoder(level); err == nil {
			t.Errorf("level %d is taken", level)
		}
	}
}
