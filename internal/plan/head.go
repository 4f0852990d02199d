package plan

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"dip/contract"
	"dip/internal/decompress"
	"dip/internal/fault"
	"dip/internal/ledger"
	"dip/internal/process"
	"dip/internal/record"
	"dip/internal/sniff"
	"dip/internal/text"
	"dip/tableschema"
)

// headSize is how much of an input is read to plan it: enough for most headers.
const headSize = 256 << 10

// head is the beginning of an input's content.
type head struct {
	compression contract.Compression
	content     io.ReadCloser
	stored, raw *counted
	start       []byte    // the first stored bytes
	text        io.Reader // the content, decoded
	data        []byte    // what was read of it
	eof         bool
}

// counted counts the bytes that are read.
type counted struct {
	io.ReadCloser
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n += int64(n)
	return n, err
}

// continued reads a start, and then the rest, which is opened for that.
type continued struct {
	start  []byte
	rest   func() io.ReadCloser
	opened io.ReadCloser // nil: the start was enough so far
}

func (c *continued) Read(p []byte) (int, error) {
	if len(c.start) > 0 {
		n := copy(p, c.start)
		c.start = c.start[n:]
		return n, nil
	}
	if c.opened == nil {
		c.opened = c.rest()
	}
	return c.opened.Read(p)
}

func (c *continued) Close() error {
	if c.opened == nil {
		return nil
	}
	return c.opened.Close()
}

func (p *Planner) head(ctx context.Context, o contract.Object, seg *process.Segment) (*head, error) {
	first := min(o.Size, headSize)
	start, err := p.Source.ReadRange(ctx, o, 0, first)
	if err != nil {
		return nil, err
	}
	h := &head{compression: decompress.Detect(start), start: start[:min(len(start), zstd.HeaderMaxSize)]}
	// Most plans need no more: the rest is asked for when it is read.
	stored := &counted{ReadCloser: &continued{start: start, rest: func() io.ReadCloser {
		return p.Source.StreamTo(ctx, o, first, 2*first)
	}}}
	content, err := decompress.Decompress(stored, h.compression)
	if err != nil {
		return nil, errors.Join(err, stored.Close())
	}
	h.content, h.stored, h.raw = content, stored, &counted{ReadCloser: content}
	if err := h.open(seg.Dialect, seg.Charset); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

// open reads the first bytes, and fails an input that is no text of records.
func (h *head) open(d contract.Dialect, charset *text.Charset) error {
	buffered := bufio.NewReaderSize(h.raw, headSize)
	first, err := buffered.Peek(headSize)
	if err != nil && !decompress.Ended(err) {
		return fmt.Errorf("read the first bytes: %w", err)
	}
	if err := sniff.Foreign(first, d.Charset); err != nil {
		return h.foreign(err)
	}
	h.text = charset.Reader(buffered, 0)
	if err := h.more(headSize); err != nil {
		return err
	}
	if err := sniff.Document(h.data, d.Encoding, h.eof); err != nil {
		return h.foreign(err)
	}
	return nil
}

// foreign is the permanent error of an input that is something else than records.
func (h *head) foreign(err error) error {
	what := "the input"
	if h.compression != contract.Plain {
		what = fmt.Sprintf("the content of the %s input", h.compression)
	}
	return fault.Permanent(fmt.Errorf("%s %w", what, err))
}

func (h *head) seen() seen {
	return seen{start: h.start, stored: h.stored.n, content: h.raw.n, whole: h.eof}
}

func (h *head) Close() error { return errors.Join(h.content.Close(), h.stored.Close()) }

// more reads n more bytes of the text.
func (h *head) more(n int) error {
	more, err := io.ReadAll(io.LimitReader(h.text, int64(n)))
	if err != nil {
		return fmt.Errorf("read the first bytes: %w", err)
	}
	h.data, h.eof = append(h.data, more...), len(more) < n
	return nil
}

// layout finds the first record, and for CSV the column of each field.
func (h *head) layout(seg *process.Segment, plan *ledger.Plan) error {
	at := record.SkipBOM(h.data)
	at, err := h.front(at, seg, plan)
	if err != nil {
		return err
	}
	plan.Body = seg.Charset.Len(h.data[:at])
	if seg.Dialect.Encoding != contract.CSV {
		return h.checkLines(at, seg)
	}
	plan.Width = len(seg.Schema.Fields)
	if !seg.Dialect.Header {
		return h.checkLines(at, seg)
	}
	start, end, err := h.header(at, seg, plan)
	if err != nil {
		return err
	}
	if plan.Body = seg.Charset.Len(h.data[:end]); start == end {
		return nil
	}
	names, err := record.Header(h.data[start:end], seg.Dialect)
	if err != nil {
		return fault.Permanent(fmt.Errorf("cannot parse the header: %w", err))
	}
	plan.Columns, err = tableschema.MatchHeader(seg.Schema, names)
	if err != nil {
		return fault.Permanent(fmt.Errorf("the header does not match the schema of segment %s: %w", seg.Name, err))
	}
	plan.Width = len(names)
	return h.checkLines(end, seg)
}

// header finds the header at or after an offset: the first record that is neither blank nor a comment, or the first
// that is no comment when the schema has a single field, whose records may be blank. The input is at its end when start
// is end.
func (h *head) header(from int, seg *process.Segment, plan *ledger.Plan) (start, end int, err error) {
	for start = from; ; {
		n, whole := record.End(h.data[start:], seg.Dialect)
		end = start + n
		line, comment := h.data[start:end], seg.Dialect.Comments(h.data[start:])
		if comment {
			err = commentLine(line, whole || h.eof)
		} else {
			err = headerLines(line, whole || h.eof, seg)
		}
		if err != nil {
			return 0, 0, err
		}
		switch {
		case (whole || h.eof) && comment:
			plan.Front = plan.Front.Plus(contract.Skipped{Lines: 1, Bytes: seg.Charset.Len(line)})
			start = end
			continue
		case (whole || h.eof) && (len(record.Trim(line)) > 0 || n == 0 || len(seg.Schema.Fields) == 1):
			return start, end, nil
		case whole || h.eof:
			start = end
			continue
		}
		if start-from > seg.MaxRecord || n > seg.MaxRecord+len("\r\n") {
			return 0, 0, fault.Permanent(fmt.Errorf("no header in the first %d MiB (maxRecordMB)%s", seg.MaxRecord>>20,
				openQuote(line, seg)))
		}
		if err := h.more(len(h.data)); err != nil {
			return 0, 0, err
		}
	}
}
