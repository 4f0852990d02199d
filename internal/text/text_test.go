package text

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
	"unicode/utf8"

	"dip/contract"
	"dip/internal/fault"
)

var others = []contract.Charset{contract.Windows1252, contract.Latin1, contract.UTF16LE, contract.UTF16BE}

func utf16le(text string) string { return units(text, binary.LittleEndian) }

func units(text string, order binary.AppendByteOrder) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

func decodeAll(t *testing.T, c *Charset, raw string) string {
	t.Helper()
	text, err := io.ReadAll(c.Reader(iotest.OneByteReader(strings.NewReader(raw)), 0))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		charset   contract.Charset
		raw, text string
	}{
		{"", "Zo\xc3\xab\xff", "Zo\xc3\xab\xff"},
		{contract.Windows1252, "\x80 \x93Zo\xeb\x94 \x9f\xff\n", "€ “Zoë” Ÿÿ\n"},
		{contract.Windows1252, "a\x81\x8d\x8f\x90\x9d", "a\xed\xb2\x81\xed\xb2\x8d\xed\xb2\x8f\xed\xb2\x90\xed\xb2\x9d"},
		{contract.Latin1, "Zo\xeb \x80\x81\xa4", "Zoë \u0080\u0081¤"},
		{contract.UTF16LE, "\xff\xfea\x00\x0a\x00\xeb\x00=\xd8\x00\xde", "\ufeffa\në😀"},
		{contract.UTF16BE, "\xfe\xff\x00a\x00\x0a\x00\xeb\xd8=\xde\x00", "\ufeffa\në😀"},
		{contract.UTF16LE, "=\xd8a\x00", "\xed\xa0\xbda"},         // a high surrogate alone
		{contract.UTF16LE, "\x00\xdea\x00", "\xed\xb8\x80a"},      // a low one
		{contract.UTF16LE, "=\xd8=\xd8\x00\xde", "\xed\xa0\xbd😀"}, // and before a pair
		{contract.UTF16BE, "a\x00\xd8=", "愀\xed\xa0\xbd"},         // at the end
	} {
		charset := Of(c.charset)
		if got := decodeAll(t, charset, c.raw); got != c.text {
			t.Errorf("%s: % x is %q, want %q", c.charset, c.raw, got, c.text)
		}
		if raw := charset.Raw([]byte(c.text)); string(raw) != c.raw || charset.Len([]byte(c.text)) != int64(len(raw)) {
			t.Errorf("%s: %q was % x, want % x; %d bytes", c.charset, c.text, raw, c.raw, charset.Len([]byte(c.text)))
		}
	}
}

// Each character of a text stands for the bytes that it was made of, whatever bytes they are.
func TestNothingIsLost(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 4_000 {
		raw := make([]byte, 2*random.IntN(40))
		for i := range raw {
			raw[i] = []byte{0, 'a', '\n', 0xd8, 0xdc, 0xdb, 0xdf, 0x81, byte(random.Uint32())}[random.IntN(9)]
		}
		for _, name := range others {
			c := Of(name)
			text := []byte(decodeAll(t, c, string(raw)))
			if got := c.Raw(text); !bytes.Equal(got, raw) {
				t.Fatalf("%s: % x became % x", name, raw, got)
			}
			if fault := c.Fault(text); (fault == "") != utf8.Valid(text) {
				t.Fatalf("%s: % x: %q", name, raw, fault)
			}
			if n := len(c.Narrow(raw)) * c.Unit(); n != len(raw) {
				t.Fatalf("%s: % x narrowed to %d bytes", name, raw, n)
			}
			for n := range int64(len(raw) + 2) {
				i := c.Prefix(text, n)
				_, size := runeAt(append(text[i:len(text):len(text)], 'x'))
				if c.Len(text[:i]) > n || i < len(text) && c.Len(text[:i+size]) <= n {
					t.Fatalf("%s: %d bytes of % x are %q of %q", name, n, raw, text[:i], text)
				}
			}
		}
	}
}

func TestNarrow(t *testing.T) {
	for _, c := range []struct {
		charset   contract.Charset
		raw, want string
	}{
		{"", "a\xff", "a\xff"}, {contract.Latin1, "a\xff", "a\xff"},
		{contract.UTF16LE, utf16le("a\n\"ë\u0a00ਊ€"), "a\n\"\x80\x80\x80\x80"},
		{contract.UTF16BE, units("a\n\"ë\u0a00ਊ€", binary.BigEndian), "a\n\"\x80\x80\x80\x80"},
	} {
		if got := Of(c.charset).Narrow([]byte(c.raw)); string(got) != c.want {
			t.Errorf("%s: %q, want %q", c.charset, got, c.want)
		}
	}
}

func TestFault(t *testing.T) {
	for _, c := range []struct {
		charset   contract.Charset
		raw, want string
	}{
		{contract.Windows1252, "\x80a\x81", "byte 0x81, byte 2 of the record, is no character of windows-1252"},
		{contract.UTF16LE, utf16le("😀a") + "=\xd8", "U+D83D at byte 6 of the record is half of a surrogate pair"},
		{contract.UTF16LE, utf16le("😀a\ufffd"), ""}, {"", "\xff", ""}, {contract.Latin1, "\x81\xff", ""},
	} {
		charset := Of(c.charset)
		if got := charset.Fault([]byte(decodeAll(t, charset, c.raw))); got != c.want {
			t.Errorf("%s: % x: %q, want %q", c.charset, c.raw, got, c.want)
		}
	}
}

// A text that ends within a unit is refused with the byte, however it arrives.
func TestHalfOfACharacter(t *testing.T) {
	for name, pieces := range map[string]func(io.Reader) io.Reader{"bytes": iotest.OneByteReader,
		"end with data": iotest.DataErrReader} {
		for _, footer := range []int{0, 1} {
			c := Of(contract.UTF16LE)
			in := pieces(strings.NewReader(utf16le("a\nb") + "x"))
			if footer > 0 {
				in = c.Body(in, footer, 1<<20, 100)
			}
			text, err := io.ReadAll(c.Reader(in, 100))
			if want := "its last byte, 106, is half of a character"; !fault.IsPermanent(err) ||
				!strings.Contains(err.Error(), want) {
				t.Errorf("%s, a footer of %d lines: %q, %v", name, footer, text, err)
			}
		}
	}
	broken := errors.New("reset")
	interrupted := io.MultiReader(strings.NewReader("a\x00b"), iotest.ErrReader(broken))
	_, err := io.ReadAll(Of(contract.UTF16LE).Reader(interrupted, 0))
	if !errors.Is(err, broken) || fault.IsPermanent(err) {
		t.Errorf("a network failure within a character: %v", err)
	}
}

// lastLines is the definition: what is left when the first lines are cut off.
func lastLines(text string, n int) (string, int) {
	lines := strings.SplitAfter(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	from := max(0, len(lines)-n)
	return strings.Join(lines[from:], ""), len(lines) - from
}

func TestLastLines(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 5_000 {
		var b strings.Builder
		for range random.IntN(12) {
			b.WriteString([]string{"\n", "a", "ë", "ਊ", "\u0a00", "\r\n", "😀"}[random.IntN(7)])
		}
		text, n := b.String(), random.IntN(5)
		want, lines := lastLines(text, n)
		for name, write := range map[contract.Charset]func(string) string{"": func(s string) string { return s },
			contract.UTF16LE: utf16le, contract.UTF16BE: func(s string) string { return units(s, binary.BigEndian) }} {
			c, raw := Of(name), write(text)
			at, found := c.LastLines([]byte(raw), n)
			if raw[at:] != write(want) || found != lines {
				t.Fatalf("the last %d lines of %q in %s are %q (%d), want %q", n, text, name, raw[at:], found, want)
			}
			body := c.Body(iotest.HalfReader(strings.NewReader(raw)), n, 1<<20, 0)
			read, err := io.ReadAll(body)
			if lines < n {
				if !fault.IsPermanent(err) || !strings.Contains(err.Error(), fmt.Sprintf("fewer than %d lines", n)) {
					t.Fatalf("%d lines of %q: %v", n, text, err)
				}
				continue
			}
			footer := contract.Skipped{Lines: int64(n), Bytes: int64(len(write(want)))}
			if err != nil || string(read)+raw[at:] != raw || body.Footer() != footer {
				t.Fatalf("%q without %d lines in %s: %q, %+v, %v", text, n, name, read, body.Footer(), err)
			}
		}
	}
}

// A long input passes through in pieces, with little of it in memory.
func TestBodyOfALongInput(t *testing.T) {
	text := strings.Repeat(strings.Repeat("a", 99)+"\n", 50_000)
	for _, c := range []struct {
		name   string
		pieces func(io.Reader) io.Reader
	}{{"at once", func(r io.Reader) io.Reader { return r }}, {"in halves", iotest.HalfReader},
		{"end with data", iotest.DataErrReader}} {
		b := Of("").Body(c.pieces(strings.NewReader(text)), 3, 1<<20, 0)
		read, err := io.ReadAll(b)
		if err != nil || string(read) != text[:len(text)-300] || b.Footer().Bytes != 300 {
			t.Errorf("%s: %d bytes, %+v, %v", c.name, len(read), b.Footer(), err)
		}
		if len(b.buffer) > 4*blockSize {
			t.Errorf("%s: %d bytes in memory", c.name, len(b.buffer))
		}
	}
	b := Of("").Body(strings.NewReader("a\n"+strings.Repeat("b", 3<<20)), 1, 1<<20, 0)
	if _, err := io.ReadAll(b); !fault.IsPermanent(err) ||
		!strings.Contains(err.Error(), "1 lines of the input (footerLines) are longer than 1 MiB (maxRecordMB)") {
		t.Error(err)
	}
}
