package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"time"

	"dip/contract"
	"dip/internal/fault"
)

// sent is a record of a stream as it is archived.
type sent struct {
	shard    string
	sequence *big.Int
	at       int64
	id       string // of the producer; "": none
	data     []byte // the record as the producer wrote it
	repeated bool
	covered  bool
}

// shardRead is what was found of a shard.
type shardRead struct {
	contract.ShardProof
	end      contract.StreamCursor
	lines    []line // of its batches; only to compare them with the stream
	earliest int64  // arrival of these
}

// archived proves the certificate of an interval from the archive and the certificate before it: which records are the
// interval's, which of them are duplicates, and that the acknowledgements cover all others, each once.
func (v *verification) archived(ctx context.Context) error {
	c := v.Certificate
	before, err := v.before(ctx)
	if err != nil {
		return err
	}
	v.settings()
	read := map[string]bool{} // batches that the closing of the interval before had read
	if before != nil {
		for _, s := range before.Stream.Shards {
			for _, b := range s.Batches {
				read[b.Key] = true
			}
		}
	}
	shards := map[string]*shardRead{}
	own := map[string]*sent{} // by shard and sequence number
	for i, p := range c.Stream.Shards {
		v.check(i == 0 || p.Shard > c.Stream.Shards[i-1].Shard, "shard %s is listed twice, or not in order", p.Shard)
		s := &shardRead{ShardProof: p}
		shards[p.Shard] = s
		err := v.shard(ctx, s, own, read)
		if err == nil {
			err = v.retained(ctx, s)
		}
		if err != nil {
			return fmt.Errorf("shard %s: %w", p.Shard, err)
		}
	}
	v.lineage(shards, before)
	records := v.inOrder(own)
	if err := v.repeats(ctx, records, before); err != nil {
		return err
	}
	return v.covers(ctx, own)
}

// settings compares the interval with the catalog's settings of the stream.
func (v *verification) settings() {
	c, s := v.Certificate, v.segment.Stream
	if s == nil {
		v.check(false, "segment %s has no stream in the catalog", c.Segment)
		return
	}
	v.check(c.Input == contract.IntervalInput(c.Segment, *s, c.Stream.Interval), "the input %+v is not the interval",
		c.Input)
	seconds := func(n int) time.Duration { return time.Duration(n) * time.Second }
	v.check(c.Stream.End.Sub(c.Stream.Start) == seconds(s.IntervalSeconds) &&
		c.Stream.LookBackSeconds == s.LookBackSeconds, "the interval lasts until %s and looks %d s back, the catalog has %+v",
		c.Stream.End, c.Stream.LookBackSeconds, *s)
}

// before is the certificate that this one links to; nil for the first one. v.link has compared its hash.
func (v *verification) before(ctx context.Context) (*contract.Certificate, error) {
	c := v.Certificate
	first := c.Link != nil && c.Link.Number == 1
	v.check(c.Link != nil && c.Stream.First == first, "it is the first interval: %t, its link says %+v", c.Stream.First,
		c.Link)
	if c.Link == nil || first {
		return nil, nil
	}
	old, err := v.interval(ctx, c.Link.Load)
	if err != nil {
		return nil, err
	}
	v.check(old.Stream.End.Equal(c.Stream.Start), "the interval begins at %s, the one before it ended at %s",
		c.Stream.Start, old.Stream.End)
	return old, nil
}

func (v *verification) interval(ctx context.Context, load string) (*contract.Certificate, error) {
	data, err := v.Lake.Get(ctx, contract.CertificateKey(v.Certificate.Segment, load))
	if err != nil {
		return nil, fmt.Errorf("read the certificate of an interval before: %w", err)
	}
	var c contract.Certificate
	if err := json.Unmarshal(data, &c); err != nil || c.Stream == nil {
		return nil, fault.Permanent(fmt.Errorf("the certificate of load %s is not of an interval: %w", load, err))
	}
	return &c, nil
}

// shard reads what is archived of a shard.
func (v *verification) shard(ctx context.Context, s *shardRead, own map[string]*sent, read map[string]bool) error {
	at := s.From
	next := (*contract.StreamCursor)(nil)
	last := big.NewInt(-1)
	if at.After != "" {
		last = number(at.After)
	}
	start, end := v.Certificate.Stream.Start.UnixMilli(), v.Certificate.Stream.End.UnixMilli()
	for _, b := range s.Batches {
		v.check(b.Shard == s.Shard && b.After == at.After && b.From == at.Through,
			"%s goes on after record %q, want %q", b.Key, b.After, at.After)
		v.check(b.Key == contract.ArchiveKey(v.Certificate.Segment, b.Shard, b.After, b.From, b.SHA256),
			"%s is not the key of an archived batch after record %s", b.Key, b.After)
		begin, total, all := at, int64(0), sum{}
		err := v.lines(ctx, b, func(line contract.StreamRecord) {
			n := number(line.Sequence)
			v.check(n.Cmp(last) > 0, "%s: record %s does not follow record %s", b.Key, n, last)
			last, at.After = n, line.Sequence
			s.line(v, line)
			if marked := marker(line); marked > 0 {
				at.Through = max(at.Through, marked)
				return
			}
			r := &sent{shard: s.Shard, sequence: n, at: line.At}
			r.id, r.data = unwrap(line.Data)
			total++
			all.add(trimLineEnd(r.data))
			switch when := max(line.At, at.Through); {
			case when >= end:
				if next == nil {
					next = &begin
				}
			case when >= start || v.Certificate.Stream.First:
				own[s.Shard+" "+line.Sequence] = r
			default:
				v.check(read[b.Key], "record %s of shard %s belongs to an interval that was closed without it", n, s.Shard)
			}
		})
		if err != nil {
			return err
		}
		v.check(b.Last == at.After && b.Through == at.Through && b.Records == total && b.Sum == all.String(),
			"%s holds %d records up to %s, the certificate says %d up to %s", b.Key, total, at.After, b.Records, b.Last)
	}
	if s.end = at; next == nil {
		next = &at
	}
	v.check(s.Next == *next, "shard %s: the next interval begins after %+v, the certificate says %+v", s.Shard, *next,
		s.Next)
	return nil
}

// line keeps a record for the comparison with the stream.
func (s *shardRead) line(v *verification, r contract.StreamRecord) {
	if v.Stream == nil {
		return
	}
	if len(s.lines) == 0 || r.At < s.earliest {
		s.earliest = r.At
	}
	s.lines = append(s.lines, newLine(r))
}

// number reads a sequence number; -2, which follows nothing, if it is none.
func number(text string) *big.Int {
	if n, ok := new(big.Int).SetString(text, 10); ok && n.Sign() >= 0 && n.String() == text {
		return n
	}
	return big.NewInt(-2)
}

// marker is the time up to which a record ends intervals; 0 if it is a record like others.
func marker(r contract.StreamRecord) int64 {
	text, ok := bytes.CutPrefix(r.Data, []byte("\x00dip marker "))
	if !ok {
		return 0
	}
	end, err := strconv.ParseInt(string(bytes.TrimSuffix(text, []byte("\n"))), 10, 64)
	if err != nil || end <= 0 || end > r.At || string(text) != fmt.Sprintf("%d\n", end) {
		return 0
	}
	return end
}

// unwrap takes the id off a record that has one.
func unwrap(data []byte) (id string, record []byte) {
	if rest, ok := bytes.CutPrefix(data, []byte("\x00dip id ")); ok {
		if n := bytes.IndexByte(rest, '\n'); n > 0 && n <= 256 {
			return string(rest[:n]), rest[n+1:]
		}
	}
	return "", data
}

// lineage checks where each shard begins, and that each is known to its end of the interval.
func (v *verification) lineage(shards map[string]*shardRead, before *contract.Certificate) {
	left := map[string]contract.StreamCursor{}
	if before != nil {
		for _, s := range before.Stream.Shards {
			left[s.Shard] = s.Next
		}
	}
	halves := map[string]int{}
	for _, s := range shards {
		for _, p := range s.Parents {
			halves[p] += len(s.Parents)
		}
	}
	for id, s := range shards {
		marked := s.end.Through >= v.Certificate.Stream.End.UnixMilli()
		v.check(marked || halves[id] == 2, "shard %s has neither a marker nor all its children", id)
		if at, known := left[id]; known && at.After != "" {
			v.check(s.From == at, "shard %s begins after %+v, the interval before left off at %+v", id, s.From, at)
			continue
		}
		v.check(s.From.After == "", "shard %s does not begin at its beginning", id)
		if len(s.Batches) > 0 {
			through := inherited(id, shards)
			v.check(s.From.Through == through, "shard %s begins behind the marker of %d, its parents have %d", id,
				s.From.Through, through)
		}
	}
	for id, at := range left {
		_, listed := shards[id]
		v.check(listed || over(before, id, at), "shard %s is missing: not all of it was certified", id)
	}
}

// over says that a certificate had the last of a shard: it needed its children to be done, and had nothing left.
func over(c *contract.Certificate, shard string, next contract.StreamCursor) bool {
	for _, s := range c.Stream.Shards {
		if s.Shard == shard {
			return len(s.Batches) == 0 && next.Through < c.Stream.End.UnixMilli()
		}
	}
	return false
}

// inherited is the newest marker of a shard's parents.
func inherited(id string, shards map[string]*shardRead) (through int64) {
	s, ok := shards[id]
	if !ok {
		return 0
	}
	for _, p := range s.Parents {
		parent, ok := shards[p]
		switch {
		case !ok:
		case parent.end.After == "":
			through = max(through, inherited(p, shards))
		default:
			through = max(through, parent.end.Through)
		}
	}
	return through
}

// inOrder sorts records by arrival, shard and number.
func (v *verification) inOrder(own map[string]*sent) []*sent {
	list := make([]*sent, 0, len(own))
	for _, r := range own {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b *sent) int {
		switch {
		case a.at != b.at:
			return int(min(max(a.at-b.at, -1), 1))
		case a.shard != b.shard:
			return bytes.Compare([]byte(a.shard), []byte(b.shard))
		}
		return a.sequence.Cmp(b.sequence)
	})
	return list
}
