package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func compress(t testing.TB, coding string, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var z io.WriteCloser = gzip.NewWriter(&out)
	if coding == "zstd" {
		var err error
		if z, err = zstd.NewWriter(&out); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestContent(t *testing.T) {
	l := Limits{Body: 200_000}
	body := []byte(strings.Repeat(`{"a":"some text"}`+"\n", 10_000)) // 180,000 bytes
	bomb := make([]byte, 10<<20)
	truncated := func(coding string) []byte { b := compress(t, coding, body); return b[:len(b)-9] }
	for _, c := range []struct {
		name, coding string
		wire         []byte
		status       int
		detail       string
	}{
		{"plain", "", body, 0, ""},
		{"empty", "", nil, 0, ""},
		{"gzip", "gzip", compress(t, "gzip", body), 0, ""},
		{"gzip in two members", "gzip", append(compress(t, "gzip", body[:9]), compress(t, "gzip", body[9:])...), 0, ""},
		{"zstd", "zstd", compress(t, "zstd", body), 0, ""},
		{"zstd in two frames", "zstd", append(compress(t, "zstd", body[:9]), compress(t, "zstd", body[9:])...), 0, ""},
		{"as long as allowed", "", bytes.Repeat([]byte("x"), 200_000), 0, ""},
		{"too long", "", bytes.Repeat([]byte("x"), 200_001), 413, "more than 200000 bytes"},
		{"gzip bomb", "gzip", compress(t, "gzip", bomb), 413, "more than 200000 bytes"},
		{"zstd bomb", "zstd", compress(t, "zstd", bomb), 413, "more than 200000 bytes"},
		{"truncated gzip", "gzip", truncated("gzip"), 400, "decompress the body as gzip: unexpected EOF"},
		{"truncated zstd", "zstd", truncated("zstd"), 400, "decompress the body as zstd: unexpected EOF"},
		{"gzip and more", "gzip", append(compress(t, "gzip", body), "more"...), 400, "decompress the body as gzip"},
		{"no gzip", "gzip", body, 400, "decompress the body as gzip"},
		{"no zstd", "zstd", body, 400, "decompress the body as zstd"},
		{"empty gzip", "gzip", nil, 400, "decompress the body as gzip"},
	} {
		budget := NewBudget(10 << 20)
		hold := &lease{from: budget}
		got, p := content(iotest.HalfReader(bytes.NewReader(c.wire)), -1, c.coding, l, hold)
		switch {
		case c.status == 0 && p != nil:
			t.Errorf("%s: %+v", c.name, p)
		case c.status != 0 && (p == nil || p.Status != c.status || !strings.Contains(p.Detail, c.detail)):
			t.Errorf("%s: %+v, want %d with %q", c.name, p, c.status, c.detail)
		case c.status == 0 && c.coding != "" && !bytes.Equal(got, body):
			t.Errorf("%s: %d bytes, want %d", c.name, len(got), len(body))
		}
		if p == nil && budget.Held() != int64(cap(got)) || budget.Held() > 500_000 {
			t.Errorf("%s: %d bytes are held for %d", c.name, budget.Held(), len(got))
		}
		if hold.free(); budget.Held() != 0 {
			t.Errorf("%s: %d bytes are held at the end", c.name, budget.Held())
		}
	}
}

// A body that is not received, or finds no memory, is no shorter body.
func TestContentFails(t *testing.T) {
	hold := &lease{from: NewBudget(1 << 20)}
	half := io.MultiReader(strings.NewReader("{}\n"), iotest.ErrReader(errors.New("connection reset")))
	if _, p := content(half, -1, "", DefaultLimits, hold); p == nil || p.Status != http.StatusBadRequest ||
		p.Detail != "read the body: connection reset" {
		t.Errorf("a connection that was lost: %+v", p)
	}
	for _, most := range []int64{piece - 1, 3*piece - 1} {
		hold := &lease{from: NewBudget(most)}
		_, p := content(bytes.NewReader(make([]byte, piece+1)), -1, "", DefaultLimits, hold)
		if p == nil || p.Status != http.StatusTooManyRequests || p.header["Retry-After"] == "" {
			t.Errorf("a budget of %d bytes: %+v", most, p)
		}
	}
}

// A client that announces a large body and sends nothing holds no more than others.
func TestContentBelievesNoLength(t *testing.T) {
	hold := &lease{from: NewBudget(2 << 20)}
	_, p := content(iotest.ErrReader(errors.New("connection reset")), 16<<20, "", DefaultLimits, hold)
	if p == nil || p.Status != http.StatusBadRequest || hold.from.Held() > eager {
		t.Errorf("%+v; %d bytes are held", p, hold.from.Held())
	}
}

// A decoder's window is memory that no budget counts.
func TestContentRefusesLargeWindows(t *testing.T) {
	for window, want := range map[int]int{maxWindow: 0, 2 * maxWindow: http.StatusBadRequest} {
		var out bytes.Buffer
		z, err := zstd.NewWriter(&out, zstd.WithWindowSize(window))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the first Flush writes the frame's header, without the length of the content
			if _, err := z.Write([]byte("{}\n")); err != nil {
				t.Fatal(err)
			}
			if err := z.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		_, p := content(&out, -1, "zstd", DefaultLimits, &lease{from: NewBudget(1 << 20)})
		if (p == nil) != (want == 0) || p != nil && p.Status != want {
			t.Errorf("a window of %d bytes: %+v", window, p)
		}
	}
}

func TestMedia(t *testing.T) {
	l := Limits{Body: 100}
	for _, c := range []struct {
		kind, coding string
		length       int64
		want         media
		status       int
	}{
		{"application/x-ndjson", "", -1, media{}, 0},
		{"application/x-ndjson; charset=UTF-8", "identity", 100, media{}, 0},
		{"Application/JSON", "gzip", 100, media{array: true, coding: "gzip"}, 0},
		{"application/json", "ZSTD", 100, media{array: true, coding: "zstd"}, 0},
		{"application/json", "", 101, media{}, 413},
		{"", "", 1, media{}, 415},
		{"text/csv", "", 1, media{}, 415},
		{"application/json; charset=latin1", "", 1, media{}, 415},
		{"application/json; charset", "", 1, media{}, 415},
		{"application/json", "br", 1, media{}, 415},
		{"application/json", "gzip, gzip", 1, media{}, 415},
	} {
		h := http.Header{}
		h.Set("Content-Type", c.kind)
		if c.coding != "" {
			h.Set("Content-Encoding", c.coding)
		}
		m, p := mediaOf(h, c.length, l)
		if c.status == 0 && (p != nil || m != c.want) || c.status != 0 && (p == nil || p.Status != c.status) {
			t.Errorf("%q %q %d: %+v, %+v", c.kind, c.coding, c.length, m, p)
		}
	}
}

// What comes compressed is decompressed within its limits, or refused.
func FuzzContent(f *testing.F) {
	f.Add(compress(f, "gzip", []byte("{}")), "gzip")
	f.Add(compress(f, "zstd", []byte("{}")), "zstd")
	f.Fuzz(func(t *testing.T, wire []byte, coding string) {
		if coding != "gzip" && coding != "zstd" {
			return
		}
		budget := NewBudget(1 << 20)
		hold := &lease{from: budget}
		data, p := content(bytes.NewReader(wire), -1, coding, Limits{Body: 1000}, hold)
		if p == nil && len(data) > 1000 || p != nil && p.Status != 400 && p.Status != 413 {
			t.Errorf("%d bytes, %+v", len(data), p)
		}
		if hold.free(); budget.Held() != 0 {
			t.Errorf("%d bytes are held", budget.Held())
		}
	})
}
