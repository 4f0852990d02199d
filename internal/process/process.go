package process

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"dip/contract"
	"dip/internal/chunk"
	"dip/internal/decompress"
	"dip/internal/fault"
	"dip/internal/parquet"
	"dip/internal/record"
	"dip/internal/spool"
	"dip/internal/text"
)

// Sink stores outputs write-once.
type Sink = spool.Sink

// Source reads versions of objects.
type Source interface {
	// Stream reads from an offset to the end.
	Stream(ctx context.Context, o contract.Object, from int64) io.ReadCloser
	// StreamTo is Stream for a reader that stops soon after an offset.
	StreamTo(ctx context.Context, o contract.Object, from, soon int64) io.ReadCloser
	// ReadRange reads the bytes [from, to).
	ReadRange(ctx context.Context, o contract.Object, from, to int64) ([]byte, error)
}

// Process reads the records that a chunk owns and stores the outputs. It is idempotent: the same chunk gives the same
// outputs under the same keys.
//
// A chunk whose message has no start may guess it wrong. An error after a guess is not a failure: the chunk reports
// that it owns nothing, and the chain has it rerun from the proven start.
func Process(ctx context.Context, src Source, sink Sink, s *Segment, m contract.ChunkMessage) (contract.Ack, error) {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	from, found, stored, err := start(reading, src, s, m)
	if err != nil {
		return contract.Ack{}, err
	}
	if !found {
		return nothing(from), nil
	}
	w, err := newWork(s, m, sink, from)
	if err != nil {
		if stored != nil {
			err = errors.Join(err, stored.Close())
		}
		return contract.Ack{}, err
	}
	ack, err := w.run(ctx, func() (io.ReadCloser, error) { return w.stream(reading, src, stored) }, stop)
	err = errors.Join(err, w.close())
	if err != nil && m.From == nil && fault.IsPermanent(err) {
		return nothing(m.End), nil
	}
	return ack, err
}

// nothing is the report of a chunk that owns no record.
func nothing(at int64) contract.Ack {
	return contract.Ack{Start: at, End: at, HashOut: record.Sum{}.String(), HashBad: record.Sum{}.String(),
		Revision: contract.OutputRevision}
}

// start says where the chunk's first record starts; found is false when the chunk owns none. Where it had to be looked
// for, stored is the input from there on, on the connection that found it.
func start(ctx context.Context, src Source, s *Segment, m contract.ChunkMessage) (from int64, found bool,
	stored io.ReadCloser, err error) {
	if m.From != nil {
		return *m.From, m.End < 0 || *m.From < m.End, nil, nil
	}
	unit := int64(s.Charset.Unit())
	before := m.Start - unit // the line feed before a cut shows that a record starts at it
	stream := src.StreamTo(ctx, m.Object, before-m.Base, m.End-m.Base)
	defer func() {
		if stored == nil {
			err = errors.Join(err, stream.Close())
		}
	}()
	var window []byte
	for step := 0; ; step++ {
		size, last := chunk.Window(step, (m.End-before)/unit)
		read := len(window)
		window = slices.Grow(window, int(size*unit)-read)[:size*unit]
		if _, err := io.ReadFull(stream, window[read:]); err != nil {
			return 0, false, nil, fmt.Errorf("find the first record: %w", err)
		}
		g := chunk.FindStart(s.Charset.Narrow(window), s.Dialect, m.Width, last)
		if g.NeedMore {
			continue
		}
		from = m.Start + int64(g.Offset)*unit
		if !g.Found || from >= m.End {
			return m.End, false, nil, nil
		}
		return from, true, joined{io.MultiReader(bytes.NewReader(window[from-before:]), stream), stream}, nil
	}
}

// joined reads from one thing and closes another.
type joined struct {
	io.Reader
	io.Closer
}

const (
	// blockSize is how many bytes are read at a time: they are still in the processor's cache when they are parsed, which
	// makes a chunk 4 to 8 % faster than blocks of 4 MiB do.
	blockSize = 256 << 10
	// Rows and bytes of a batch: it stays in the processor's caches between the parser and the encoder.
	batchRows  = 8 << 10
	batchBytes = 2 << 20
	// lookEvery is how many bytes of text are read between two looks at whether they reach a chunk's end.
	lookEvery = 256 << 10
)

// work is one chunk being processed.
type work struct {
	segment *Segment
	msg     contract.ChunkMessage
	sink    Sink
	limit   int64 // records that start here or later belong to the next chunk

	parser     *record.Parser
	batch      *record.Batch
	encoder    encoder
	partitions *parquet.Partitioner
	spools     map[string]*spool.Spool
	quarantine *spool.Spool

	buf  []byte // text from pos on that is not parsed yet
	pos  int64  // in the input
	eof  bool
	body *text.Body // of an input that ends with a footer; nil: there is none, or the plan knows where

	ack              contract.Ack
	hashOut, hashBad record.Sum

	origin   Origin // of records of a stream; zero: of a chunk
	sequence string // of the stream's record that is being parsed
}

func newWork(s *Segment, m contract.ChunkMessage, sink Sink, from int64) (*work, error) {
	w := &work{segment: s, msg: m, sink: sink, pos: from, limit: m.End, spools: map[string]*spool.Spool{}}
	if m.End < 0 {
		w.limit = math.MaxInt64
	}
	var err error
	if w.parser, err = record.NewParser(s.Schema, s.Dialect, m.Columns,
		record.Options{MaxRows: batchRows, MaxBytes: batchBytes, Width: m.Width, MaxRecord: s.MaxRecord,
			Length: s.Charset.Len}); err != nil {
		return nil, fault.Permanent(fmt.Errorf("segment %s: %w", s.Name, err))
	}
	w.batch = s.batch(w.parser.Types())
	options := parquet.Options{MaxPartitions: s.MaxPartitions, Level: s.Level, Codecs: s.codecs}
	w.partitions, err = parquet.NewPartitioner(s.Types, s.Partition, options, w.open)
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("segment %s: %w", s.Name, err))
	}
	w.encoder.write = w.encode
	w.ack.Start = from
	return w, nil
}

func (w *work) open(path string) (io.Writer, error) {
	s := spool.New(false)
	w.spools[path] = s
	return s, nil
}

func (w *work) close() error {
	var errs []error
	for _, s := range w.spools {
		errs = append(errs, s.Close())
	}
	if w.quarantine != nil {
		errs = append(errs, w.quarantine.Close())
	}
	w.batch.Reset()
	w.segment.batches.Put(w.batch)
	return errors.Join(errs...)
}

func (w *work) run(ctx context.Context, open func() (io.ReadCloser, error), stop func()) (contract.Ack, error) {
	if err := w.read(open, stop); err != nil {
		return contract.Ack{}, err
	}
	return w.store(ctx)
}

// read parses and encodes the text that open gives. stop ends reads of it that are under way. What runs beside it has
// ended when it returns.
func (w *work) read(open func() (io.ReadCloser, error), stop func()) (err error) {
	stream, err := open()
	if err != nil {
		return err
	}
	if overlapping() {
		w.encoder.start(w.parser.Types())
		if !w.msg.Compression.Splittable() || w.segment.Charset != nil { // others are fetched ahead as they are
			stream = readAhead(stream)
		}
	}
	defer func() {
		stop()
		stream.Close()
		// What the encoder found wrong comes before what the parser found wrong meanwhile.
		if failed := w.encoder.stop(); failed != nil {
			err = failed
		}
	}()
	w.buf = make([]byte, 0, w.segment.block)
	for done := false; !done; {
		if err := w.fill(stream); err != nil {
			return err
		}
		if done, err = w.parse(); err != nil {
			return err
		}
	}
	return w.flush()
}

// stream gives the text of the content from w.pos on, without the footer. stored is the input from there on, if it is
// open.
func (w *work) stream(ctx context.Context, src Source, stored io.ReadCloser) (io.ReadCloser, error) {
	if w.msg.Compression.Splittable() {
		if stored == nil {
			stored = src.StreamTo(ctx, w.msg.Object, w.pos-w.msg.Base, min(w.limit-w.msg.Base, w.msg.Object.Size))
		}
		if w.msg.Footer == 0 && w.segment.Charset == nil {
			return stored, nil
		}
		body := io.LimitReader(stored, w.msg.Object.Size-w.msg.Footer-(w.pos-w.msg.Base))
		return joined{w.segment.Charset.Reader(body, w.pos), stored}, nil
	}
	stored = src.Stream(ctx, w.msg.Object, 0)
	content, err := decompress.Decompress(stored, w.msg.Compression)
	if err != nil {
		return nil, errors.Join(err, stored.Close())
	}
	content = decompress.Limit(content, w.segment.Loads.MaxContentBytes)
	content = decompress.Expansion(content, w.msg.Object.Size, w.segment.Loads.MaxExpansion)
	if _, err := io.CopyN(io.Discard, content, w.pos-w.msg.Base); err != nil {
		return nil, errors.Join(fmt.Errorf("skip to the first record: %w", err), content.Close(), stored.Close())
	}
	var body io.Reader = content
	if n := w.segment.Dialect.FooterLines; n > 0 {
		w.body = w.segment.Charset.Body(content, n, w.segment.MaxRecord, w.pos)
		body = w.body
	}
	return closers{w.segment.Charset.Reader(body, w.pos), content, stored}, nil
}

type closers struct {
	io.Reader
	inner, outer io.Closer
}

func (c closers) Close() error { return errors.Join(c.inner.Close(), c.outer.Close()) }

// fill reads until the buffer is full, holds all that is before the limit, or the input ends: what follows the limit is
// another chunk's, and costs requests. A buffer that is still full holds the start of one long record: it grows.
func (w *work) fill(stream io.Reader) error {
	if len(w.buf) == cap(w.buf) {
		most := w.segment.MaxRecord + len("\r\n") // one byte more shows that a record is too long
		if len(w.buf) > most {
			return w.tooLong(w.buf)
		}
		grown := make([]byte, len(w.buf), min(2*cap(w.buf), most+1))
		copy(grown, w.buf)
		w.buf = grown
	}
	for checked := len(w.buf); !w.eof && len(w.buf) < cap(w.buf); {
		n, err := stream.Read(w.buf[len(w.buf):cap(w.buf)])
		w.buf = w.buf[:len(w.buf)+n]
		switch {
		case decompress.Ended(err):
			w.eof = true
		case err != nil:
			return fmt.Errorf("read from byte %d: %w", w.pos+w.segment.Charset.Len(w.buf), err)
		}
		// The length of a text in a charset takes a look at all of it.
		if w.segment.Charset == nil || len(w.buf)-checked >= lookEvery {
			if checked = len(w.buf); w.segment.Charset.Len(w.buf) >= w.limit-w.pos {
				break
			}
		}
	}
	return nil
}

func (w *work) tooLong(rec []byte) error {
	why := ""
	if at := record.Opening(rec, w.segment.Dialect); at >= 0 {
		why = fmt.Sprintf(": is the quote at byte %d never closed?", w.pos+w.segment.Charset.Len(rec[:at]))
	}
	return fault.Permanent(fmt.Errorf("the record at byte %d is longer than %d MiB (maxRecordMB of segment %s)%s",
		w.pos, w.segment.MaxRecord>>20, w.segment.Name, why))
}

// parse consumes all whole records that start before the limit, and says whether the chunk is done.
func (w *work) parse() (done bool, err error) {
	data, capped := w.buf, false
	if n := w.segment.Charset.Prefix(data, w.limit-w.pos); n < len(data) {
		data, capped = data[:n], true
	}
	if err := w.take(data, w.eof && !capped); err != nil {
		return false, err
	}
	if w.pos >= w.limit {
		return true, nil
	}
	if !capped {
		return w.eof, nil
	}
	// The rest before the limit is the start of the last record, which ends beyond the limit.
	end, whole := record.End(w.buf, w.segment.Dialect)
	if !whole && !w.eof {
		return false, nil
	}
	if err := w.take(w.buf[:end], w.eof && end == len(w.buf)); err != nil {
		return false, err
	}
	return w.pos >= w.limit || w.eof, nil
}

// take parses data, the front of the buffer, and drops what was used from the buffer.
func (w *work) take(data []byte, final bool) error {
	used := 0
	for {
		r := w.parser.Parse(w.batch, data[used:], final)
		if err := w.rejects(data[used:], r.Rejects); err != nil {
			return err
		}
		w.ack.RowsOut += int64(r.Accepted)
		w.ack.Quarantined += int64(r.Rejected)
		w.ack.LinesIn += int64(r.AcceptedLines + r.RejectedLines)
		w.ack.LinesBad += int64(r.RejectedLines)
		w.ack.Skipped = w.ack.Skipped.Plus(r.Skipped)
		w.hashOut, w.hashBad = w.hashOut.Plus(r.AcceptedSum), w.hashBad.Plus(r.RejectedSum)
		w.pos += w.segment.Charset.Len(data[used : used+r.Consumed])
		used += r.Consumed
		switch r.Stop {
		case record.BatchFull:
			if err := w.flush(); err != nil {
				return err
			}
			continue
		case record.RejectsFull:
			continue
		case record.TooLong:
			rest := data[used:]
			end, _ := record.End(rest, w.segment.Dialect)
			return w.tooLong(rest[:end])
		}
		break
	}
	w.buf = w.buf[:copy(w.buf, w.buf[used:])]
	return nil
}

func (w *work) flush() error {
	if w.batch.Rows == 0 {
		return nil
	}
	var err error
	w.batch, err = w.encoder.put(w.batch, w.pos)
	return err
}

// encode writes a batch of rows, which come before an offset, to the outputs.
func (w *work) encode(b *record.Batch, before int64) error {
	if err := w.partitions.Write(b); err != nil {
		var tooMany *parquet.PartitionLimitError
		var tooLong *parquet.PartitionValueError
		if errors.As(err, &tooMany) || errors.As(err, &tooLong) {
			err = fault.Permanent(err)
		}
		return fmt.Errorf("write rows before byte %d: %w", before, err)
	}
	return nil
}

// rejects quarantines records of data, which begins at w.pos.
func (w *work) rejects(data []byte, list []record.Reject) error {
	at, from := w.pos, 0
	for _, r := range list {
		at += w.segment.Charset.Len(data[from:r.Start])
		line := contract.Rejected{Chunk: w.msg.Chunk, Start: at, Field: r.Field, Reason: r.Reason}
		raw := data[r.Start:r.End]
		if c := w.segment.Charset; c != nil {
			line.Text = strings.ToValidUTF8(string(raw), "\ufffd")
			line.Reason = cmp.Or(c.Fault(raw), r.Reason)
			raw = c.Raw(raw)
		}
		line.End = at + int64(len(raw))
		line.SetRaw(raw)
		if err := w.reject(line); err != nil {
			return fmt.Errorf("quarantine the record at byte %d: %w", at, err)
		}
		at, from = line.End, r.End
	}
	return nil
}

func (w *work) reject(line contract.Rejected) error {
	line.Shard, line.Sequence = w.origin.Shard, w.sequence
	if w.quarantine == nil {
		w.quarantine = spool.NewGzip()
	}
	out, err := json.Marshal(line)
	if err != nil {
		return err
	}
	if _, err := w.quarantine.Write(append(out, '\n')); err != nil {
		return err
	}
	// A short record is a long line here, with its place and its reason: a disk that is full would fail every attempt.
	if most := w.segment.Loads.MaxQuarantineBytes; most > 0 && w.quarantine.Size > most {
		return fault.Permanent(fmt.Errorf("up to byte %d, rejected records alone take more than %d MiB, compressed "+
			"(loads.maxQuarantineMB): is this the format of segment %s? The last one: %s", line.End, most>>20,
			w.segment.Name, line.Reason))
	}
	return nil
}

// store uploads the outputs and completes the acknowledgement.
func (w *work) store(ctx context.Context) (contract.Ack, error) {
	outputs, err := w.partitions.Close()
	if err != nil {
		return contract.Ack{}, fmt.Errorf("finish outputs: %w", err)
	}
	a, m := &w.ack, w.msg
	a.End, a.RowsIn = w.pos, w.ack.RowsOut+w.ack.Quarantined
	a.HashOut, a.HashBad, a.Revision = w.hashOut.String(), w.hashBad.String(), contract.OutputRevision
	if w.body != nil {
		a.Footer = w.body.Footer()
	}
	for _, o := range outputs {
		partition := o.Path
		if w.segment.Partition == nil {
			partition = contract.LoadDatePartition(m.LoadDate)
		}
		sum := hex.EncodeToString(o.SHA256[:])
		out := contract.Output{
			Key:       w.dataKey(partition, sum),
			Partition: partition, Rows: o.Rows, Bytes: o.Bytes, SHA256: sum,
		}
		if err := w.spools[o.Path].Upload(ctx, w.sink, out.Key, "application/vnd.apache.parquet", out.SHA256); err != nil {
			return contract.Ack{}, err
		}
		a.Outputs = append(a.Outputs, out)
	}
	if w.quarantine != nil {
		if err := w.quarantine.Finish(); err != nil {
			return contract.Ack{}, err
		}
		sum := w.quarantine.Sum()
		out := contract.Output{
			Key:  w.quarantineKey(sum),
			Rows: a.Quarantined, Bytes: w.quarantine.Size, SHA256: sum,
		}
		if err := w.quarantine.Upload(ctx, w.sink, out.Key, "application/gzip", out.SHA256); err != nil {
			return contract.Ack{}, err
		}
		a.Quarantine = &out
	}
	return *a, nil
}

func (w *work) dataKey(partition, sum string) string {
	if w.origin.ID != "" {
		return contract.StreamDataKey(w.msg.Segment, partition, w.msg.Load, w.origin.ID, sum)
	}
	return contract.DataKey(w.msg.Segment, partition, w.msg.Load, w.msg.Chunk, w.ack.Start, sum)
}

func (w *work) quarantineKey(sum string) string {
	if w.origin.ID != "" {
		return contract.StreamQuarantineKey(w.msg.Segment, w.msg.Load, w.origin.ID, sum)
	}
	return contract.QuarantineKey(w.msg.Segment, w.msg.Load, w.msg.Chunk, w.ack.Start, sum)
}
