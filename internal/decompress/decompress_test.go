package decompress

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"dip/contract"
	"dip/internal/fault"
)

func gzipped(t testing.TB, content []byte) []byte {
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

func zstded(t testing.TB, content []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(true))
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(content, nil)
}

// skip is a zstd skippable frame, as pzstd writes before each frame.
func skip() []byte {
	return append(binary.LittleEndian.AppendUint32([]byte{0x50, 0x2a, 0x4d, 0x18}, 4), 1, 2, 3, 4)
}

func lines(n int) []byte {
	random := rand.New(rand.NewPCG(1, uint64(n)))
	var b bytes.Buffer
	for b.Len() < n {
		for range 1 + random.IntN(60) {
			b.WriteByte("abcdefgh,0123456789"[random.IntN(19)])
		}
		b.WriteByte('\n')
	}
	return b.Bytes()[:n]
}

func read(stored io.Reader, c contract.Compression) ([]byte, error) {
	r, err := Decompress(stored, c)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	return data, errors.Join(err, r.Close())
}

func TestDetect(t *testing.T) {
	for _, c := range []struct {
		head []byte
		want contract.Compression
	}{
		{nil, contract.Plain}, {[]byte("a,b\n"), contract.Plain}, {[]byte("\xef\xbb\xbfa"), contract.Plain},
		{[]byte{0x1f}, contract.Plain}, {[]byte{0x1f, 0x8b}, contract.Gzip}, {gzipped(t, nil), contract.Gzip},
		{[]byte{0x28, 0xb5, 0x2f}, contract.Plain}, {zstded(t, []byte("x")), contract.Zstd},
		{skip(), contract.Zstd}, {[]byte{0x5f, 0x2a, 0x4d, 0x18}, contract.Zstd},
		{[]byte{0x60, 0x2a, 0x4d, 0x18}, contract.Plain}, {[]byte("P*M"), contract.Plain}, {[]byte("P*M,"), contract.Plain},
	} {
		if got := Detect(c.head); got != c.want {
			t.Errorf("% x: %s, want %s", c.head[:min(len(c.head), 8)], got, c.want)
		}
	}
}

func TestDecompress(t *testing.T) {
	content := lines(700_000)
	cut := 300_001
	for _, c := range []struct {
		name   string
		kind   contract.Compression
		stored []byte
		want   []byte
	}{
		{"plain", contract.Plain, content, content},
		{"plain, empty", contract.Plain, nil, nil},
		{"gzip", contract.Gzip, gzipped(t, content), content},
		{"gzip of nothing", contract.Gzip, gzipped(t, nil), nil},
		{"gzip, several members", contract.Gzip,
			bytes.Join([][]byte{gzipped(t, content[:cut]), gzipped(t, nil), gzipped(t, content[cut:])}, nil), content},
		{"zstd", contract.Zstd, zstded(t, content), content},
		{"zstd, several frames", contract.Zstd, bytes.Join([][]byte{zstded(t, content[:cut]), zstded(t, content[cut:])}, nil),
			content},
		{"zstd, skippable frames", contract.Zstd,
			bytes.Join([][]byte{skip(), zstded(t, content[:cut]), skip(), zstded(t, content[cut:]), skip()}, nil), content},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, stored := range map[string]io.Reader{
				"at once": bytes.NewReader(c.stored), "in pieces": iotest.HalfReader(bytes.NewReader(c.stored)),
				"end with data": iotest.DataErrReader(bytes.NewReader(c.stored)),
			} {
				if got, err := read(stored, c.kind); err != nil || !bytes.Equal(got, c.want) {
					t.Errorf("%s: %d bytes, want %d; %v", name, len(got), len(c.want), err)
				}
			}
		})
	}
}

// A stream may be cut anywhere; only a cut between two members or frames can go unseen, for what is left is whole.
func TestTruncatedInputIsPermanent(t *testing.T) {
	content := lines(3_000)
	for kind, whole := range map[contract.Compression][]byte{
		contract.Gzip: bytes.Join([][]byte{gzipped(t, content[:1000]), gzipped(t, content[1000:])}, nil),
		contract.Zstd: bytes.Join([][]byte{zstded(t, content[:1000]), zstded(t, content[1000:])}, nil),
	} {
		first := len(gzipped(t, content[:1000]))
		if kind == contract.Zstd {
			first = len(zstded(t, content[:1000]))
		}
		for n := range whole {
			if n == first || n == 0 && kind == contract.Zstd {
				continue
			}
			got, err := read(bytes.NewReader(whole[:n]), kind)
			if !fault.IsPermanent(err) || !strings.Contains(err.Error(), string(kind)+" input is truncated near byte") {
				t.Fatalf("%s cut at %d of %d: %v", kind, n, len(whole), err)
			}
			if !bytes.HasPrefix(content, got) {
				t.Fatalf("%s cut at %d: other bytes than the input's", kind, n)
			}
		}
	}
}

func TestErrorTellsHowFarTheBytesWereGood(t *testing.T) {
	content := lines(500_000)
	stored := gzipped(t, content)
	got, err := read(bytes.NewReader(stored[:len(stored)-4]), contract.Gzip)
	if err == nil || !strings.Contains(err.Error(), "(500000 bytes of content are intact)") || len(got) != len(content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestDamagedInputIsPermanent(t *testing.T) {
	content := lines(300_000)
	for kind, stored := range map[contract.Compression][]byte{contract.Gzip: gzipped(t, content),
		contract.Zstd: zstded(t, content)} {
		middle := bytes.Clone(stored)
		for i := range 64 {
			middle[len(middle)/2+i] ^= 0x5a
		}
		checksum := bytes.Clone(stored)
		checksum[len(checksum)-5] ^= 1
		if kind == contract.Zstd {
			checksum = bytes.Clone(stored)
			checksum[len(checksum)-1] ^= 1
		}
		for name, damaged := range map[string][]byte{
			"in the middle": middle, "in the checksum": checksum,
		} {
			_, err := read(bytes.NewReader(damaged), kind)
			if !fault.IsPermanent(err) || !strings.Contains(err.Error(), string(kind)+" input is") {
				t.Errorf("%s, %s: %v", kind, name, err)
			}
		}
	}
	if _, err := read(strings.NewReader("no gzip at all"), contract.Gzip); !fault.IsPermanent(err) ||
		!strings.Contains(err.Error(), "damaged") {
		t.Errorf("wrong magic: %v", err)
	}
}

// A network failure is not the input's fault: a retry may cure it.
func TestNetworkErrorStaysRetryable(t *testing.T) {
	broken := errors.New("connection reset by peer")
	// What http.Client says of a connection that was closed before the answer: it wraps io.EOF and is not the end.
	closed := &url.Error{Op: "Get", URL: "http://s3", Err: io.EOF}
	content := lines(300_000)
	gzips, zstds := gzipped(t, content), zstded(t, content)
	for kind, stored := range map[contract.Compression][]byte{
		contract.Plain: lines(2 * len(gzips)), contract.Gzip: append(gzips, gzips...), contract.Zstd: append(zstds, zstds...),
	} {
		for _, failure := range []error{broken, io.ErrUnexpectedEOF, closed} {
			// Half is the border between two members or frames.
			for _, n := range []int{0, 3, 5, len(stored) / 4, len(stored) / 2, len(stored) - 1} {
				_, err := read(io.MultiReader(bytes.NewReader(stored[:n]), iotest.ErrReader(failure)), kind)
				if !errors.Is(err, failure) || fault.IsPermanent(err) {
					t.Errorf("%s, %v after %d bytes: %v (permanent: %t)", kind, failure, n, err, fault.IsPermanent(err))
				}
			}
		}
	}
}

func TestUnknownCompression(t *testing.T) {
	if _, err := Decompress(strings.NewReader(""), "lz4"); err == nil || !strings.Contains(err.Error(), `"lz4"`) {
		t.Errorf("got %v", err)
	}
}

// frame is a zstd frame header that asks for a window of 1<<log bytes, and one raw block.
func frame(log int) []byte {
	descriptor := byte((log - 10) << 3) // RFC 8878, 3.1.1.1.2
	return append([]byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, descriptor}, 0x01|3<<3, 0, 0, 'a', 'b', 'c')
}

// An input must not choose how much memory its reader takes.
func TestWindowIsBounded(t *testing.T) {
	if got, err := read(bytes.NewReader(frame(27)), contract.Zstd); err != nil || string(got) != "abc" {
		t.Errorf("128 MiB, what `zstd --long` asks for: %q, %v", got, err)
	}
	for _, log := range []int{28, 31, 40} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := read(bytes.NewReader(frame(log)), contract.Zstd)
		runtime.ReadMemStats(&after)
		if !fault.IsPermanent(err) {
			t.Errorf("window of 2^%d: %v", log, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
			t.Errorf("window of 2^%d: %d bytes were allocated", log, took)
		}
	}
}

func FuzzDecompress(f *testing.F) {
	content := lines(2_000)
	f.Add(gzipped(f, content), true)
	f.Add(zstded(f, content), false)
	f.Add(frame(20), false)
	f.Add(skip(), false)
	f.Fuzz(func(t *testing.T, stored []byte, isGzip bool) {
		kind := contract.Zstd
		if isGzip {
			kind = contract.Gzip
		}
		r, err := Decompress(bytes.NewReader(stored), kind)
		if err == nil {
			_, err = io.Copy(io.Discard, io.LimitReader(r, 16<<20))
			err = errors.Join(err, r.Close())
		}
		if err != nil && !fault.IsPermanent(err) {
			t.Errorf("damage that is not permanent: %v", err)
		}
	})
}
