package terminal

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB",
		300_000_000: "300.0 MB", 1<<63 - 1: "9.2 EB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -12345: "-12,345"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.0s", 420 * time.Millisecond: "0.4s", 59949 * time.Millisecond: "59.9s", 59950 * time.Millisecond: "1m00s",
		185 * time.Second: "3m05s", 3599600 * time.Millisecond: "1h00m", 124 * time.Minute: "2h04m",
		74 * time.Hour: "3d02h", -2 * time.Second: "-2.0s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int64{
		"300MB": 300e6, "300 mb": 300e6, "64MiB": 64 << 20, "1.5GB": 1.5e9, "4096": 4096, "12b": 12, "1TiB": 1 << 40,
	} {
		if got, err := ParseBytes(text); err != nil || got != want {
			t.Errorf("ParseBytes(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "MB", "-1MB", "12 parsec", "1e30TB", "NaN"} {
		if got, err := ParseBytes(text); err == nil {
			t.Errorf("ParseBytes(%q) = %d, want an error", text, got)
		}
	}
}

func TestPrintableKeepsTheCursorWhereItIs(t *testing.T) {
	for in, want := range map[string]string{
		"plain, \"quoted\" ü 東": "plain, \"quoted\" ü 東",
		"a\x1b[2Jb":             `a\x1b[2Jb`,
		"line\r\nbreak\t":       `line\r\nbreak\t`,
		"bad \xff byte":         `bad \xff byte`,
		"say \"hi\"\n":          `say "hi"\n`,
		"right\u202eto left":    `right\u202eto left`,
		"back\\slash stays one": "back\\slash stays one",
	} {
		if got := Printable(in); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestFit(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{
		{"short", 8, "short"},
		{"exactly8", 8, "exactly8"},
		{"trips-2026-01-31.csv", 12, "trips-…1.csv"},
		{"東京都東京都東京都", 8, "東京…京"},
		{"abc", 1, "…"},
		{"abc", 0, ""},
	} {
		got := Fit(c.in, c.n)
		if Columns(got) > c.n {
			t.Errorf("Fit(%q, %d) = %q takes %d columns", c.in, c.n, got, Columns(got))
		}
		if c.in == "東京都東京都東京都" {
			continue // the check above covers how many wide runes fit
		}
		if got != c.want {
			t.Errorf("Fit(%q, %d) = %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

func TestBar(t *testing.T) {
	for share, want := range map[float64]string{
		0: "[>       ]", 0.5: "[====>   ]", 0.99: "[=======>]", 1: "[========]", 7: "[========]", -1: "[>       ]",
	} {
		if got := Bar(share, 10); got != want {
			t.Errorf("Bar(%v) = %q, want %q", share, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	columns := []Column{{Title: "NAME", Flex: true}, {Title: "QUARANTINED", Short: "QUAR", Right: true}, {Title: "STATE"}}
	rows := [][]string{{"a-rather-long-name.csv", "12", "ok"}, {"b\x1b[1m", "1,234", "failed"}}
	for _, c := range []struct {
		width int
		want  string
	}{
		{0, "" +
			"NAME                    QUARANTINED  STATE\n" +
			"a-rather-long-name.csv           12  ok\n" +
			"b\\x1b[1m                      1,234  failed\n"},
		{28, "" +
			"NAME             QUAR STATE\n" +
			"a-rathe…ame.csv    12 ok\n" +
			"b\\x1b[1m        1,234 failed\n"},
	} {
		got := Table(c.width, columns, rows)
		if got != c.want {
			t.Errorf("Table at %d:\n%s\nwant:\n%s", c.width, got, c.want)
		}
	}
}

func TestLiveRegionIsReplacedAndStaysBelow(t *testing.T) {
	var out bytes.Buffer
	s := &Screen{Out: &out, Err: &out, ErrWidth: 20}
	s.Live("one", "two")
	s.Live("three" + strings.Repeat("x", 40))
	if err := s.Printf("result\n"); err != nil {
		t.Fatal(err)
	}
	got := out.String()
	want := "one\ntwo\n" + "\x1b[2A\x1b[J" + "threexxxx…xxxxxxxxx\n" + "\x1b[1A\x1b[J" + "result\n"
	if got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestNoTerminalNoEscapes(t *testing.T) {
	var out, errs bytes.Buffer
	s := &Screen{Out: &out, Err: &errs}
	s.Live("progress")
	s.Notef("note %d", 1)
	if out.Len() != 0 || errs.String() != "note 1\n" {
		t.Errorf("out %q, err %q", out.String(), errs.String())
	}
}
