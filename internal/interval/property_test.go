package interval

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"
)

var seed = flag.Uint64("seed", 0, "run the property test with this seed alone")

// closer closes the intervals of a world one after the other.
type closer struct {
	*world
	acks     func(w *world) []Ack // what it takes the acknowledgements for
	interval Interval
	first    bool
	next     map[string]Cursor
	ids      [][]ID           // of closed intervals
	placed   map[string]int64 // start of the interval that a record was closed in, by shard and number
	repeated map[string]bool  // the records that were taken for duplicates
}

func newCloser(w *world) *closer {
	return &closer{
		world: w, acks: func(w *world) []Ack { return w.acks }, first: true, interval: Of(w.now, length*time.Millisecond),
		next: map[string]Cursor{}, placed: map[string]int64{}, repeated: map[string]bool{},
	}
}

func (c *closer) closing() Closing {
	in := Closing{Interval: c.interval, First: c.first, Acks: c.acks(c.world), Now: c.now, Due: c.interval.End + 5*length,
		Seen: map[ID]bool{}}
	for _, ids := range c.ids[max(0, len(c.ids)-lookBack):] {
		for _, id := range ids {
			in.Seen[id] = true
		}
	}
	for _, s := range c.shards {
		from := c.next[s.id]
		if from.After == "" {
			from.Through = s.floor
		}
		at := slices.IndexFunc(s.batches, func(b Batch) bool { return b.After == from.After })
		sh := Shard{ID: s.id, From: from}
		for _, p := range s.parents {
			sh.Parents = append(sh.Parents, p.id)
		}
		if at >= 0 {
			sh.Batches = s.batches[at:]
		}
		in.Shards = append(in.Shards, sh)
	}
	c.Shuffle(len(in.Shards), func(i, j int) { in.Shards[i], in.Shards[j] = in.Shards[j], in.Shards[i] })
	c.Shuffle(len(in.Acks), func(i, j int) { in.Acks[i], in.Acks[j] = in.Acks[j], in.Acks[i] })
	return in
}

// try closes the interval if it can be.
func (c *closer) try(mark bool) error {
	if c.now < c.interval.End+grace {
		return nil
	}
	in := c.closing()
	d, err := in.Decide()
	if err != nil {
		return err
	}
	if (d.State == Overdue) != (d.State != Closed && c.now >= in.Due) {
		return fmt.Errorf("at %d, due at %d, it is %s", c.now, in.Due, d.State)
	}
	for _, s := range c.openShards() {
		if _, waits := d.Waiting[s.id]; waits && (mark || c.IntN(2) == 0) {
			c.put(s, Marker(c.interval.End), 0)
		}
	}
	for _, p := range d.Rerun {
		s := c.shards[slices.IndexFunc(c.shards, func(s *truth) bool { return s.id == p.Shard })]
		cut := c.IntN(len(p.Records) + 1)
		for _, part := range []Set{p.Records[:cut], p.Records[cut:]} {
			if len(part) > 0 {
				c.world.acks = append(c.world.acks, Ack{ID: part.ID(s.id), Shard: s.id, Records: part,
					Rows: int64(len(part)), Sum: s.sumOf(part)})
			}
		}
	}
	if d.State != Closed {
		if len(d.Problems()) == 0 {
			return fmt.Errorf("%v is %s without a reason", c.interval, d.State)
		}
		return nil
	}
	return c.close(in, d)
}

func (c *closer) close(in Closing, d Decision) error {
	done := map[string]Set{} // what was really processed
	for _, a := range c.world.acks {
		done[a.ID] = a.Records
	}
	place := func(p Piece) error {
		for _, n := range p.Records {
			key := p.Shard + " " + string(n)
			if before, twice := c.placed[key]; twice {
				return fmt.Errorf("%s is in the interval %d and in %d", key, before, c.interval.Start)
			}
			c.placed[key] = c.interval.Start
		}
		return nil
	}
	covered := Tally{}
	for _, i := range d.Counted {
		if err := place(Piece{in.Acks[i].Shard, done[in.Acks[i].ID]}); err != nil {
			return err
		}
		covered.Records += in.Acks[i].Rows
		covered.Sum = covered.Sum.Plus(in.Acks[i].Sum)
	}
	for _, p := range d.Duplicates {
		if err := place(p); err != nil {
			return err
		}
		for _, n := range p.Records {
			c.repeated[p.Shard+" "+string(n)] = true
		}
	}
	all := Tally{covered.Records + d.Repeated.Records, covered.Sum.Plus(d.Repeated.Sum)}
	if all != d.Archived {
		return fmt.Errorf("archived %+v, covered and repeated %+v", d.Archived, all)
	}
	c.ids, c.next, c.first, c.interval = append(c.ids, d.IDs), d.Next, false, c.interval.Next()
	return nil
}

// run lets a world live for some intervals, and closes them all.
func (c *closer) run() error {
	for range 60 + c.IntN(60) {
		c.step()
		if c.IntN(4) == 0 {
			if err := c.try(false); err != nil {
				return err
			}
		}
	}
	for end := c.now + 2*length; c.interval.Start < end; {
		before := c.interval
		for i := 0; i < 20 && c.interval == before; i++ {
			c.witness(true)
			c.process(true)
			c.now += grace
			if err := c.try(true); err != nil {
				return err
			}
		}
		if c.interval == before && c.now > before.End+length {
			return fmt.Errorf("%v does not close", before)
		}
	}
	return c.compare()
}

// compare checks what was closed against the truth, record by record.
func (c *closer) compare() error {
	total := 0
	var all []owned
	for _, s := range c.shards { // parents come first
		through := s.inherited()
		for _, r := range s.records {
			if r.Marker != 0 {
				through = max(through, r.Marker)
				continue
			}
			total++
			key := s.id + " " + string(r.Sequence)
			start, ok := c.placed[key]
			if !ok {
				return fmt.Errorf("%s, which arrived at %d behind the marker of %d, is in no interval before %d", key, r.At,
					through, c.interval.Start)
			}
			want := Of(max(r.At, through), length*time.Millisecond).Start
			if first := Of(1_700_000_000_000, length*time.Millisecond).Start; want < first {
				want = first
			}
			if start != want {
				return fmt.Errorf("%s, which arrived at %d behind the marker of %d, is in the interval %d, want %d", key,
					r.At, through, start, want)
			}
			all = append(all, owned{r.Record, s.id})
		}
	}
	if total != len(c.placed) {
		return fmt.Errorf("%d records were put, %d are closed", total, len(c.placed))
	}
	return c.repeats(all)
}

// repeats checks each record with an id against all others, one by one.
func (c *closer) repeats(all []owned) error {
	for _, r := range all {
		if r.ID == (ID{}) {
			continue
		}
		key := r.shard + " " + string(r.Sequence)
		want := slices.ContainsFunc(all, func(o owned) bool {
			apart := c.placed[key] - c.placed[o.shard+" "+string(o.Sequence)]
			earlier := o.At < r.At || o.At == r.At && (o.shard < r.shard || o.shard == r.shard &&
				o.Sequence.Compare(r.Sequence) < 0)
			return o.ID == r.ID && (apart > 0 && apart <= lookBack*length || apart == 0 && earlier)
		})
		if want != c.repeated[key] {
			return fmt.Errorf("%s is a duplicate: %t, want %t", key, c.repeated[key], want)
		}
	}
	return nil
}

// Every record that was put into the stream is closed exactly once, in the interval that it belongs to, or it is a
// duplicate: whatever the witness, the mapping and the processors do. `-seed N` runs a failure again.
func TestClosingAgainstTheTruth(t *testing.T) {
	from, to := uint64(1), uint64(400)
	if *seed != 0 {
		from, to = *seed, *seed
	}
	for s := from; s <= to; s++ {
		if err := newCloser(newWorld(s)).run(); err != nil {
			t.Fatalf("seed %d: %v", s, err)
		}
	}
}

// A closing that takes an acknowledgement for a range of sequence numbers loses records: batches of a shard that are
// processed at once overlap.
func TestRangesProveNothing(t *testing.T) {
	caught := 0
	for s := uint64(1); s <= 12; s++ {
		c := newCloser(newWorld(s))
		c.acks = ranges
		if c.run() != nil {
			caught++
		}
	}
	if caught < 12 {
		t.Errorf("%d of 12 runs with ranges were told from the truth", caught)
	}
}

// ranges is what the acknowledgements say to somebody who knows only their first and last numbers.
func ranges(w *world) (wide []Ack) {
	for _, a := range w.acks {
		s := w.shards[slices.IndexFunc(w.shards, func(s *truth) bool { return s.id == a.Shard })]
		var covered []Record
		for _, r := range s.records {
			low, high := a.Records[0], a.Records[len(a.Records)-1]
			if r.Marker == 0 && r.Sequence.Compare(low) >= 0 && r.Sequence.Compare(high) <= 0 {
				covered = append(covered, r.Record)
			}
		}
		claimed := ackOf(s.id, covered)
		claimed.ID = a.ID
		wide = append(wide, claimed)
	}
	return wide
}
