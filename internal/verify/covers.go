package verify

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"slices"
	"time"

	"dip/contract"
	"dip/internal/decompress"
	"dip/internal/fault"
)

// lines reads an archived batch.
func (v *verification) lines(ctx context.Context, b contract.Archived, visit func(contract.StreamRecord)) error {
	o := contract.Output{Key: b.Key, Bytes: b.Bytes, SHA256: b.SHA256}
	return v.fetch(ctx, o, func(r io.Reader) error {
		stored := bufio.NewReader(r)
		head, err := stored.Peek(decompress.MagicSize)
		if err != nil && !decompress.Ended(err) {
			return err
		}
		content, err := decompress.Decompress(stored, decompress.Detect(head))
		if err != nil {
			return err
		}
		defer content.Close()
		for text := bufio.NewReader(content); ; {
			line, err := text.ReadBytes('\n')
			if decompress.Ended(err) && len(line) == 0 {
				return nil
			}
			if err != nil && !decompress.Ended(err) {
				return err
			}
			var record contract.StreamRecord
			if err := json.Unmarshal(line, &record); err != nil {
				return fault.Permanent(err)
			}
			visit(record)
		}
	})
}

// repeats finds the duplicates among the interval's records, which are in order, and compares them and the ids with
// the certificate's.
func (v *verification) repeats(ctx context.Context, records []*sent, before *contract.Certificate) error {
	seen, err := v.seen(ctx, before)
	if err != nil {
		return err
	}
	c := v.Certificate.Stream
	ids := map[[16]byte]bool{}
	var all, again contract.Tally
	var sums, repeated sum
	found := map[string]bool{}
	for _, r := range records {
		all.Records++
		sums.add(trimLineEnd(r.data))
		if r.id == "" {
			continue
		}
		whole := sha256.Sum256([]byte(r.id))
		id := [16]byte(whole[:16])
		if r.repeated = seen[id] || ids[id]; r.repeated {
			again.Records++
			repeated.add(trimLineEnd(r.data))
			found[r.shard+" "+r.sequence.String()] = true
		}
		ids[id] = true
	}
	all.Sum, again.Sum = sums.String(), repeated.String()
	v.check(all == c.Archived, "the archive has %+v in this interval, the certificate says %+v", all, c.Archived)
	v.check(again == c.Repeated, "the archive has the duplicates %+v, the certificate says %+v", again, c.Repeated)
	for _, d := range c.Duplicates {
		set, err := v.set(ctx, d)
		if err != nil {
			return err
		}
		for _, n := range set {
			name := d.Shard + " " + n.String()
			v.check(found[name], "record %s of shard %s is no duplicate", n, d.Shard)
			delete(found, name)
		}
	}
	v.check(len(found) == 0, "%d duplicates are not in the certificate", len(found))
	return v.ids(ctx, ids)
}

// ids compares the record ids of the interval with those that are kept for later ones.
func (v *verification) ids(ctx context.Context, want map[[16]byte]bool) error {
	o := v.Certificate.Stream.IDs
	kept := v.Certificate.Stream.LookBackSeconds > 0 && len(want) > 0
	v.check(kept == (o != nil), "the interval has %d record ids, which does not match what is kept of them", len(want))
	if o == nil {
		return nil
	}
	got, err := v.kept(ctx, *o)
	for id := range want {
		v.check(got[id], "%s lacks a record id of the interval", o.Key)
	}
	v.check(len(got) == len(want) && o.Rows == int64(len(want)), "%s has %d record ids, the certificate says %d, the "+
		"interval has %d", o.Key, len(got), o.Rows, len(want))
	v.check(o.Partition == "" && o.Key == contract.IDsKey(v.Certificate.Segment, v.Certificate.Load, o.SHA256),
		"%s is not the key of the interval's record ids", o.Key)
	return err
}

func (v *verification) kept(ctx context.Context, o contract.Output) (map[[16]byte]bool, error) {
	ids := map[[16]byte]bool{}
	err := v.fetch(ctx, o, func(r io.Reader) error {
		data, err := io.ReadAll(r)
		for part := range slices.Chunk(data, 16) {
			if len(part) == 16 {
				ids[[16]byte(part)] = true
			}
		}
		return err
	})
	return ids, err
}

// seen are the record ids of the intervals that the look-back reaches.
func (v *verification) seen(ctx context.Context, before *contract.Certificate) (map[[16]byte]bool, error) {
	all := map[[16]byte]bool{}
	c := v.Certificate.Stream
	back := c.Start.Add(-time.Duration(c.LookBackSeconds) * time.Second)
	for old := before; old != nil && old.Stream.End.After(back); {
		if o := old.Stream.IDs; o != nil {
			ids, err := v.kept(ctx, *o)
			if err != nil {
				return nil, err
			}
			for id := range ids {
				all[id] = true
			}
		}
		if old.Link == nil || old.Link.Load == "" {
			break
		}
		var err error
		if old, err = v.interval(ctx, old.Link.Load); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// set reads a set of sequence numbers.
func (v *verification) set(ctx context.Context, c contract.Cover) ([]*big.Int, error) {
	data := c.Records
	if c.Stored != nil {
		if err := v.fetch(ctx, *c.Stored, func(r io.Reader) (err error) {
			data, err = io.ReadAll(r)
			return err
		}); err != nil {
			return nil, err
		}
	}
	var set []*big.Int
	n := big.NewInt(-1)
	for len(data) > 0 {
		size := min(int(data[0]), len(data)-1)
		step := new(big.Int).SetBytes(data[1 : 1+size])
		v.check(size == int(data[0]) && step.Sign() > 0, "a set of records of shard %s is not encoded as sets are", c.Shard)
		n = step.Add(step, n)
		set, data = append(set, n), data[1+size:]
	}
	if o := c.Stored; o != nil {
		v.check(o.Rows == int64(len(set)) && o.Partition == "" && c.Records == nil,
			"%s has %d records, the certificate says %d", o.Key, len(set), o.Rows)
	}
	return set, nil
}

// covers compares the acknowledgements with the interval's records, and sums up the records of each.
func (v *verification) covers(ctx context.Context, own map[string]*sent) error {
	c := v.Certificate
	v.tallies = make([]tally, len(c.Chunks))
	if len(c.Stream.Covers) != len(c.Chunks) {
		return fault.Permanent(fmt.Errorf("%d chunks have %d sets of records", len(c.Chunks), len(c.Stream.Covers)))
	}
	for i, k := range c.Chunks {
		set, err := v.set(ctx, c.Stream.Covers[i])
		if err != nil {
			return err
		}
		v.check(len(set) > 0 && int64(len(set)) == k.RowsIn, "chunk %d covers %d records and has %d", i, len(set), k.RowsIn)
		shard, pos := c.Stream.Covers[i].Shard, int64(0)
		for _, n := range set {
			r := own[shard+" "+n.String()]
			v.check(r != nil && !r.covered && !r.repeated, "chunk %d covers record %s of shard %s, which is not the "+
				"interval's, a duplicate or covered by another chunk", i, n, shard)
			if r == nil {
				continue
			}
			r.covered = true
			v.report.RowsIn++
			v.tallies[i].stream(v, pos, r)
			pos += int64(len(r.data))
		}
		v.check(k.Start == 0 && k.End == pos, "chunk %d has %d bytes of records, the certificate says %d to %d", i, pos,
			k.Start, k.End)
		v.keys(k, c.Stream.Covers[i], set)
	}
	for _, r := range own {
		v.check(r.covered || r.repeated, "record %s of shard %s is in the archive, and in no chunk", r.sequence, r.shard)
	}
	return nil
}

// keys checks the names of a chunk's outputs, which derive from its records.
func (v *verification) keys(k contract.ChunkProof, cover contract.Cover, set []*big.Int) {
	c := v.Certificate
	h := sha256.New()
	for _, part := range []string{cover.Shard, c.Catalog, fmt.Sprint(k.Attempt)} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	before := big.NewInt(-1)
	for _, n := range set {
		step := new(big.Int).Sub(n, before).Bytes()
		h.Write(append([]byte{byte(len(step))}, step...))
		before = n
	}
	id := hex.EncodeToString(h.Sum(nil)[:16])
	for _, o := range k.Outputs {
		v.check(o.Key == contract.StreamDataKey(c.Segment, o.Partition, c.Load, id, o.SHA256) && o.Rows > 0,
			"%s is not the key of an output of chunk %d", o.Key, k.Chunk)
	}
	if q := k.Quarantine; q != nil {
		v.check(q.Key == contract.StreamQuarantineKey(c.Segment, c.Load, id, q.SHA256) && q.Partition == "",
			"%s is not the key of the quarantine of chunk %d", q.Key, k.Chunk)
	}
}

// stream adds a record of a stream, which is at pos among those of its chunk.
func (t *tally) stream(v *verification, pos int64, r *sent) {
	reader := newReader(bytes.NewReader(r.data), v.dialect, 1<<12)
	reader.width = 0
	if v.dialect.Encoding == contract.CSV {
		reader.width = len(v.schema.Fields)
	}
	rec, err := reader.line()
	blank := len(rec.bytes) == 0 && reader.width != 1
	if v.dialect.Encoding == contract.NDJSON {
		blank = len(bytes.Trim(rec.bytes, " \t\r")) == 0
	}
	if err == nil && !blank && !rec.comment && rec.end == int64(len(r.data)) &&
		len(rec.bytes) <= v.segment.MaxRecordMB<<20 && !bytes.HasPrefix(r.data, []byte("\xf3\x89\x9a\xc2")) {
		rec.start, rec.end, rec.sequence = pos, pos+rec.end, r.sequence.String()
		t.add(v, reader.width, rec)
		return
	}
	whole := trimLineEnd(r.data) // it is not one record: refused as it is
	t.in++
	t.badLines++
	t.bad++
	t.rawBad.add(whole)
	t.rejects.add(rejected(pos, pos+int64(len(r.data)), r.sequence.String(), whole))
}
