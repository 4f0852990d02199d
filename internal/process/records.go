package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"dip/contract"
	"dip/internal/fault"
	"dip/internal/record"
)

// Origin says what records of a stream are acknowledged together.
type Origin struct {
	Load  string // of the interval
	Shard string
	ID    string // of the set of records
	Date  string // YYYY-MM-DD on which the interval began
}

// Item is one record of a stream.
type Item struct {
	Sequence string
	Record   []byte // one record of the segment, with or without a line end
}

// Records processes records of a stream as Process does those of a chunk. It is idempotent as well: the same records
// give the same outputs under the same keys. An item that is not exactly one record is quarantined.
func Records(ctx context.Context, sink Sink, s *Segment, o Origin, items []Item) (contract.Ack, error) {
	if s.Charset != nil {
		return contract.Ack{}, fault.Permanent(fmt.Errorf("segment %s: the records of a stream are UTF-8, not %s", s.Name,
			s.Dialect.Charset))
	}
	unlimited := *s
	unlimited.Loads.MaxQuarantineBytes = 0 // what arrives is in small batches, and must not stop the stream
	m := contract.ChunkMessage{Segment: s.Name, Load: o.Load, LoadDate: o.Date, End: -1}
	w, err := newWork(&unlimited, m, sink, 0)
	if err != nil {
		return contract.Ack{}, err
	}
	w.origin = o
	ack, err := w.items(ctx, items)
	return ack, errors.Join(err, w.close())
}

func (w *work) items(ctx context.Context, items []Item) (contract.Ack, error) {
	for _, item := range items {
		w.sequence = item.Sequence
		if why := w.refuse(item.Record); why != "" {
			if err := w.quarantineWhole(item.Record, why); err != nil {
				return contract.Ack{}, err
			}
			continue
		}
		before := w.ack.RowsOut + w.ack.Quarantined
		w.buf = item.Record
		if err := w.take(item.Record, true); err != nil {
			return contract.Ack{}, err
		}
		if got := w.ack.RowsOut + w.ack.Quarantined - before; got != 1 {
			return contract.Ack{}, fmt.Errorf("record %s of shard %s was read as %d records", item.Sequence,
				w.origin.Shard, got)
		}
	}
	if err := w.flush(); err != nil {
		return contract.Ack{}, err
	}
	return w.store(ctx)
}

// aggregated begins the records that the Kinesis Producer Library puts together ("KPL Aggregated Record Format").
var aggregated = []byte{0xf3, 0x89, 0x9a, 0xc2}

// refuse says why an item is not one record; "" when it is.
func (w *work) refuse(data []byte) string {
	d := w.segment.Dialect
	text := record.Trim(data)
	blank := len(text) == 0 && len(w.segment.Types) > 1
	if d.Encoding == contract.NDJSON {
		blank = len(bytes.Trim(text, " \t\r")) == 0
	}
	end, whole := record.End(data, d)
	switch {
	case bytes.HasPrefix(data, aggregated):
		return "is aggregated by the Kinesis Producer Library: send each record by itself (AggregationEnabled = false)"
	case blank || len(data) == 0:
		return "holds no record"
	case d.Comments(data):
		return "is a comment"
	case whole && end < len(data):
		return "holds more than one record: send each by itself"
	case len(text) > w.segment.MaxRecord:
		return fmt.Sprintf("is longer than %d MiB (maxRecordMB of the segment)", w.segment.MaxRecord>>20)
	}
	return ""
}

func (w *work) quarantineWhole(data []byte, why string) error {
	line := contract.Rejected{Start: w.pos, End: w.pos + int64(len(data)), Reason: why}
	line.SetRaw(data)
	if err := w.reject(line); err != nil {
		return fmt.Errorf("quarantine record %s: %w", w.sequence, err)
	}
	w.ack.Quarantined++
	w.ack.LinesIn++ // whatever it is, it is no text of several lines
	w.ack.LinesBad++
	w.hashBad.Add(record.Trim(data))
	w.pos = line.End
	return nil
}
