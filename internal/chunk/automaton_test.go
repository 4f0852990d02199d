package chunk

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"dip/contract"
)

var (
	csvDialect  = contract.Dialect{Encoding: contract.CSV, Delimiter: ",", Quote: `"`}
	jsonDialect = contract.Dialect{Encoding: contract.NDJSON}
	// commented has comments, whose character is one of noise's.
	commented = contract.Dialect{Encoding: contract.CSV, Delimiter: ",", Quote: `"`, Comment: "a"}
)

// recordStarts is the reference: the offsets of all records of data from body on, found one byte at a time.
func recordStarts(data []byte, body int, d contract.Dialect) []int64 {
	const (
		start = iota
		plain
		inside
		closed
		comment
	)
	var starts []int64
	state, open := start, false
	for i := body; i < len(data); i++ {
		c := data[i]
		if !open {
			starts, open, state = append(starts, int64(i)), true, start
			if d.Comment != "" && c == d.Comment[0] {
				state = comment
			}
		}
		if d.Encoding == contract.NDJSON {
			open = c != '\n'
			continue
		}
		isQuote, isDelimiter := c == d.Quote[0], c == d.Delimiter[0]
		switch state {
		case start:
			switch {
			case isQuote:
				state = inside
			case isDelimiter:
			case c == '\n':
				open = false
			default:
				state = plain
			}
		case plain:
			switch {
			case isDelimiter:
				state = start
			case c == '\n':
				open = false
			}
		case inside:
			if isQuote {
				state = closed
			}
		case comment:
			open = c != '\n'
		case closed:
			switch {
			case isQuote:
				state = inside
			case isDelimiter:
				state = start
			case c == '\n':
				open = false
			default:
				state = plain
			}
		}
	}
	return starts
}

// scanStarts finds the same offsets with a Scanner fed pieces of random sizes.
func scanStarts(data []byte, body int, d contract.Dialect, random *rand.Rand) []int64 {
	var starts []int64
	s := NewScanner(d)
	for start, at := body, body; at < len(data); {
		piece := data[at:min(len(data), at+1+random.IntN(1+random.IntN(len(data))))]
		n, ended := s.Next(piece)
		at += n
		if ended || at == len(data) {
			starts, start = append(starts, int64(start)), at
		}
	}
	return starts
}

// noise makes n bytes in which every transition of the automaton is common.
func noise(random *rand.Rand, n int) []byte {
	const alphabet = "\"\"\",,\n\n\rab"
	data := make([]byte, n)
	for i := range data {
		data[i] = alphabet[random.IntN(len(alphabet))]
	}
	return data
}

func TestScannerAgreesWithTheAutomaton(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for range 50_000 {
		data := noise(random, 1+random.IntN(40))
		for _, d := range []contract.Dialect{csvDialect, jsonDialect, commented} {
			if want, got := recordStarts(data, 0, d), scanStarts(data, 0, d, random); !slices.Equal(got, want) {
				t.Fatalf("%s %q: records start at %v, want %v", d.Encoding, data, got, want)
			}
		}
	}
}

func TestScannerKeepsItsStateBetweenPieces(t *testing.T) {
	record := []byte("a,\"x\n\"\"y\"\"\n\",b\"\",\"z\"\r\n")
	for cut := 1; cut < len(record); cut++ {
		s := NewScanner(csvDialect)
		if n, ended := s.Next(record[:cut]); n != cut || ended {
			t.Fatalf("Next(%q) = %d, %t, want %d, false", record[:cut], n, ended, cut)
		}
		if n, ended := s.Next(record[cut:]); n != len(record)-cut || !ended {
			t.Fatalf("Next(%q) after %q = %d, %t, want %d, true", record[cut:], record[:cut], n, ended, len(record)-cut)
		}
	}
}

func FuzzScanner(f *testing.F) {
	f.Add([]byte("a,\"b\nc\"\"\"\r\n\n\"\"x\"\n"), byte(','), byte('"'), uint64(1))
	f.Add([]byte("a;'b\nc'''\r\n'"), byte(';'), byte('\''), uint64(2))
	f.Fuzz(func(t *testing.T, data []byte, delimiter, quote byte, seed uint64) {
		d := contract.Dialect{Encoding: contract.CSV, Delimiter: string(rune(delimiter)), Quote: string(rune(quote))}
		if d.Validate() != nil {
			t.Skip()
		}
		random := rand.New(rand.NewPCG(seed, 0))
		if want, got := recordStarts(data, 0, d), scanStarts(data, 0, d, random); !slices.Equal(got, want) {
			t.Fatalf("%q: records start at %v, want %v", data, got, want)
		}
	})
}

func BenchmarkScanner(b *testing.B) {
	for name, record := range map[string]string{
		"plain":  "1,2026-01-01 00:00:00,3,4.25,17,Y,132,88,1,12.50,2.10,0.00,14.60,\n",
		"quoted": "1,\"2026-01-01 00:00:00\",3,\"4.25\",17,\"Y\",132,\"said \"\"no\"\",\nleft\",1,\"12.50\"\n",
	} {
		b.Run(name, func(b *testing.B) {
			data := bytes.Repeat([]byte(record), 100_000)
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				s := NewScanner(csvDialect)
				for at := 0; at < len(data); {
					n, _ := s.Next(data[at:])
					at += n
				}
			}
		})
	}
}

// Without quoting every line feed ends a record, in pieces of any size.
func TestScannerWithoutQuoting(t *testing.T) {
	lines := contract.Dialect{Encoding: contract.CSV, Delimiter: "\t"}
	data := []byte("1\t\"a\n2\t\"\n\"\n\n3\tb\"\r\n\"4")
	want := []int64{0, 5, 9, 11, 12, 18}
	for seed := range uint64(20) {
		if got := scanStarts(data, 0, lines, rand.New(rand.NewPCG(seed, 1))); !slices.Equal(got, want) {
			t.Errorf("records start at %v, want %v", got, want)
		}
	}
}
