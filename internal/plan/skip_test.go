package plan

import (
	"reflect"
	"strings"
	"testing"

	"dip/contract"
	"dip/internal/ledger"
)

// with changes the dialect of a segment in the load's catalog.
func (w *world) with(segment string, change func(*contract.Dialect)) {
	w.t.Helper()
	w.change(func(l *ledger.Load) { l.Segment = segment })
	w.pin(changed(w.t, w.catalog, func(all *contract.Catalog) {
		s := all.Segments[segment]
		change(&s.Dialect)
		all.Segments[segment] = s
	}))
}

func wide(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		b.Write([]byte{c, 0})
	}
	return b.String()
}

func TestPlanOfSkippedLines(t *testing.T) {
	dialect := func(skip, footer int, comment string, charset contract.Charset) func(*contract.Dialect) {
		return func(d *contract.Dialect) {
			d.SkipLines, d.FooterLines, d.Comment, d.Charset = skip, footer, comment, charset
		}
	}
	skipped := func(lines, bytes int64) contract.Skipped { return contract.Skipped{Lines: lines, Bytes: bytes} }
	long := strings.Repeat("x", 200_000)
	for _, c := range []struct {
		name, segment, input string
		change               func(*contract.Dialect)
		front                contract.Skipped
		body                 int64
		footer               contract.Skipped
		last                 int64 // end of the last chunk
	}{
		{"lines before the header", "things", "a \"title\n\r\nid,note\n1,a\n", dialect(2, 0, "", ""), skipped(2, 11), 19,
			skipped(0, 0), 23},
		{"after a byte order mark", "things", "\ufeffa\nid,note\n1,a\n",
			dialect(1, 0, "", ""), skipped(1, 2), 13, skipped(0, 0),
			17},
		{"a long line", "things", long + long + "\nid,note\n1,a\n", dialect(1, 0, "", ""), skipped(1, 400_001), 400_009,
			skipped(0, 0), 400_013},
		{"the last line without a line end", "bare", "title", dialect(1, 0, "", ""), skipped(1, 5), 5, skipped(0, 0), 0},
		{"comments before the header", "things", "# \"a\n\n#b\r\nid,note\n#\n1,a\n",
			dialect(0, 0, "#", ""), skipped(2, 9), 18,
			skipped(0, 0), 24},
		{"comments without a header", "bare", "#a\n1,a\n", dialect(0, 0, "#", ""), skipped(0, 0), 0, skipped(0, 0), 7},
		{"comments, and nothing else", "things", "#a\n#b", dialect(0, 0, "#", ""), skipped(2, 5), 5, skipped(0, 0), 0},
		{"a footer", "things", "id,note\n1,a\nTOTAL\n", dialect(0, 1, "", ""), skipped(0, 0), 8, skipped(1, 6), 12},
		{"a footer without a line end", "things", "id,note\n1,a\nTOTAL\n--", dialect(0, 2, "", ""), skipped(0, 0), 8,
			skipped(2, 8), 12},
		{"a footer is all there is", "things", "id,note\nTOTAL\n", dialect(0, 1, "", ""), skipped(0, 0), 8, skipped(1, 6), 0},
		{"a long footer", "things", "id,note\n1,a\n" + long + "\n\n", dialect(0, 2, "", ""), skipped(0, 0), 8,
			skipped(2, 200_002), 12},
		{"a footer as long as what is read", "things", "id,note\n1,a\n" + long[:tailSize-1] + "\n", dialect(0, 1, "", ""),
			skipped(0, 0), 8, skipped(1, tailSize), 12},
		{"UTF-16", "things", "\xff\xfe" + wide("t\n#\nid,note\n1,a\nTOTAL\n"),
			dialect(1, 1, "#", contract.UTF16LE), skipped(2, 8), 26,
			skipped(1, 12), 34},
	} {
		w, s := start(t, c.input)
		w.with(c.segment, c.change)
		got, err := s.Handle(t.Context(), contract.WorkflowInput{Load: "L"})
		load, chunks := w.stands()
		if err != nil || load.Plan == nil {
			t.Errorf("%s: %+v, %v", c.name, got, err)
			continue
		}
		last := int64(0)
		for _, k := range chunks {
			last = k.End
		}
		if p := load.Plan; p.Front != c.front || p.Body != c.body || p.Footer != c.footer || last != c.last {
			t.Errorf("%s: skipped %+v, body %d, footer %+v, the last chunk ends at %d", c.name, p.Front, p.Body, p.Footer, last)
		}
	}
}

func TestSkippedLinesThatAreNot(t *testing.T) {
	for _, c := range []struct {
		name, input string
		change      func(*contract.Dialect)
		want        string
	}{
		{"too few lines", "a\nb\n", func(d *contract.Dialect) { d.SkipLines = 3 },
			"the input has 2 lines, and skipLines skips 3"},
		{"lines that end in CR", "a\rb\rid,note\r", func(d *contract.Dialect) { d.SkipLines = 2 }, "end in CR alone"},
		{"endless lines", strings.Repeat("x", 3<<20), func(d *contract.Dialect) { d.SkipLines = 1 },
			"the first 1 lines (skipLines) are longer than 1 MiB (maxRecordMB)"},
		{"a comment that ends in CR", "#a\rid,note\r", func(d *contract.Dialect) { d.Comment = "#" },
			"a comment has a CR without LF: the lines of the input end in CR alone"},
		{"a comment after the header that ends in CR", "id,note\n#a\r1,a\r", func(d *contract.Dialect) { d.Comment = "#" },
			"a comment has a CR without LF"},
		{"no footer", "id,note\n1,a\n", func(d *contract.Dialect) { d.FooterLines = 2 },
			"the input has fewer than 2 lines from byte 8 on, where its records begin, and footerLines skips as many"},
		{"no footer, and no records", "id,note\n", func(d *contract.Dialect) { d.FooterLines = 1 },
			"the input has fewer than 1 lines from byte 8 on"},
		{"an endless footer", "id,note\n1,a\n" + strings.Repeat("x", 3<<20), func(d *contract.Dialect) { d.FooterLines = 1 },
			"1 lines of the input (footerLines) are longer than 1 MiB (maxRecordMB)"},
		{"half a character", wide("id,note\n1,a\n") + "2", func(d *contract.Dialect) { d.Charset = contract.UTF16LE },
			"its last byte, 24, is half of a character"},
	} {
		w, s := start(t, c.input)
		w.with("things", c.change)
		got, err := s.Handle(t.Context(), contract.WorkflowInput{Load: "L"})
		if err != nil || got.Action != contract.ActionFail || !strings.Contains(got.Cause, c.want) || w.writes != nil ||
			w.lake.Streams() != 0 {
			t.Errorf("%s: %+v, %v; want %q", c.name, got, err, c.want)
		}
	}
}

// Cuts fall between the units of UTF-16, wherever the target is.
func TestCutsAreBetweenUnits(t *testing.T) {
	for target := int64(1); target < 9; target++ {
		plan := ledger.Plan{Compression: contract.Plain, Body: 6, Footer: contract.Skipped{Lines: 1, Bytes: 4}}
		chunks := cut(plan, 40, target, 2)
		at := int64(6)
		for _, c := range chunks {
			if c.Start != at || c.Start%2 != 0 || c.End <= c.Start {
				t.Errorf("target %d: %+v after byte %d", target, c, at)
			}
			at = c.End
		}
		if at != 36 || !reflect.DeepEqual(chunks[0].From, &plan.Body) {
			t.Errorf("target %d: the chunks end at byte %d", target, at)
		}
	}
}
