package chunk

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"dip/contract"
)

func TestFindStart(t *testing.T) {
	semicolons := contract.Dialect{Encoding: contract.CSV, Delimiter: ";", Quote: "'"}
	lines := contract.Dialect{Encoding: contract.CSV, Delimiter: "\t"}
	hashes := contract.Dialect{Encoding: contract.CSV, Delimiter: ",", Quote: `"`, Comment: "#"}
	more, nothing := Guess{NeedMore: true}, Guess{}
	found := func(offset int, certain bool) Guess { return Guess{Offset: offset, Found: true, Certain: certain} }
	tests := map[string]struct {
		window  string // its first byte is the one before the cut
		dialect contract.Dialect
		columns int
		last    bool
		want    Guess
	}{
		"json: cut on a start":         {"\n{}\n", jsonDialect, 0, false, found(0, true)},
		"json: cut in a record":        {"1}\n{}\n", jsonDialect, 0, false, found(2, true)},
		"json: quotes have no meaning": {"\"}\n\"\n", jsonDialect, 0, false, found(2, true)},
		"json: no line feed":           {"1,2,3", jsonDialect, 0, false, more},
		"json: no line feed, last":     {"1,2,3", jsonDialect, 0, true, nothing},
		"plain":                        {",2\n3,4\n5,6\n", csvDialect, 2, false, found(2, false)},
		"cut on a start":               {"\n3,4\n5,6\n", csvDialect, 2, false, found(0, false)},
		"last window without records":  {"23,4", csvDialect, 2, true, nothing},
		"window without records":       {"23,4", csvDialect, 2, false, more},
		"hypotheses are tied":          {"2\n3,4", csvDialect, 2, false, more},
		"hypotheses are tied, last":    {"2\n3,4", csvDialect, 2, true, found(1, false)},
		"start at the range's end":     {"23,4\n", csvDialect, 2, true, found(4, false)},
		"inside quotes": {"text\ntext\ntext\",2\n3,4\n\"a\",5\n", csvDialect, 2, false,
			found(17, false)},
		"outside, quoted fields":             {"1\n\"a\",2\n\"b\",3\n\"c\",4\n", csvDialect, 2, false, found(1, false)},
		"quotes join before the start":       {"b\",2\n3,4\n", csvDialect, 2, false, found(4, true)},
		"cut between closing quote and feed": {"\"\n3,4\n5,6\n", csvDialect, 2, false, found(1, false)},
		"cut in a doubled quote":             {"\"\"x\"\n3,4\n\"y\",6\n", csvDialect, 2, false, found(4, true)},
		"cut on an opening quote":            {",\"x\n\",1\n3,4\n5,6\n", csvDialect, 2, false, found(7, false)},
		"carriage returns":                   {"x\"\r\n\"a\",2\r\n\"b\",3\r\n", csvDialect, 2, false, found(3, true)},
		"inch signs prove nothing": {"0\npipe 5\" wide,1\npipe 6\" wide,2\n7,8\n", csvDialect, 2, false,
			found(1, false)},
		"one column":                {"a\nb\nc\n", csvDialect, 1, false, found(1, false)},
		"one column, inside quotes": {"a\nb\nc\"\n\"d\"\n", csvDialect, 1, false, found(6, false)},
		"unknown columns":           {"a,b\nc\nd,e\n", csvDialect, 0, false, found(3, false)},
		"text with look-alikes, closed later": {"1,2\n3,4\n5,6\n7,8\n\",9\n\"a\nb\",1\n\"b\",2\n\"c\",4\n", csvDialect, 2,
			false, found(19, false)},
		"ragged records are still records":    {"x\n1\n\"2\"\n3,4,5\n\"6\"\n", csvDialect, 2, false, found(1, false)},
		"ragged without quotes, last":         {"x\n1\n22\n3,4,5\n", csvDialect, 2, true, found(1, false)},
		"other delimiter and quote":           {"text\ntext';2\n3;4\n'a';5\n", semicolons, 2, false, found(12, false)},
		"blank lines are not evidence":        {"x\n\n\r\n\n\n", csvDialect, 2, false, more},
		"malformed field, then a good start":  {"x\n\"a\"b,1\n2,3\n4,5\n6,7\n8,9\n", csvDialect, 2, false, found(1, false)},
		"blank lines are not bad records":     {"x\n\n\r\n\r\n3,4\n5,6\n", csvDialect, 2, false, found(1, false)},
		"too many fields outweigh one record": {"a,b,c\n3,4\n", csvDialect, 2, false, more},
		"very ragged records": {"x\n1\n2\n3\n4\n5\n6\n7\n8\n9\n\"2\"\n", csvDialect, 2, false,
			found(1, false)},
		"text after convergence is for all": {"x\n1,2\n3,4\n5,6\n7,8\"\n1,2\n3,4\n5,6\n7,8\n", csvDialect, 2, false,
			found(1, false)},
		"many look-alikes, closed later": {"1,2\n" + strings.Repeat("3,4\n", 8) + "\",9\n\"a\nb\",1\n", csvDialect, 2,
			false, found(39, false)},
		"no quoting: a line feed is an end":    {"text\n\"\t2\n\"3\t4\n", lines, 2, false, found(4, true)},
		"no quoting: cut on a start":           {"\n\"a\nb\"\n", lines, 1, false, found(0, true)},
		"no quoting: no line feed":             {"\"3\t4\"", lines, 2, true, nothing},
		"in a comment, and a quote in it":      {"a,\"b\n1,2\n3,4\n", hashes, 2, false, found(4, false)},
		"a comment is no evidence":             {"x\n#,\"a\n\"b\",2\n\"c\",3\n\"d\",4\n", hashes, 2, false, found(1, false)},
		"no window":                            {"", csvDialect, 2, false, more},
		"too many fields before the first end": {"a,b,c\nd\",1\n2,3\n", csvDialect, 2, false, found(10, false)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := FindStart([]byte(tt.window), tt.dialect, tt.columns, tt.last); got != tt.want {
				t.Errorf("FindStart(%q) = %+v, want %+v", tt.window, got, tt.want)
			}
		})
	}
}

// A certain guess is a theorem: no bytes before the window may lead to another start.
func TestCertainGuessesAreRight(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	certain := 0
	for range 30_000 {
		data := noise(random, 2+random.IntN(40))
		starts := recordStarts(data, 0, csvDialect)
		for cut := 1; cut < len(data); cut++ {
			window := data[cut-1 : cut+1+random.IntN(len(data)-cut)]
			g := FindStart(window, csvDialect, random.IntN(4), random.IntN(2) == 0)
			checkShape(t, window, g)
			if !g.Certain {
				continue
			}
			certain++
			if want := firstAtOrAfter(starts, int64(cut), len(data)); int64(cut+g.Offset) != want {
				t.Fatalf("%q cut at %d: certain of a start at %d, want %d", data, cut, cut+g.Offset, want)
			}
		}
	}
	if certain < 10_000 {
		t.Errorf("%d guesses were certain, too few to be conclusive", certain)
	}
}

// firstAtOrAfter is the first of starts that is not before cut, or the end of the input if there is none.
func firstAtOrAfter(starts []int64, cut int64, end int) int64 {
	for _, s := range starts {
		if s >= cut {
			return s
		}
	}
	return int64(end)
}

// checkShape checks the invariants of a guess.
func checkShape(t *testing.T, window []byte, g Guess) {
	t.Helper()
	switch {
	case g.Found && g.NeedMore, !g.Found && (g.Certain || g.Offset != 0):
		t.Fatalf("window %q: contradictory guess %+v", window, g)
	case g.Found && (g.Offset < 0 || g.Offset >= len(window) || window[g.Offset] != '\n'):
		t.Fatalf("window %q: start %d does not follow a line feed", window, g.Offset)
	}
}

// Typical inputs are nearly always guessed right: a wrong guess is not an error, but costs another read of a chunk.
func TestUsualInputsAreGuessedRight(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	note := func() string {
		switch random.IntN(6) {
		case 0:
			return `"line one, with ""quotes""` + "\nand a second, longer line\r\n\nand, a, third\""
		case 1:
			return `"short, text"`
		default:
			return ""
		}
	}
	inputs := map[string]struct {
		row     func(i int) string
		columns int
		allowed float64 // share of wrong guesses
	}{
		"no quotes":          {func(i int) string { return fmt.Sprintf("%d,2026-01-01,%d.5,Y\n", i, random.IntN(99)) }, 4, 0},
		"quoted notes":       {func(i int) string { return fmt.Sprintf("%d,x,%s\r\n", i, note()) }, 3, 0},
		"all fields quoted":  {func(i int) string { return fmt.Sprintf("\"%d\",\"x\",\"a\nb\"\n", i) }, 3, 0},
		"inch signs":         {func(i int) string { return fmt.Sprintf("%d,%d\" pipe,%d\"\n", i, i, random.IntN(9)) }, 3, 0},
		"one column of text": {func(int) string { return "\"first\nsecond\"\n" }, 1, 0},
		"malformed records":  {func(i int) string { return fmt.Sprintf("%d,\"a \"b\" c\",%s\n", i, note()) }, 3, 0.15},
	}
	for name, in := range inputs {
		t.Run(name, func(t *testing.T) {
			var text strings.Builder
			for i := range 400 {
				text.WriteString(in.row(i))
			}
			data := []byte(text.String())
			starts := recordStarts(data, 0, csvDialect)
			wrong, cuts := 0, len(data)*3/4
			for cut := 1; cut < cuts; cut++ {
				g := FindStart(data[cut-1:], csvDialect, in.columns, true)
				if want := firstAtOrAfter(starts, int64(cut), len(data)); !g.Found || int64(cut+g.Offset) != want {
					wrong++
				}
			}
			if share := float64(wrong) / float64(cuts); share > in.allowed {
				t.Errorf("%d of %d cuts were guessed wrong (%.1f %%), want at most %.1f %%", wrong, cuts, 100*share, 100*in.allowed)
			}
		})
	}
}

func FuzzFindStart(f *testing.F) {
	f.Add([]byte("a,\"b\nc\"\"\"\r\n\n\"\"x\"\n"), byte(','), byte('"'), 2, true)
	f.Add([]byte("\"\r\"a;'b\nc'''\r\n'"), byte(';'), byte('\''), 0, false)
	f.Add([]byte("{\"a\":1}\n{}"), byte(0), byte(0), -1, true)
	f.Fuzz(func(t *testing.T, window []byte, delimiter, quote byte, columns int, last bool) {
		d := contract.Dialect{Encoding: contract.CSV, Delimiter: string(rune(delimiter)), Quote: string(rune(quote))}
		if d.Validate() != nil {
			d = jsonDialect
		}
		g := FindStart(window, d, columns, last)
		checkShape(t, window, g)
		if last && g.NeedMore {
			t.Fatalf("window %q: requests more than the last one", window)
		}
	})
}

func BenchmarkFindStart(b *testing.B) {
	window := bytes.Repeat([]byte("1,2026-01-01 00:00:00,3,4.25,17,Y,132\n"), MinWindow/38)
	b.SetBytes(int64(len(window)))
	for b.Loop() {
		FindStart(window, csvDialect, 7, false)
	}
}
