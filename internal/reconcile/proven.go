package reconcile

import (
	"context"
	"slices"
	"time"

	"dip/contract"
	"dip/internal/ledger"
	"dip/internal/load"
)

const (
	// How much more has to be proven before it is recorded: at most 16 writes of a load, and none of a small one, whose
	// chunks are read as quickly as the load.
	proveShare = 16
	proveLeast = 64
	// A load of more chunks than this has most of its looks up to the first page of chunks that nobody has worked on: they
	// are sent in their order. All of them are read after this time, or this share of the execution's age.
	largeLoad  = 1_000
	page       = 200
	wholeLook  = 5 * time.Minute
	wholeShare = 8
)

// decide reads what may have changed of a load and decides. What has an effect, apart from what concerns the chunks
// that were read, is decided when all were.
func (r *Reconciler) decide(ctx context.Context, look Look, l ledger.Load, limits Limits) ([]ledger.Chunk, Decision,
	error) {
	untouched := 0
	if p := l.Proven; p != nil && l.Plan.Chunks > largeLoad &&
		look.Now.Sub(p.Looked) < max(wholeLook, look.Now.Sub(look.Started)/wholeShare) {
		untouched = page
	}
	for {
		chunks, assumed, err := r.unproven(ctx, l, untouched)
		if err != nil {
			return nil, Decision{}, err
		}
		if look.Lost, err = r.lost(ctx, l, Overdue(look.Now, l, chunks, limits)); err != nil {
			return nil, Decision{}, err
		}
		d, whole := Decide(look, l, chunks, limits), assumed == len(chunks)
		if !whole && (d.Action != contract.ActionWait ||
			slices.ContainsFunc(d.Send, func(s Send) bool { return s.Chunk.Index >= assumed })) {
			untouched = 0
			continue
		}
		if p := Prove(look.Now, l, chunks, whole); p != nil && d.Action == contract.ActionWait {
			err = r.Ledger.Prove(ctx, l.ID, *p)
		}
		return chunks, d, err
	}
}

// Prove is what to record as proven of a load that was looked at; nil: what is recorded is good enough. whole says that
// all chunks were read.
func Prove(now time.Time, load ledger.Load, chunks []ledger.Chunk, whole bool) *ledger.Proven {
	if load.Restage != nil { // its chunks are not all known
		return nil
	}
	p, known := provenOf(load, chunks), ledger.Proven{}
	if load.Proven != nil {
		known = *load.Proven
	}
	if p.Looked = known.Looked; whole {
		p.Looked = now
	}
	if p.Chunks-known.Chunks < max(proveLeast, load.Plan.Chunks/proveShare) &&
		!(whole && load.Plan.Chunks > largeLoad) {
		return nil
	}
	return &p
}

// provenOf is the longest proven prefix. The chain's position may be that of a chunk after it.
func provenOf(load ledger.Load, chunks []ledger.Chunk) ledger.Proven {
	prefix := chunks[:Chain(load, chunks).Accepted]
	return ledger.Proven{Chunks: len(prefix), End: Chain(load, prefix).Position, Last: lastAck(load.Plan.At, prefix)}
}

// unproven reads the chunks of a load's plan that are not proven, with untouched as for ChunksFrom. In place of those
// that are proven stand chunks of which the first owns all that is, and the rest nothing: they give the same decisions.
// From assumed on, they are taken for chunks that nobody has worked on.
func (r *Reconciler) unproven(ctx context.Context, l ledger.Load, untouched int) (chunks []ledger.Chunk, assumed int,
	err error) {
	if l.Proven == nil || l.Restage != nil {
		chunks, err = r.chunks(ctx, l)
		return chunks, len(chunks), err
	}
	rest, err := r.Ledger.ChunksFrom(ctx, l.ID, l.Proven.Chunks, untouched)
	if err != nil {
		return nil, 0, err
	}
	chunks = append(standIns(l), rest...)
	if assumed = len(chunks); untouched > 0 && assumed < l.Plan.Chunks && len(rest) > 0 {
		at, left := rest[len(rest)-1].End, int64(l.Plan.Chunks-assumed)
		size := (End(l, chunks) - at) / left
		for i := range left {
			c := ledger.Chunk{Index: len(chunks), Start: at + i*size, End: at + (i+1)*size, Attempt: 1}
			chunks = append(chunks, c)
		}
	}
	return load.Planned(l, chunks), min(assumed, l.Plan.Chunks), nil
}

func standIns(l ledger.Load) []ledger.Chunk {
	chunks := make([]ledger.Chunk, l.Proven.Chunks)
	for i := range chunks {
		start := l.Proven.End
		if i == 0 {
			start = l.Plan.Body
		}
		ack := &contract.Ack{Start: start, End: l.Proven.End, At: l.Proven.Last}
		chunks[i] = ledger.Chunk{Index: i, Start: start, End: l.Proven.End, Attempt: 1, Sent: l.Sent, Ack: ack}
	}
	return chunks
}
