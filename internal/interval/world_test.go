package interval

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"time"

	"dip/contract"
	"dip/internal/record"
)

// world is a stream with its witness and its processors, made at random from a seed. It keeps the truth: every record
// that was put, in the order of its shard.
type world struct {
	*rand.Rand
	now      int64
	sequence *big.Int
	shards   []*truth
	acks     []Ack
	late     []Ack // of zombies
}

// truth is a shard as it really is.
type truth struct {
	id       string
	parents  []*truth
	children []*truth
	records  []put
	archived int // records that the witness has archived, in batches
	batches  []Batch
	through  int64 // at the end of the archive
	begun    bool
	floor    int64 // the newest marker of its parents
	done     int   // records that were offered to the processors
}

// put is a record of the truth.
type put struct {
	Record
	lane int // of 10: batches of one shard that are processed at once
}

const (
	length   = 1000 // milliseconds
	grace    = 100
	lookBack = 2 // intervals
)

func newWorld(seed uint64) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 1)), now: 1_700_000_000_000, sequence: new(big.Int).Exp(big.NewInt(10),
		big.NewInt(int64(w0(seed))), nil)}
	for range 1 + w.IntN(3) {
		w.open()
	}
	return w
}

// w0 has numbers of different lengths appear in one shard: 99 is followed by 100.
func w0(seed uint64) int { return 1 + int(seed%3)*27 }

func (w *world) open(parents ...*truth) *truth {
	s := &truth{id: fmt.Sprintf("shard-%03d", len(w.shards)), parents: parents}
	for _, p := range parents {
		p.children = append(p.children, s)
	}
	w.shards = append(w.shards, s)
	return s
}

func (w *world) openShards() (list []*truth) {
	for _, s := range w.shards {
		if len(s.children) == 0 {
			list = append(list, s)
		}
	}
	return list
}

func (w *world) put(s *truth, data []byte, skew int64) {
	w.sequence.Add(w.sequence, big.NewInt(1+w.Int64N(40)))
	at := w.now - skew
	n := contract.Sequence(w.sequence.String())
	s.records = append(s.records, put{Parse(data, at).Digest(n, at), w.IntN(10)})
}

// step lets some time pass in which something happens.
func (w *world) step() {
	w.now += w.Int64N(60)
	open := w.openShards()
	for range w.IntN(12) {
		data := fmt.Appendf(nil, "record %d", w.Uint64())
		if w.IntN(3) == 0 { // few ids: most are repeated sooner or later
			data, _ = Envelope(fmt.Sprint("id", w.IntN(60)), data)
		}
		skew := int64(0)
		if w.IntN(20) == 0 {
			skew = w.Int64N(3 * length) // a clock that is behind
		}
		if i := w.IntN(len(open) + 1); i < len(open)-1 || i == 0 { // the last shard is idle
			w.put(open[i], data, skew)
		}
	}
	switch {
	case w.IntN(30) == 0:
		s := open[w.IntN(len(open))]
		w.open(s)
		w.open(s)
	case w.IntN(30) == 0 && len(open) > 1:
		i := w.IntN(len(open) - 1)
		w.open(open[i], open[i+1])
	}
	w.witness(false)
	w.process(false)
}

// witness archives some of what there is, or all of it. The records of a child come after those of its parents.
func (w *world) witness(all bool) {
	for _, s := range w.shards {
		ready := !slices.ContainsFunc(s.parents, (*truth).left)
		for ready && s.archived < len(s.records) && (all || w.IntN(2) == 0) {
			if !s.begun {
				s.begun = true
				s.floor = s.inherited()
				s.through = s.floor
			}
			b := Batch{}
			if s.archived > 0 {
				b.After = s.records[s.archived-1].Sequence
			}
			for range 1 + w.IntN(min(8, len(s.records)-s.archived)) {
				r := s.records[s.archived].Record
				s.archived++
				b.Records, b.Last, s.through = append(b.Records, r), r.Sequence, max(s.through, r.Marker)
			}
			s.batches = append(s.batches, b)
		}
	}
}

// left says whether anything of a shard, or of one before it, is not archived.
func (s *truth) left() bool {
	return s.archived < len(s.records) || slices.ContainsFunc(s.parents, (*truth).left)
}

// inherited is the newest marker before a shard: of its parents, or where one has no records of those before it.
func (s *truth) inherited() (through int64) {
	for _, p := range s.parents {
		if !p.begun {
			p.through = p.inherited()
		}
		through = max(through, p.through)
	}
	return through
}

// process has batches of a lane acknowledged, in ways that a mapping with factor 10 can lead to.
func (w *world) process(all bool) {
	for _, s := range w.shards {
		n := len(s.records) - s.done
		if n == 0 || !all && w.IntN(3) > 0 {
			continue
		}
		window := s.records[s.done:]
		s.done = len(s.records)
		for lane := range 10 {
			var batch []Record
			for _, r := range window {
				if r.lane == lane && r.Marker == 0 {
					batch = append(batch, r.Record)
				}
			}
			groups := map[int64][]Record{}
			for _, r := range batch {
				start := Of(r.At, length*time.Millisecond).Start
				groups[start] = append(groups[start], r)
			}
			for _, g := range groups {
				w.outcome(s, g)
			}
		}
		if w.IntN(4) == 0 { // replayed with another grouping
			var some []Record
			for _, r := range s.records {
				if r.Marker == 0 && w.IntN(3) == 0 {
					some = append(some, r.Record)
				}
			}
			w.ack(s, some)
		}
	}
	for i := range w.late {
		if all || w.IntN(4) == 0 {
			w.acks = append(w.acks, w.late[i])
			w.late[i].Records = nil
		}
	}
	w.late = slices.DeleteFunc(w.late, func(a Ack) bool { return a.Records == nil })
}

func (w *world) outcome(s *truth, batch []Record) {
	if len(batch) == 0 {
		return
	}
	half := len(batch) / 2
	switch w.IntN(8) {
	case 0: // killed for good
	case 1: // bisected
		w.outcome(s, batch[:half])
		w.ack(s, batch[half:])
	case 2: // done, but the answer was lost: bisected too
		w.ack(s, batch)
		w.ack(s, batch[:half])
		w.ack(s, batch[half:])
	case 3: // a zombie finishes after its successors
		w.late = append(w.late, ackOf(s.id, batch))
		w.ack(s, batch[:half])
		w.ack(s, batch[half:])
	case 4: // what was left of it came with other records: the sets overlap without being nested
		w.ack(s, batch[:half+len(batch)/4])
		w.ack(s, batch[half:])
	case 5: // a wrong report
		a := ackOf(s.id, batch)
		a.Sum.Lo++
		w.acks = append(w.acks, a)
	default:
		w.ack(s, batch)
	}
}

func (w *world) ack(s *truth, records []Record) {
	if len(records) > 0 {
		w.acks = append(w.acks, ackOf(s.id, records))
	}
}

func ackOf(shard string, records []Record) Ack {
	a := Ack{Shard: shard, Rows: int64(len(records))}
	for _, r := range records {
		a.Records, a.Sum = append(a.Records, r.Sequence), a.Sum.Plus(r.Sum)
	}
	a.Records = NewSet(a.Records...)
	a.ID = a.Records.ID(shard)
	return a
}

// sumOf is the sum over some records of a shard.
func (s *truth) sumOf(set Set) (sum record.Sum) {
	for _, r := range s.records {
		if set.Has(r.Sequence) {
			sum = sum.Plus(r.Sum)
		}
	}
	return sum
}
