package send

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dip/internal/gateway"
)

// lines makes an input: good records, some of them the same, blank lines and what is no record.
func (w *world) lines(n int) (text string, good []string, bad []int64) {
	var b strings.Builder
	for i := range n {
		line := fmt.Sprintf(`{"id":"r%d","v":%d}`, i, w.IntN(5))
		switch w.IntN(12) {
		case 0:
			line = ""
		case 1:
			line, bad = fmt.Sprintf(`{"id":"r%d"`, i), append(bad, int64(i+1))
		case 2:
			line, bad = "[1]", append(bad, int64(i+1))
		case 3:
			line = fmt.Sprintf(`{"id":"r%d","pad":%q}`, i, strings.Repeat("x", w.IntN(60_000)))
			good = append(good, line)
			line = "  " + line + "\r"
		case 4:
			if w.IntN(20) == 0 {
				line = fmt.Sprintf(`{"id":"r%d","pad":%q}`, i, strings.Repeat("x", 1<<20))
				bad = append(bad, int64(i+1))
				break
			}
			fallthrough
		default:
			good = append(good, line)
		}
		if b.WriteString(line); i < n-1 || w.IntN(2) == 0 {
			b.WriteByte('\n')
		}
	}
	return b.String(), good, bad
}

// Whatever fails and wherever the sender dies: each record has one id in the stream, and what is no record is reported
// once.
func TestEachRecordArrivesUnderOneID(t *testing.T) {
	runs := 60
	if testing.Short() {
		runs = 20
	}
	for seed := range uint64(runs) {
		synctest.Test(t, func(t *testing.T) {
			w, stop := newWorld(t, seed)
			defer stop()
			member := ""
			if seed%2 == 1 {
				member = "id"
			}
			text, good, bad := w.lines(1 + w.IntN(3000))
			w.kill = w.IntN(30)
			died := 0
			for {
				w.dead, w.refused = false, w.refused[:w.state.RefusedBytes]
				if died > 40 {
					w.kill = 0
				}
				reached, err := w.sender(member).Run(t.Context(), strings.NewReader(text[w.state.Offset:]), w.state)
				if err == nil {
					if int(reached.Offset) != len(text) || reached.Records != int64(len(good)+len(bad)) ||
						reached.Refused != int64(len(bad)) {
						t.Errorf("seed %d: reached %+v of %d bytes, %d good, %d bad", seed, reached, len(text), len(good),
							len(bad))
					}
					break
				}
				if died++; !w.dead {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
			got := slices.Sorted(maps.Values(w.stream))
			if slices.Sort(good); !slices.Equal(got, good) {
				t.Errorf("seed %d, %d deaths: the stream has %d records under their ids, want %d", seed, died, len(got),
					len(good))
			}
			var refused []int64
			for _, r := range w.refused {
				refused = append(refused, r.Line)
				if r.Reason == "" || r.Status != 400 && r.Status != 413 ||
					r.Status == 400 && !strings.HasPrefix(text[r.Offset:], r.Record) {
					t.Errorf("seed %d: %+v", seed, r)
				}
			}
			if !slices.Equal(refused, bad) {
				t.Errorf("seed %d, %d deaths: refused lines %v, want %v", seed, died, refused, bad)
			}
		})
	}
}

// A sender that has no state any more sends everything under the same ids.
func TestARunWithoutStateMakesTheSameIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, stop := newWorld(t, 7)
		defer stop()
		w.calm = true
		text, good, _ := w.lines(2000)
		for range 2 {
			if _, err := w.sender("").Run(t.Context(), strings.NewReader(text), State{}); err != nil {
				t.Fatal(err)
			}
		}
		if len(w.stream) != len(good) || w.puts != 2*len(good) {
			t.Errorf("%d ids, %d puts of %d records", len(w.stream), w.puts, len(good))
		}
	})
}

// Records that name themselves are not sent again once they have arrived; others are, as their place makes their ids.
func TestWhatIsSentAgain(t *testing.T) {
	b := &batch{entries: []entry{{settled: true}, {}, {settled: true}}}
	if got := (&Sender{Member: "id"}).pending(b); !slices.Equal(got, []int{1}) {
		t.Errorf("by member: %v", got)
	}
	if got := (&Sender{}).pending(b); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("by key: %v", got)
	}
	b.entries[1].settled = true
	if got := (&Sender{}).pending(b); len(got) > 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestARunGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, stop := newWorld(t, 1)
		defer stop()
		w.calm = true
		w.token = "another token " + token
		_, err := w.sender("").Run(t.Context(), strings.NewReader("{}\n"), State{})
		if err == nil || !strings.Contains(err.Error(), "401") || !strings.Contains(err.Error(), "the token is unknown") ||
			strings.Contains(err.Error(), token) {
			t.Errorf("a wrong token: %v", err)
		}
		began := time.Now()
		s := w.sender("")
		s.Client = down{}
		_, err = s.Run(t.Context(), strings.NewReader("{}\n"), State{})
		if took := time.Since(began); err == nil || !strings.Contains(err.Error(), "nothing was accepted for") ||
			took < s.Patience || took > s.Patience+time.Minute {
			t.Errorf("a gateway that is down: %v after %s", err, took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		if _, err := s.Run(ctx, strings.NewReader("{}\n"), State{}); !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted: %v", err)
		}
	})
}

type down struct{}

func (down) Do(*http.Request) (*http.Response, error) { return nil, errors.New("no route") }

// A line of any length takes bounded memory, and the ones behind it are in their places.
func TestLinesThatAreTooLong(t *testing.T) {
	limit := gateway.DefaultLimits.Record
	text := "{}\n" + strings.Repeat("x", limit+tolerated+1) + "\n" + strings.Repeat("y", 3<<20) + "\n{\"a\":1}"
	c := newCutter(strings.NewReader(text), State{Line: 10, Offset: 100}, limit)
	var entries []entry
	var refused []Refused
	var end int64
	for {
		b, err := c.next()
		if err != nil {
			t.Fatal(err)
		}
		if b == nil {
			break
		}
		entries, refused, end = append(entries, b.entries...), append(refused, b.refused...), b.end
	}
	if len(entries) != 2 || entries[1].line != 14 || string(entries[1].data) != `{"a":1}` ||
		int(end) != 100+len(text) || len(refused) != 2 || refused[1].Line != 13 || len(refused[1].Record) != shown ||
		!strings.Contains(refused[1].Reason, "3145729 bytes") {
		t.Errorf("%d entries, refused %+v, end %d of %d", len(entries), refused, end, len(text))
	}
	wide := []byte(strings.Repeat("é", limit))
	if got := beginning(wide[1:]); !bytes.HasPrefix(wide[1:], []byte(got)) || len(got) < shown-1 || len(got) > shown {
		t.Errorf("%d bytes", len(got))
	}
}

// Batches begin in the same places wherever a run goes on.
func TestBatchesFollowFromTheInput(t *testing.T) {
	w := &world{}
	w.Rand = newRand(3)
	text, _, _ := w.lines(4000)
	cuts := func(from State) (list []State) {
		c := newCutter(strings.NewReader(text[from.Offset:]), from, gateway.DefaultLimits.Record)
		for {
			b, err := c.next()
			if err != nil {
				t.Fatal(err)
			}
			if b == nil {
				return list
			}
			size := 0
			for _, e := range b.entries {
				size += len(e.data)
			}
			if b.records() > batchRecords || size > batchBytes && len(b.entries) > 1 {
				t.Errorf("a batch of %d records and %d bytes", b.records(), size)
			}
			list = append(list, State{Offset: b.end, Line: b.line})
		}
	}
	all := cuts(State{})
	if len(all) < 8 {
		t.Fatalf("%d batches", len(all))
	}
	for i, from := range all {
		if rest := cuts(from); !slices.Equal(rest, all[i+1:]) {
			t.Errorf("from batch %d: %v, want %v", i+1, rest, all[i+1:])
		}
	}
}
