package decompress

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"dip/contract"
	"dip/internal/fault"
)

// What follows the compressed data is no truncation, however short it is, and where it begins like another member or
// frame, it is one that is cut off.
func TestBytesAfterTheEnd(t *testing.T) {
	content := lines(3_000)
	w, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		kind   contract.Compression
		stored []byte
	}{
		"gzip":                           {contract.Gzip, gzipped(t, content)},
		"gzip of nothing":                {contract.Gzip, gzipped(t, nil)},
		"gzip, two members":              {contract.Gzip, append(gzipped(t, content), gzipped(t, content)...)},
		"zstd":                           {contract.Zstd, zstded(t, content)},
		"zstd of one byte repeated":      {contract.Zstd, zstded(t, bytes.Repeat([]byte("a"), 300_000))},
		"zstd, raw block":                {contract.Zstd, frame(20)},
		"zstd without checksum":          {contract.Zstd, w.EncodeAll(content, nil)},
		"zstd, tiny":                     {contract.Zstd, w.EncodeAll([]byte("a"), nil)},
		"zstd, a skippable frame behind": {contract.Zstd, append(zstded(t, content), skip()...)},
	} {
		for _, rest := range []string{"\n", "\x00", "ab", "abc", "abcd", "garbage", "\x1fa", "\x28\xb5a", "\x28\xb5\x2f\xfe",
			"Pab", "P*M,", strings.Repeat("long ", 100_000)} {
			stored := append(bytes.Clone(c.stored), rest...)
			for _, pieces := range []int{1, len(stored)} {
				r, err := Decompress(&byPieces{stored, pieces}, c.kind)
				if err != nil {
					t.Fatal(err)
				}
				var out bytes.Buffer
				_, err = out.ReadFrom(r)
				want := fmt.Sprintf("the %s input has %s after the end of the compressed data (%d bytes of content are intact)",
					c.kind, map[bool]string{true: "1 byte", false: fmt.Sprint(len(rest), " bytes")}[len(rest) == 1], out.Len())
				if !fault.IsPermanent(err) || !strings.Contains(err.Error(), want) {
					t.Errorf("%s and %.8q: %v, want %s", name, rest, err, want)
				}
				if n, again := r.Read(make([]byte, 1)); n > 0 || !errors.Is(again, err) {
					t.Errorf("%s and %.8q: read again: %d, %v", name, rest, n, again)
				}
				if pieces == 1 && len(stored) > 10_000 {
					break
				}
			}
		}
		begun := map[contract.Compression][]string{
			contract.Gzip: {"\x1f", "\x1f\x8b", "\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x00nam"},
			contract.Zstd: {"\x28", "\x28\xb5\x2f", "\x5f", "P*M", "P*M\x18\x04\x00\x00\x00ab"},
		}
		for _, rest := range begun[c.kind] {
			_, err := read(bytes.NewReader(append(bytes.Clone(c.stored), rest...)), c.kind)
			if !fault.IsPermanent(err) || !strings.Contains(err.Error(), "input is truncated") {
				t.Errorf("%s and %q: %v", name, rest, err)
			}
		}
	}
}

// byPieces gives so many bytes at a time.
type byPieces struct {
	rest  []byte
	bytes int
}

func (p *byPieces) Read(to []byte) (int, error) {
	n, err := bytes.NewReader(p.rest).Read(to[:min(len(to), p.bytes)])
	p.rest = p.rest[n:]
	return n, err
}

// A network failure while the bytes after the end are counted is not the input's fault.
func TestNetworkErrorAfterTheEnd(t *testing.T) {
	broken := errors.New("connection reset by peer")
	content := lines(3_000)
	for kind, stored := range map[contract.Compression][]byte{contract.Gzip: gzipped(t, content),
		contract.Zstd: zstded(t, content)} {
		stored = append(stored, strings.Repeat("garbage", 10_000)...)
		for _, n := range []int{len(stored) - 69_000, len(stored) - 5} {
			_, err := read(multi(stored[:n], broken), kind)
			if !errors.Is(err, broken) || fault.IsPermanent(err) {
				t.Errorf("%s, after %d of %d bytes: %v", kind, n, len(stored), err)
			}
		}
	}
}

func multi(data []byte, err error) *failing { return &failing{byPieces{data, len(data)}, err} }

type failing struct {
	byPieces
	err error
}

func (f *failing) Read(to []byte) (int, error) {
	if len(f.rest) == 0 {
		return iotest.ErrReader(f.err).Read(to)
	}
	return f.byPieces.Read(to)
}

func TestManyBytesAfterTheEndAreNotCounted(t *testing.T) {
	_, err := read(bytes.NewReader(append(gzipped(t, nil), make([]byte, maxTrailing+2)...)), contract.Gzip)
	if err == nil || !strings.Contains(err.Error(), "has more than 16777216 bytes after the end") {
		t.Error(err)
	}
}

// The window is named with what to do, whether the frame states it or its content's size stands for it.
func TestTooLargeAWindowHasAMend(t *testing.T) {
	single := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x10} // one segment of 256 MiB
	for name, stored := range map[string][]byte{"zstd --long=31": frame(31), "one segment": single} {
		_, err := read(bytes.NewReader(stored), contract.Zstd)
		if !fault.IsPermanent(err) ||
			!strings.Contains(err.Error(), "needs a window of more than 128 MiB to be decompressed") ||
			!strings.Contains(err.Error(), "compress it again with --long=27 or less") {
			t.Errorf("%s: %v", name, err)
		}
	}
	dictionary := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x21, 7, 3, 0x01 | 3<<3, 0, 0, 'a', 'b', 'c'}
	if _, err := read(bytes.NewReader(dictionary), contract.Zstd); !fault.IsPermanent(err) ||
		!strings.Contains(err.Error(), "was compressed with a dictionary") {
		t.Error(err)
	}
}

// A member may be cut off within the file's name.
func TestGzipWithANameIsTruncated(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Name = "export.csv"
	if err := errors.Join(w.Close()); err != nil {
		t.Fatal(err)
	}
	for n := 11; n < 20; n++ {
		if _, err := read(bytes.NewReader(append(gzipped(t, []byte("a\n")), b.Bytes()[:n]...)), contract.Gzip); err == nil ||
			!strings.Contains(err.Error(), "truncated") {
			t.Errorf("%d bytes of the second member: %v", n, err)
		}
	}
}
