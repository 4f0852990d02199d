package restore

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"

	"dip/contract"
	"dip/internal/interval"
	"dip/internal/lake"
	"dip/internal/record"
)

// shardName names a shard of a segment's stream.
type shardName struct{ segment, shard string }

// archives is what is archived of streams: batches that certificates and closings have, and batches that are only
// objects yet.
type archives struct {
	known   map[shardName]map[string]contract.Archived // by the record before
	objects map[shardName][]contract.Object
	keys    map[string]bool // of the objects
}

func newArchives() archives {
	return archives{map[shardName]map[string]contract.Archived{}, map[shardName][]contract.Object{},
		map[string]bool{}}
}

// add takes what a certificate or closing has of the archive.
func (a archives) add(segment string, p *contract.StreamProof) {
	for _, s := range p.Shards {
		name := shardName{segment, s.Shard}
		if a.known[name] == nil {
			a.known[name] = map[string]contract.Archived{}
		}
		for _, b := range s.Batches {
			a.known[name][b.After] = b
		}
	}
}

// list takes an object of the archive.
func (a archives) list(o contract.Object) {
	a.keys[o.Key] = true
	parts := strings.Split(strings.TrimPrefix(o.Key, contract.ArchivePrefix), "/")
	if len(parts) == 3 {
		name := shardName{parts[0], parts[1]}
		a.objects[name] = append(a.objects[name], o)
	}
}

// hold says whether all batches of an interval are there as objects; true of what is no interval.
func (a archives) hold(p *contract.StreamProof) bool {
	if p == nil {
		return true
	}
	for _, s := range p.Shards {
		for _, b := range s.Batches {
			if !a.keys[b.Key] {
				return false
			}
		}
	}
	return true
}

// before is where the batch with a key begins: behind a record, or at a shard's beginning and what its parents left.
func before(key string) (interval.Cursor, error) {
	after, _, _ := strings.Cut(path.Base(key), "-")
	if from, first := strings.CutPrefix(after, "begin."); first {
		through, err := strconv.ParseInt(from, 10, 64)
		if err != nil {
			return interval.Cursor{}, fmt.Errorf("read the name of %s: %w", key, err)
		}
		return interval.Cursor{Through: through}, nil
	}
	n, err := contract.ParseSequence(after)
	if err != nil {
		return interval.Cursor{}, fmt.Errorf("read the name of %s: %w", key, err)
	}
	return interval.Cursor{After: n}, nil
}

// batch is a batch that is only an object yet.
type batch struct {
	contract.Archived // From is known of the first batch of a shard, Through of none
	records           []interval.Record
}

// readBatch reads an archived batch.
func readBatch(ctx context.Context, from Lake, shard string, o contract.Object) (b batch, err error) {
	data, err := from.Get(ctx, o.Key)
	if err != nil {
		return b, err
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return b, fmt.Errorf("read %s: %w", o.Key, err)
	}
	at, err := before(o.Key)
	if err != nil {
		return b, err
	}
	b.Archived = contract.Archived{Shard: shard, After: string(at.After), From: at.Through, Key: o.Key,
		Bytes: int64(len(data)), SHA256: lake.Hash(data)}
	var sum record.Sum
	for lines := json.NewDecoder(z); ; {
		var line contract.StreamRecord
		if err := lines.Decode(&line); err == io.EOF {
			break
		} else if err != nil {
			return b, fmt.Errorf("read %s: %w", o.Key, err)
		}
		n, err := contract.ParseSequence(line.Sequence)
		if err != nil {
			return b, fmt.Errorf("read %s: %w", o.Key, err)
		}
		r := interval.Parse(line.Data, line.At).Digest(n, line.At)
		if r.Marker == 0 {
			b.Archived.Records, sum = b.Archived.Records+1, sum.Plus(r.Sum)
		}
		b.Last, b.records = line.Sequence, append(b.records, r)
	}
	b.Sum = sum.String()
	return b, nil
}

// follow picks, of batches in any order, those that go on from a record, each behind the one before it, as far as they
// reach. Several may begin behind the same record, since deliveries compete; each holds all records up to its last, so
// that the way that reaches the farthest has everything.
func follow(at contract.Sequence, batches []batch) (way []batch, left int) {
	slices.SortFunc(batches, func(a, b batch) int { // from the end on, so that reach is known when it is asked for
		if c := contract.Sequence(b.After).Compare(contract.Sequence(a.After)); c != 0 {
			return c
		}
		return strings.Compare(a.Key, b.Key)
	})
	best, reach := map[string]batch{}, map[string]contract.Sequence{}
	for _, b := range batches {
		end := contract.Sequence(b.Last)
		if further, ok := reach[b.Last]; ok {
			end = further
		}
		if known, ok := reach[b.After]; !ok || end.Compare(known) > 0 {
			best[b.After], reach[b.After] = b, end
		}
	}
	for {
		b, ok := best[string(at)]
		if !ok || contract.Sequence(b.Last).Compare(at) <= 0 {
			break
		}
		way, at = append(way, b), contract.Sequence(b.Last)
	}
	for _, b := range batches {
		if contract.Sequence(b.After).Compare(at) > 0 {
			left++
		}
	}
	return way, left
}

// end is where the known part of a shard's archive ends.
func (a archives) end(name shardName) (at interval.Cursor) {
	for _, b := range a.known[name] {
		if last := contract.Sequence(b.Last); last.Compare(at.After) > 0 {
			at = interval.Cursor{After: last, Through: b.Through}
		}
	}
	return at
}

// rebuild gives all batches of the archive, and says where batches are missing between others.
func (a archives) rebuild(ctx context.Context, from Lake) (all map[shardName][]contract.Archived, problems []string,
	err error) {
	all = map[shardName][]contract.Archived{}
	for name, batches := range a.known {
		all[name] = slices.Collect(maps.Values(batches))
	}
	for name, objects := range a.objects {
		at := a.end(name)
		var fresh []batch
		for _, o := range objects {
			begin, err := before(o.Key)
			if err != nil {
				return nil, nil, err
			}
			if begin.After.Compare(at.After) < 0 {
				continue
			}
			b, err := readBatch(ctx, from, name.shard, o)
			if err != nil {
				return nil, nil, err
			}
			fresh = append(fresh, b)
		}
		way, left := follow(at.After, fresh)
		for i, b := range way {
			if i > 0 || at.After != "" {
				b.From = at.Through
			}
			at.Through = b.From
			for _, r := range b.records {
				at.Pass(r)
			}
			b.Through = at.Through
			all[name] = append(all[name], b.Archived)
		}
		if left > 0 {
			problems = append(problems, fmt.Sprintf("segment %s, shard %s: the archive goes on behind record %s with %d "+
				"batches that do not follow it: what is between them is missing", name.segment, name.shard, at.After, left))
		}
	}
	return all, problems, nil
}
