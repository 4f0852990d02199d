package interval

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"dip/contract"
	"dip/internal/record"
)

// Shard is a shard's part of a closing.
type Shard struct {
	ID      string
	Parents []string
	From    Cursor  // where the closing of the interval before says that this one begins
	Batches []Batch // what is archived from there on, in order
}

// Batch is one archived batch: all records of a shard after one of them, up to another.
type Batch struct {
	After, Last contract.Sequence
	Records     []Record
}

// Ack is what the processor says that it has done: each record of the set is in the output or in quarantine.
type Ack struct {
	ID      string
	Shard   string
	Records Set
	Rows    int64      // in the output and in quarantine
	Sum     record.Sum // of these rows
}

// Closing is all that decides whether an interval can be closed.
type Closing struct {
	Interval Interval
	First    bool // there is no interval before: this one takes what is older, too
	Shards   []Shard
	Seen     map[ID]bool // ids of the intervals before, as far as the look-back goes
	Acks     []Ack
	Now, Due int64 // milliseconds since 1970; an interval that is open at Due is overdue
}

// State of an interval.
type State string

// The states.
const (
	Closed  State = "closed"
	Open    State = "open"
	Overdue State = "overdue" // records may be lost: see Decision.Problems
)

// Piece is a set of records of a shard.
type Piece struct {
	Shard   string
	Records Set
}

// Tally is a number of records and the sum of their hashes.
type Tally struct {
	Records int64
	Sum     record.Sum
}

func (t *Tally) add(r Record) { t.Records, t.Sum = t.Records+1, t.Sum.Plus(r.Sum) }

// Decision is what follows from a Closing.
type Decision struct {
	State State
	// Waiting has the shards whose marker is not archived yet, with the place up to which they are. While there are any,
	// nothing below is decided.
	Waiting map[string]Cursor
	// Counted are the indexes of the acknowledgements that make up the interval. They have no record in common.
	Counted []int
	// Rerun is what no counted acknowledgement covers: it is to be processed from the archive.
	Rerun []Piece
	// Duplicates repeat the id of a record that came before. They are in no output.
	Duplicates []Piece
	Archived   Tally // all records of the interval, duplicates included
	Repeated   Tally // the duplicates
	IDs        []ID  // of the interval's records, ascending: the look-back of later ones
	// Next is where the following interval begins in each shard.
	Next map[string]Cursor
}

// owned is a record of the interval.
type owned struct {
	Record
	shard string
}

// Decide closes an interval, or says what keeps it open. The error says where the archive is not what the witness's
// chain says: nothing can be closed on it.
//
// An acknowledgement counts when all its records are the interval's and no duplicates, and its rows and hash are
// theirs. Of those that have records in common the largest one counts: the outermost one where they are nested, as
// after a batch that was bisected although it was done. What this leaves of the others is run again.
func (c Closing) Decide() (Decision, error) {
	d := Decision{State: Open, Waiting: map[string]Cursor{}, Next: map[string]Cursor{}}
	if c.Now >= c.Due {
		d.State = Overdue
	}
	var records []owned
	for _, s := range c.Shards {
		own, err := c.walk(s, &d)
		if err != nil {
			return d, err
		}
		records = append(records, own...)
	}
	c.await(&d)
	if len(d.Waiting) > 0 {
		return d, nil
	}
	wanted := c.unique(records, &d)
	c.cover(wanted, &d)
	if len(d.Rerun) == 0 {
		d.State = Closed
	}
	return d, nil
}

// walk goes through a shard's archive: it gives the interval's records, and notes where the archive ends and where the
// next interval begins. To begin with, all shards are in d.Waiting.
func (c Closing) walk(s Shard, d *Decision) (own []owned, err error) {
	at, next := s.From, (*Cursor)(nil)
	for _, b := range s.Batches {
		if b.After != at.After {
			return nil, fmt.Errorf("shard %s: the archive goes on after record %s, not after %s", s.ID, b.After, at.After)
		}
		begin := at
		for _, r := range b.Records {
			if r.Sequence.Compare(at.After) <= 0 {
				return nil, fmt.Errorf("shard %s: record %s is archived behind record %s", s.ID, r.Sequence, at.After)
			}
			when := at.Pass(r)
			switch {
			case r.Marker != 0:
			case when >= c.Interval.End:
				if next == nil {
					next = &begin
				}
			case when >= c.Interval.Start || c.First:
				own = append(own, owned{r, s.ID})
			}
		}
		if at.After != b.Last {
			return nil, fmt.Errorf("shard %s: the batch up to record %s ends with record %s", s.ID, b.Last, at.After)
		}
	}
	d.Waiting[s.ID] = at
	if next == nil {
		next = &at
	}
	d.Next[s.ID] = *next
	return own, nil
}

// await leaves the shards in d.Waiting that keep the interval open. A shard is done when a marker is archived that
// ends the interval; one of its parents, which it inherits with its first record, will do. One that was closed before
// it got a marker is done when its children are: a child's records are not delivered before those of its parents. All
// of them have to be known: a shard is split into two, or merged with one other.
func (c Closing) await(d *Decision) {
	halves := map[string]int{} // a merged shard counts for both
	for _, s := range c.Shards {
		for _, p := range s.Parents {
			halves[p] += len(s.Parents)
		}
	}
	for id, end := range d.Waiting {
		if end.Through >= c.Interval.End || halves[id] == 2 {
			delete(d.Waiting, id) // a child without a marker waits itself
		}
	}
}

// unique takes the duplicates out of the interval's records.
func (c Closing) unique(records []owned, d *Decision) map[string]map[contract.Sequence]Record {
	slices.SortFunc(records, func(a, b owned) int {
		return cmp.Or(cmp.Compare(a.At, b.At), strings.Compare(a.shard, b.shard), a.Sequence.Compare(b.Sequence))
	})
	wanted := map[string]map[contract.Sequence]Record{}
	repeats := map[string]Set{}
	ids := map[ID]bool{}
	for _, r := range records {
		d.Archived.add(r.Record)
		repeated := r.ID != ID{} && (c.Seen[r.ID] || ids[r.ID])
		if r.ID != (ID{}) && !ids[r.ID] {
			ids[r.ID], d.IDs = true, append(d.IDs, r.ID)
		}
		if repeated {
			d.Repeated.add(r.Record)
			repeats[r.shard] = append(repeats[r.shard], r.Sequence)
			continue
		}
		if wanted[r.shard] == nil {
			wanted[r.shard] = map[contract.Sequence]Record{}
		}
		wanted[r.shard][r.Sequence] = r.Record
	}
	slices.SortFunc(d.IDs, func(a, b ID) int { return slices.Compare(a[:], b[:]) })
	d.Duplicates = pieces(repeats)
	return wanted
}

// cover picks the acknowledgements that count, and takes their records out of the wanted ones.
func (c Closing) cover(wanted map[string]map[contract.Sequence]Record, d *Decision) {
	order := make([]int, len(c.Acks))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		a, b := c.Acks[i], c.Acks[j]
		return cmp.Or(cmp.Compare(len(b.Records), len(a.Records)), strings.Compare(a.ID, b.ID))
	})
	for _, i := range order {
		if covers(wanted[c.Acks[i].Shard], c.Acks[i]) {
			for _, n := range c.Acks[i].Records {
				delete(wanted[c.Acks[i].Shard], n)
			}
			d.Counted = append(d.Counted, i)
		}
	}
	rest := map[string]Set{}
	for shard, records := range wanted {
		for n := range records {
			rest[shard] = append(rest[shard], n)
		}
	}
	d.Rerun = pieces(rest)
}

// covers says whether an acknowledgement is one of records that are still wanted, and of nothing else.
func covers(wanted map[contract.Sequence]Record, a Ack) bool {
	var all Tally
	for _, n := range a.Records {
		r, ok := wanted[n]
		if !ok {
			return false
		}
		all.add(r)
	}
	return len(a.Records) > 0 && a.Rows == all.Records && a.Sum == all.Sum
}

// pieces puts sets into the order of their shards.
func pieces(sets map[string]Set) []Piece {
	var list []Piece
	for shard, records := range sets {
		if len(records) > 0 {
			list = append(list, Piece{shard, NewSet(records...)})
		}
	}
	slices.SortFunc(list, func(a, b Piece) int { return strings.Compare(a.Shard, b.Shard) })
	return list
}

// Problems says what keeps the interval open, a line for each shard with the range in question.
func (d Decision) Problems() []string {
	var list []string
	for shard, at := range d.Waiting {
		list = append(list, fmt.Sprintf("shard %s: no marker is archived; the archive ends at record %s", shard,
			cmp.Or(string(at.After), "none")))
	}
	for _, p := range d.Rerun {
		list = append(list, fmt.Sprintf("shard %s: %d records from %s to %s are not processed", p.Shard, len(p.Records),
			p.Records[0], p.Records[len(p.Records)-1]))
	}
	slices.Sort(list)
	return list
}
