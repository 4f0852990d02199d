package chunk

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"dip/contract"
)

// load is one input with its planner, readers and chain.
type load struct {
	data    []byte
	body    int
	dialect contract.Dialect
	guess   func(data []byte, r Range) int64 // start of the first record of a chunk other than the first
	random  *rand.Rand
}

// read reads a chunk from start on. It returns the link and the offsets of the records that it read; blank lines are
// covered but do not count as rows.
func (l *load) read(r Range, start int64) (*Link, []int64) {
	if start >= r.End {
		return &Link{Start: start, End: start}, nil
	}
	link := &Link{Start: start, End: int64(len(l.data))}
	var rows []int64
	for _, s := range recordStarts(l.data, int(start), l.dialect) {
		if s >= r.End {
			link.End = s
			break
		}
		if l.data[s] != '\n' {
			link.Rows++
			rows = append(rows, s)
		}
	}
	return link, rows
}

// run lets chunks report in random order and reruns those that the chain requests, until it closes. It returns the rows
// of all chunks in order and the number of reruns.
func (l *load) run(t *testing.T, target int64) (rows []int64, reruns int) {
	t.Helper()
	size := int64(len(l.data))
	ranges := Plan(int64(l.body), size, target)
	links, read := make([]*Link, len(ranges)), make([][]int64, len(ranges))
	for round := 0; ; round++ {
		v := Chain(int64(l.body), size, ranges, links)
		if v.Closed {
			if len(v.Missing)+len(v.Rerun) > 0 || v.Accepted != len(ranges) {
				t.Fatalf("%q: closed, but %+v", l.data, v)
			}
			break
		}
		if len(v.Missing)+len(v.Rerun) == 0 || round > 3*len(ranges)+1 {
			t.Fatalf("%q at target %d: stuck in round %d at %+v, links %v", l.data, target, round, v, links)
		}
		for _, again := range v.Rerun {
			links[again.Index], read[again.Index] = l.read(ranges[again.Index], again.From)
			reruns++
		}
		for k, i := range v.Missing {
			if k > 0 && l.random.IntN(3) == 0 {
				continue
			}
			start := int64(l.body)
			if i > 0 {
				start = l.guess(l.data, ranges[i])
			}
			links[i], read[i] = l.read(ranges[i], start)
		}
	}
	if reruns > len(ranges) {
		t.Fatalf("%q at target %d: %d re-runs of %d chunks", l.data, target, reruns, len(ranges))
	}
	var covered int64
	for i := range ranges {
		covered += links[i].End - links[i].Start
		rows = append(rows, read[i]...)
	}
	if covered != size-int64(l.body) {
		t.Fatalf("%q at target %d: %d bytes covered, want %d", l.data, target, covered, size-int64(l.body))
	}
	return rows, reruns
}

// check runs the load and compares its rows with the sequential reader's.
func (l *load) check(t *testing.T, target int64) (reruns int) {
	t.Helper()
	var want []int64
	for _, s := range recordStarts(l.data, l.body, l.dialect) {
		if l.data[s] != '\n' {
			want = append(want, s)
		}
	}
	rows, reruns := l.run(t, target)
	if !slices.Equal(rows, want) {
		t.Fatalf("%s %q body %d target %d: rows at %v, want %v", l.dialect.Encoding, l.data, l.body, target, rows, want)
	}
	return reruns
}

// finder guesses with FindStart from windows that start at first bytes and double.
func finder(d contract.Dialect, columns, first int) func([]byte, Range) int64 {
	return func(data []byte, r Range) int64 {
		room := int(r.End - r.Start + 1)
		for size := first; ; size *= 2 {
			last := size >= room
			g := FindStart(data[r.Start-1:r.Start-1+int64(min(size, room))], d, columns, last)
			switch {
			case g.Found:
				return r.Start + int64(g.Offset)
			case last:
				return r.End
			}
		}
	}
}

func TestChainConvergesOnRandomInputs(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 4))
	cases := 0
	for range 1_500 {
		data := noise(random, 1+random.IntN(48))
		for _, d := range []contract.Dialect{csvDialect, jsonDialect, commented} {
			for target := int64(1); target <= int64(len(data)); target++ {
				l := load{data: data, body: random.IntN(min(3, len(data)+1)), dialect: d, random: random}
				l.guess = finder(d, random.IntN(4), 1+random.IntN(12))
				l.check(t, target)
				cases++
			}
		}
	}
	if cases < 50_000 {
		t.Errorf("%d cases, want at least 50,000", cases)
	}
}

func TestChainConvergesWhateverIsGuessed(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	reruns := 0
	for range 3_000 {
		data := noise(random, 1+random.IntN(60))
		liar := func(data []byte, r Range) int64 {
			return r.Start + random.Int64N(int64(len(data))-r.Start+1)
		}
		l := load{data: data, dialect: csvDialect, random: random, guess: liar}
		reruns += l.check(t, 1+random.Int64N(20))
	}
	if reruns < 3_000 {
		t.Errorf("%d re-runs, too few to be conclusive", reruns)
	}
}

// In NDJSON a guess is never wrong.
func TestJSONLinesNeedNoRerun(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 6))
	for range 500 {
		data := noise(random, 1+random.IntN(200))
		l := load{data: data, dialect: jsonDialect, random: random, guess: finder(jsonDialect, 0, 8)}
		if reruns := l.check(t, 1+random.Int64N(50)); reruns != 0 {
			t.Fatalf("%q: %d re-runs", data, reruns)
		}
	}
}

func TestChainConvergesOnHugeRecords(t *testing.T) {
	lines := bytes.Repeat([]byte("1,2,3\n4,5,6\n"), 200)
	quotedLines := bytes.Repeat([]byte("1,\"\"2\"\",3\n\"\"x\"\",5,6\n"), 200)
	tests := map[string]string{
		"csv text in one field":          "a,b,\"" + string(lines) + "\"\nc,d,e\n",
		"csv text with doubled quotes":   "a,b,\"" + string(quotedLines) + "\"\nc,d,e\n",
		"field after field of csv text":  "a,\"" + string(lines) + "\",\"" + string(quotedLines) + "\"\nc,d,e\n",
		"quote that never closes":        "a,b,c\nd,e,\"" + string(lines),
		"only line feeds inside":         "a,b,\"" + string(bytes.Repeat([]byte("\n"), 3000)) + "\"\nc,d,e\n",
		"blank lines at the end":         "a,b,c\n" + string(bytes.Repeat([]byte("\r\n\n"), 500)),
		"no final line feed":             string(lines) + "7,8,9",
		"one record, no line feed":       string(bytes.Repeat([]byte("x"), 3000)),
		"closing quote is the last byte": "a,b,\"" + string(lines) + "\"",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(7, 7))
			for _, target := range []int64{37, 100, 333, 1000, int64(len(text)) - 1} {
				l := load{data: []byte(text), dialect: csvDialect, random: random, guess: finder(csvDialect, 3, 64)}
				l.check(t, target)
			}
		})
	}
}
