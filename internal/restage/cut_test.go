package restage

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"dip/contract"
	"dip/internal/fault"
	"dip/internal/record"
)

var (
	commas = contract.Dialect{Encoding: contract.CSV, Delimiter: ",", Quote: `"`, Header: true}
	lines  = contract.Dialect{Encoding: contract.NDJSON}

	commented = contract.Dialect{Encoding: contract.CSV, Delimiter: ",", Quote: `"`, Comment: "#"}
	utf16le   = contract.Dialect{Encoding: contract.CSV, Charset: contract.UTF16LE, Delimiter: ",", Quote: `"`}
)

// cutAll cuts content that begins at an offset and gives the pieces.
func cutAll(t testing.TB, content []byte, at int64, d contract.Dialect, target int64) (pieces []string) {
	t.Helper()
	c := newCutter(iotest.HalfReader(bytes.NewReader(content)), at, d, 64<<20)
	for {
		var piece strings.Builder
		n, err := c.cut(&piece, target)
		if err != nil {
			t.Fatal(err)
		}
		if n != int64(piece.Len()) {
			t.Fatalf("a piece of %d bytes says %d", piece.Len(), n)
		}
		if n == 0 {
			break
		}
		pieces = append(pieces, piece.String())
	}
	if c.pos != at+int64(len(content)) {
		t.Fatalf("stopped at byte %d of %d", c.pos, at+int64(len(content)))
	}
	return pieces
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		name    string
		dialect contract.Dialect
		content string
		target  int64
		want    []string
	}{
		{"nothing", commas, "", 3, nil},
		{"at the first record's start past the target", commas, "1,a\n2,b\n3,c\n", 5, []string{"1,a\n2,b\n", "3,c\n"}},
		{"on the target", commas, "1,a\n2,b\n3,c\n", 4, []string{"1,a\n", "2,b\n", "3,c\n"}},
		{"a record longer than the target", commas, "1,aaaaaaaa\n2,b\n", 4, []string{"1,aaaaaaaa\n", "2,b\n"}},
		{"no line feed at the end", commas, "1,a\n2,b", 4, []string{"1,a\n", "2,b"}},
		{"line feeds in quotes", commas, "1,\"a\nb\nc\"\n2,b\n", 3, []string{"1,\"a\nb\nc\"\n", "2,b\n"}},
		{"a quote that is never closed", commas, "1,a\n2,\"b\n3,c\n", 4, []string{"1,a\n", "2,\"b\n3,c\n"}},
		{"blank lines", commas, "\n\r\n1,a\n\n", 3, []string{"\n\r\n", "1,a\n", "\n"}},
		{"quotes are text in NDJSON", lines, "{\"a\":\"\\\"\"}\n{}\n", 1, []string{"{\"a\":\"\\\"\"}\n", "{}\n"}},
		{"quotes in a comment", commented, "#\"\n1,a\n2,b\n", 3, []string{"#\"\n", "1,a\n", "2,b\n"}},
		{"UTF-16", utf16le, "\"\x00\n\x00\"\x00\n\x00a\n\n\x00", 3, []string{"\"\x00\n\x00\"\x00\n\x00", "a\n\n\x00"}},
		{"all in one", lines, "{}\n{}\n", 100, []string{"{}\n{}\n"}},
	} {
		if got := cutAll(t, []byte(c.content), 7, c.dialect, c.target); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestCutRefusesEndlessRecords(t *testing.T) {
	content := "1,a\n2,\"" + strings.Repeat("never closed\n", 200_000)
	c := newCutter(strings.NewReader(content), 100, commas, 1<<20)
	_, err := c.cut(&strings.Builder{}, 8<<20)
	if !fault.IsPermanent(err) ||
		!strings.Contains(err.Error(), "the record at byte 104 is longer than 1 MiB (maxRecordMB)") {
		t.Errorf("got %v", err)
	}
	c = newCutter(iotest.OneByteReader(strings.NewReader("1,a\n2")), 5, utf16le, 1<<20)
	if _, err := c.cut(&strings.Builder{}, 100); !fault.IsPermanent(err) ||
		!strings.Contains(err.Error(), "its last byte, 9, is half of a character") {
		t.Errorf("got %v", err)
	}
	// Long pieces of short records are fine.
	c = newCutter(strings.NewReader(strings.Repeat("1,a\n", 1<<20)), 0, commas, 1<<20)
	if n, err := c.cut(&strings.Builder{}, 4<<20); err != nil || n != 4<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}
}

var errReset = errors.New("connection reset by peer")

func TestCutFailures(t *testing.T) {
	c := newCutter(iotest.DataErrReader(iotest.TimeoutReader(strings.NewReader("1,a\n2,b\n"))), 5, commas, 1<<20)
	if _, err := c.cut(&strings.Builder{}, 100); !errors.Is(err, iotest.ErrTimeout) ||
		!strings.Contains(err.Error(), "read from byte 13") {
		t.Errorf("reading: %v", err)
	}
	c = newCutter(strings.NewReader("1,a\n"), 5, commas, 1<<20)
	if _, err := c.cut(fullDisk{}, 100); !errors.Is(err, errReset) ||
		!strings.Contains(err.Error(), "spool the piece at byte 5") {
		t.Errorf("writing: %v", err)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errReset }

// checkPieces proves the pieces by the definition of a record: together they are the content, each but the last ends
// with a record, and no piece could have ended earlier.
func checkPieces(t testing.TB, content []byte, d contract.Dialect, target int64, pieces []string) {
	t.Helper()
	if got := strings.Join(pieces, ""); got != string(content) {
		t.Fatalf("the pieces are %q, the content is %q", pieces, content)
	}
	for i, p := range pieces {
		for rest := []byte(p); len(rest) > 0; {
			n, whole := record.End(rest, d)
			if !whole && i < len(pieces)-1 {
				t.Fatalf("piece %d of %q ends within a record", i, pieces)
			}
			if rest = rest[n:]; len(rest) > 0 && int64(len(p)-len(rest)) >= target {
				t.Fatalf("piece %d of %q continues past %d bytes", i, pieces, target)
			}
		}
	}
}

func TestCutsAreRecords(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2_000 {
		content := make([]byte, random.IntN(200))
		for i := range content {
			content[i] = "a,\"\"\n\r#"[random.IntN(7)]
		}
		d := []contract.Dialect{commas, lines, commented}[random.IntN(3)]
		target := int64(1 + random.IntN(60))
		checkPieces(t, content, d, target, cutAll(t, content, 0, d, target))
	}
}

func FuzzCut(f *testing.F) {
	f.Add([]byte("1,\"a\nb\"\r\n2,b\n"), uint8(3), false)
	f.Add([]byte("{\"a\":1}\n{}"), uint8(1), true)
	f.Fuzz(func(t *testing.T, content []byte, target uint8, ndjson bool) {
		d, want := commas, int64(target)+1
		if ndjson {
			d = lines
		}
		checkPieces(t, content, d, want, cutAll(t, content, 0, d, want))
	})
}
