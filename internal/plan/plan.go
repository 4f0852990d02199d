// Package plan plans loads: it reads an input's first bytes, decides how to read it, and cuts it into chunks.
package plan

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"dip/contract"
	"dip/internal/chunk"
	"dip/internal/decompress"
	"dip/internal/fault"
	"dip/internal/ledger"
	"dip/internal/process"
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
	if seg.Stream {
		return fail(fault.Permanent(fmt.Errorf("segment %s takes records by stream, not files: the file stays where it is; "+
			"send its records to the stream (dip send), or land it for another segment", load.Segment)))
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
