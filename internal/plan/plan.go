// Package plan plans loads: it reads an input's first bytes, decides how to read it, and cuts it into chunks.
package plan

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/klauspost/compress/zstd"

	"dip/contract"
	"dip/internal/chunk"
	"dip/internal/decompress"
	"dip/internal/fault"
	"dip/internal/ledger"
	"dip/internal/process"
	"dip/internal/record"
	"dip/internal/sniff"
	"dip/internal/text"
	"dip/tableschema"
)

// Ledger is what the planner asks of the ledger.
type Ledger interface {
	Load(ctx context.Context, id string) (ledger.Load, error)
	Plan(ctx context.Context, id string, plan ledger.Plan, chunks []ledger.Chunk) (bool, error)
	Same(ctx context.Context, id, of string, at time.Time) (bool, error)
	Announced(ctx context.Context, id string) error
}

// Source reads inputs.
type Source interface {
	process.Source
	// Head completes size and ETag of the version that o names.
	Head(ctx context.Context, o contract.Object) (contract.Object, error)
}

// Versions knows the versions of inputs.
type Versions interface {
	// Previous is the version right before o, and whether it has the same content.
	Previous(ctx context.Context, o contract.Object) (before contract.Object, same bool, err error)
}

// Planner plans loads: the code of the splitter function.
type Planner struct {
	Ledger   Ledger
	Source   Source
	Versions Versions
	Segments *process.Segments
	Log      *slog.Logger
	Now      func() time.Time
}

// Handle plans a load and says what it does next. A load that can never be planned is answered with ActionFail; a retry
// may cure any error.
func (p *Planner) Handle(ctx context.Context, in contract.WorkflowInput) (contract.StepResponse, error) {
	load, err := p.Ledger.Load(ctx, in.Load)
	if err != nil {
		return contract.StepResponse{}, err
	}
	response := contract.StepResponse{Load: load.ID, Action: contract.ActionWait}
	if load.Plan == nil {
		plan, chunks, err := p.plan(ctx, load)
		var same *sameError
		if errors.As(err, &same) {
			response.Action = contract.ActionDone
			return response, p.same(ctx, load, same.of)
		}
		if fault.IsPermanent(err) {
			p.Log.WarnContext(ctx, "load cannot be planned", "load", load.ID, "error", err)
			response.Action, response.Cause = contract.ActionFail, err.Error()
			return response, nil
		}
		if err != nil {
			return contract.StepResponse{}, fmt.Errorf("plan load %s: %w", load.ID, err)
		}
		if _, err := p.Ledger.Plan(ctx, load.ID, plan, chunks); err != nil {
			return contract.StepResponse{}, err
		}
		load.Plan = &plan
		p.Log.InfoContext(ctx, "load planned", "load", load.ID, "compression", plan.Compression, "chunks", plan.Chunks,
			"lane", plan.Lane, "restage", plan.Restage)
	}
	if load.Plan.Chunks == 0 && !load.Plan.Restage {
		response.Action = contract.ActionCertify
	}
	return response, nil
}

func (p *Planner) plan(ctx context.Context, load ledger.Load) (ledger.Plan, []ledger.Chunk, error) {
	fail := func(err error) (ledger.Plan, []ledger.Chunk, error) { return ledger.Plan{}, nil, err }
	if load.Segment == "" {
		return fail(fault.Permanent(fmt.Errorf("the key %q does not name a segment: land files under <segment>/<name>",
			load.Object.Key)))
	}
	seg, err := p.Segments.Segment(ctx, load.Catalog, load.Segment)
	if err != nil {
		return fail(err)
	}
	if err := p.announced(ctx, load.Object); err != nil {
		return fail(err)
	}
	if seg.Loads.SkipSame {
		if err := p.repeated(ctx, load.Object); err != nil {
			return fail(err)
		}
	}
	// Compressed content is hardly shorter than its stored form. How long it is, only its reader finds out.
	if most := seg.Loads.MaxContentBytes; most > 0 && load.Object.Size > most {
		return fail(decompress.TooLong(most))
	}
	head, err := p.head(ctx, load.Object, seg)
	if err != nil {
		return fail(err)
	}
	defer head.Close()
	plan := ledger.Plan{Compression: head.compression, At: p.Now().UTC().Truncate(time.Millisecond)}
	if err := head.layout(seg, &plan); err != nil {
		return fail(fmt.Errorf("%s: %w", load.Object.Key, err))
	}
	if err := p.footer(ctx, load.Object, seg, &plan); err != nil {
		return fail(fmt.Errorf("%s: %w", load.Object.Key, err))
	}
	chunks := cut(plan, load.Object.Size, seg.Loads.ChunkBytes, seg.Charset.Unit())
	route, err := p.route(ctx, load, plan, head, chunks)
	if err != nil {
		return fail(err)
	}
	if plan.Lane, plan.Restage = route.Lane, route.Restage; plan.Restage {
		chunks = nil
	}
	plan.Chunks = len(chunks)
	return plan, chunks, nil
}

// announced checks the size and ETag in a load's event: bytes beyond a size that is too small would never be read.
func (p *Planner) announced(ctx context.Context, o contract.Object) error {
	is, err := p.Source.Head(ctx, o)
	switch {
	case err != nil:
		return fmt.Errorf("head the input: %w", err)
	case is.Size != o.Size:
		return fault.Permanent(fmt.Errorf("the object has %d bytes, its event said %d", is.Size, o.Size))
	case is.ETag != o.ETag:
		return fault.Permanent(fmt.Errorf("the object has the ETag %q, its event said %q", is.ETag, o.ETag))
	}
	return nil
}

func (p *Planner) route(
	ctx context.Context, load ledger.Load, plan ledger.Plan, head *head, chunks []ledger.Chunk) (Route, error,
) {
	catalog, err := p.Segments.Catalogs.Catalog(ctx, load.Catalog)
	if err != nil {
		return Route{}, err
	}
	definition, err := catalog.Segment(load.Segment)
	if err != nil {
		return Route{}, fault.Permanent(err)
	}
	content, largest, splittable := load.Object.Size, definition.Loads.ChunkBytes, plan.Compression.Splittable()
	if splittable {
		largest = 0
		for _, c := range chunks {
			largest = max(largest, c.End-c.Start)
		}
	} else {
		content = predict(plan.Compression, load.Object.Size, head.seen())
	}
	return Choose(definition, catalog.Restage != "", splittable, content, largest), nil
}

// cut lays out the chunks of a plan between units of the charset. The start of the first one is known.
func cut(plan ledger.Plan, size, target int64, unit int) []ledger.Chunk {
	u := int64(unit)
	ranges := chunk.Plan(plan.Body/u, (size-plan.Footer.Bytes)/u, target/u)
	for i := range ranges {
		ranges[i] = chunk.Range{Start: ranges[i].Start * u, End: ranges[i].End * u}
	}
	if !plan.Compression.Splittable() && size > 0 {
		ranges = []chunk.Range{{Start: plan.Body, End: -1}}
	}
	chunks := make([]ledger.Chunk, len(ranges))
	for i, r := range ranges {
		chunks[i] = ledger.Chunk{Index: i, Start: r.Start, End: r.End, Attempt: 1}
	}
	if len(chunks) > 0 {
		chunks[0].From = &plan.Body
	}
	return chunks
}

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

func (p *Planner) head(ctx context.Context, o contract.Object, seg *process.Segment) (*head, error) {
	start, err := p.Source.ReadRange(ctx, o, 0, min(o.Size, zstd.HeaderMaxSize))
	if err != nil {
		return nil, err
	}
	h := &head{compression: decompress.Detect(start), start: start}
	stored := &counted{ReadCloser: p.Source.Stream(ctx, o, 0)}
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
