package verify

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"dip/contract"
)

// ledger compares the certificate with the one built from the ledger, field by field.
func (v *verification) ledger() {
	if v.Ledger != nil {
		v.same("", reflect.ValueOf(v.Certificate), reflect.ValueOf(*v.Ledger))
	}
}

// same compares two values of one type and names the leaf that differs as its JSON path.
func (v *verification) same(path string, got, want reflect.Value) {
	switch got.Kind() {
	case reflect.Struct:
		if equal := got.MethodByName("Equal"); equal.IsValid() { // a time, whatever its zone
			v.check(equal.Call([]reflect.Value{want})[0].Bool(), "%s is %v, the ledger says %v", path, got, want)
			return
		}
		for i := range got.NumField() {
			f := got.Type().Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			inner := strings.TrimPrefix(path+"."+name, ".")
			if f.Anonymous {
				inner = path
			}
			v.same(inner, got.Field(i), want.Field(i))
		}
	case reflect.Slice:
		v.check(got.Len() == want.Len(), "%s has %d entries, the ledger says %d", path, got.Len(), want.Len())
		for i := range min(got.Len(), want.Len()) {
			v.same(fmt.Sprintf("%s[%d]", path, i), got.Index(i), want.Index(i))
		}
	case reflect.Pointer:
		v.check(got.IsNil() == want.IsNil(), "%s: the ledger says otherwise", path)
		if !got.IsNil() && !want.IsNil() {
			v.same(path, got.Elem(), want.Elem())
		}
	default:
		v.check(got.Equal(want), "%s is %v, the ledger says %v", path, got, want)
	}
}

// arithmetic checks what the certificate says of itself: identity, chain, keys and totals.
func (v *verification) arithmetic() {
	c := v.Certificate
	v.check(c.Version >= 1 && c.Version <= contract.Version, "format version %d, this code reads 1 to %d", c.Version,
		contract.Version)
	v.check(c.Load == contract.LoadID(c.Input), "the load id %s is not that of the input", c.Load)
	v.check(c.Segment == contract.SegmentOf(c.Input.Key), "the input landed for segment %q, not for %q",
		contract.SegmentOf(c.Input.Key), c.Segment)
	end := c.Length - c.Footer.Bytes
	v.check(c.Chain.Closed && c.Chain.Position == end, "the certificate's chain is not closed")
	v.check(c.Chain.Reruns >= 0 && c.Chain.Reruns <= len(c.Chunks), "%d of %d chunks ran again", c.Chain.Reruns,
		len(c.Chunks))
	v.check(!c.Received.After(c.Certified), "it was certified before it was received")
	if c.Stream != nil {
		v.streamed()
		return
	}
	pos, cut := c.Body, c.Body
	for i, k := range c.Chunks {
		v.check(k.Chunk == i, "chunk %d is listed at position %d", k.Chunk, i)
		last := i == len(c.Chunks)-1
		v.check(k.CutStart == cut, "chunk %d is cut at byte %d, the previous one ends at %d", i, k.CutStart, cut)
		v.check(k.CutEnd > k.CutStart || k.CutEnd == -1 && last && !c.Compression.Splittable(),
			"chunk %d is cut from byte %d to %d", i, k.CutStart, k.CutEnd)
		v.check(!last || k.CutEnd == -1 || k.CutEnd == end, "the last chunk is cut at byte %d of %d", k.CutEnd, end)
		cut = k.CutEnd
		if k.CutEnd >= 0 && pos >= k.CutEnd {
			v.check(k.RowsIn == 0 && k.Start == k.End, "chunk %d owns no record but has %d, from byte %d to %d", i, k.RowsIn,
				k.Start, k.End)
		} else {
			v.check(k.Start == pos, "chunk %d starts at byte %d, the previous one ends at %d", i, k.Start, pos)
			pos = k.End
		}
		v.chunkArithmetic(k)
	}
	v.check(pos == end, "the chunks cover %d of %d bytes", pos, end)
	v.totals()
}

// streamed checks what the certificate of an interval says of itself. The keys of its outputs are checked with the sets
// that they derive from: see keys.
func (v *verification) streamed() {
	c := v.Certificate
	v.check(!c.Stream.End.After(c.Certified) && c.Stream.Start.Equal(c.Received) && c.Stream.Start.Before(c.Stream.End),
		"the interval from %s to %s was received at %s and certified at %s", c.Stream.Start, c.Stream.End, c.Received,
		c.Certified)
	for i, k := range c.Chunks {
		v.check(k.Chunk == i, "chunk %d is listed at position %d", k.Chunk, i)
		v.check(k.CutStart == 0 && k.CutEnd == 0, "chunk %d is cut from byte %d to %d", i, k.CutStart, k.CutEnd)
		v.reported(k)
	}
	v.totals()
}

func (v *verification) chunkArithmetic(k contract.ChunkProof) {
	c := v.Certificate
	v.reported(k)
	footer := contract.Skipped{}
	if k.CutEnd == -1 {
		footer = c.Footer
	}
	v.check(k.Footer == footer, "chunk %d: %d lines and %d bytes follow its records, want %d and %d", k.Chunk,
		k.Footer.Lines, k.Footer.Bytes, footer.Lines, footer.Bytes)
	for _, o := range k.Outputs {
		v.check(o.Key == contract.DataKey(c.Segment, o.Partition, c.Load, k.Chunk, k.Start, o.SHA256),
			"%s is not the key of an output of chunk %d", o.Key, k.Chunk)
		v.check(o.Rows > 0, "%s: %d rows", o.Key, o.Rows)
	}
	if k.Quarantine != nil {
		q := *k.Quarantine
		key := contract.QuarantineKey(c.Segment, c.Load, k.Chunk, k.Start, q.SHA256)
		v.check(q.Key == key || q.Key == strings.TrimSuffix(key, contract.QuarantineSuffix),
			"%s is not the key of the quarantine of chunk %d", q.Key, k.Chunk)
		v.check(q.Partition == "", "%s: a quarantine has no partition", q.Key)
	}
}

// reported checks what a chunk reports, wherever its records came from.
func (v *verification) reported(k contract.ChunkProof) {
	v.check(k.RowsIn == k.RowsOut+k.Quarantined, "chunk %d: %d rows in, %d out, %d quarantined", k.Chunk, k.RowsIn,
		k.RowsOut, k.Quarantined)
	v.check(k.Attempt >= 1 && k.Millis >= 0, "chunk %d: attempt %d, %d ms", k.Chunk, k.Attempt, k.Millis)
	v.check(!k.At.After(v.Certificate.Certified), "chunk %d was acknowledged after the certificate", k.Chunk)
	v.check((k.Quarantine != nil) == (k.Quarantined > 0),
		"chunk %d: %d records quarantined, which does not match its quarantine object", k.Chunk, k.Quarantined)
}

// totals sums up the chunks again.
func (v *verification) totals() {
	c := v.Certificate
	t := contract.Totals{Chunks: len(c.Chunks)}
	var out, bad sum
	for _, k := range c.Chunks {
		t.RowsIn += k.RowsIn
		t.RowsOut += k.RowsOut
		t.Quarantined += k.Quarantined
		t.LinesIn += k.LinesIn
		t.LinesBad += k.LinesBad
		t.Skipped = t.Skipped.Plus(k.Skipped)
		t.Bytes += k.End - k.Start
		t.Attempts += k.Attempt
		t.Codes = append(t.Codes, k.Code)
		for _, o := range k.Outputs {
			t.BytesOut += o.Bytes
		}
		chunkOut, err := parseSum(k.HashOut)
		v.check(err == nil, "chunk %d: hashOut: %v", k.Chunk, err)
		chunkBad, err := parseSum(k.HashBad)
		v.check(err == nil, "chunk %d: hashQuarantined: %v", k.Chunk, err)
		out.plus(chunkOut)
		bad.plus(chunkBad)
	}
	slices.Sort(t.Codes)
	t.Codes = slices.Compact(t.Codes)
	for _, n := range []struct {
		name      string
		got, want any
	}{
		{"chunks", c.Totals.Chunks, t.Chunks}, {"rowsIn", c.Totals.RowsIn, t.RowsIn},
		{"rowsOut", c.Totals.RowsOut, t.RowsOut},
		{"quarantined", c.Totals.Quarantined, t.Quarantined}, {"bytes", c.Totals.Bytes, t.Bytes},
		{"bytesOut", c.Totals.BytesOut, t.BytesOut},
		{"hashOut", c.Totals.HashOut, out.String()}, {"hashQuarantined", c.Totals.HashBad, bad.String()},
		{"attempts", c.Totals.Attempts, t.Attempts},
		{"linesIn", c.Totals.LinesIn, t.LinesIn}, {"linesQuarantined", c.Totals.LinesBad, t.LinesBad},
		{"skipped", c.Totals.Skipped, t.Skipped.Plus(c.Front).Plus(c.Footer)},
	} {
		v.check(n.got == n.want, "totals.%s is %v, the chunks add up to %v", n.name, n.got, n.want)
	}
	v.check(slices.Equal(c.Totals.Codes, t.Codes), "totals.codes is %q, the chunks have %q", c.Totals.Codes, t.Codes)
	records := c.Length - c.Footer.Bytes - c.Body
	v.check(t.Bytes == records, "the chunks cover %d bytes, the records have %d", t.Bytes, records)
}

// parseSum reads what sum.String writes.
func parseSum(text string) (s sum, err error) {
	if len(text) != 32 {
		return s, fmt.Errorf("%q: want 32 hex digits", text)
	}
	var halves [16]byte
	if _, err := hex.Decode(halves[:], []byte(text)); err != nil {
		return s, fmt.Errorf("%q: want 32 hex digits", text)
	}
	for i, b := range halves {
		half := &s.hi
		if i >= 8 {
			half = &s.lo
		}
		*half = *half<<8 | uint64(b)
	}
	return s, nil
}
