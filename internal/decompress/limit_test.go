package decompress

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"dip/internal/fault"
)

func TestLimit(t *testing.T) {
	content := lines(3_000)
	for _, c := range []struct {
		most int64
		want int
		long bool
	}{{0, 3_000, false}, {3_000, 3_000, false}, {3_001, 3_000, false}, {2_999, 2_999, true}, {1, 1, true}} {
		for name, pieces := range map[string]func(io.Reader) io.Reader{
			"at once": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader,
			"end with data": iotest.DataErrReader,
		} {
			r := Limit(io.NopCloser(pieces(bytes.NewReader(content))), c.most)
			for again := range 2 { // a failed reader keeps failing
				got, err := io.ReadAll(r)
				if again == 0 && !bytes.Equal(got, content[:c.want]) || again == 1 && len(got) > 0 {
					t.Errorf("%d bytes at most, %s: got %d, want %d", c.most, name, len(got), c.want)
				}
				if c.long != (err != nil) || c.long != fault.IsPermanent(err) {
					t.Errorf("%d bytes at most, %s: %v", c.most, name, err)
				}
			}
		}
	}
	if err := TooLong(100 << 30); !strings.Contains(err.Error(), "more than 100 GiB of content (loads.maxContentGB)") {
		t.Error(err)
	}
}

// What is small may expand as it likes.
func TestExpansion(t *testing.T) {
	for _, c := range []struct {
		stored int64
		times  int
		length int64
		long   bool
	}{
		{1, 10, small, false}, {1, 10, small + 1, true}, {small, 2, 2 * small, false}, {small, 2, 2*small + 1, true},
		{1, 0, small + 1, false},
	} {
		content := io.NopCloser(io.LimitReader(endless{}, c.length))
		got, err := io.Copy(io.Discard, Expansion(content, c.stored, c.times))
		if c.long != fault.IsPermanent(err) || c.long != (err != nil) || got != c.length-map[bool]int64{true: 1}[c.long] {
			t.Errorf("%d bytes of %d, at most %d times: %d, %v", c.length, c.stored, c.times, got, err)
		}
		if c.long && !strings.Contains(err.Error(), "loads.maxExpansion") {
			t.Error(err)
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
