package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dip/contract"
	"dip/internal/emf"
	"dip/internal/fault"
	"dip/internal/interval"
	"dip/internal/process"
)

// ProcessorLedger keeps acknowledgements.
type ProcessorLedger interface {
	Cover(ctx context.Context, load string, a contract.StreamAck) error
}

// Processor makes outputs of the records of a stream, up to ten batches of a shard at once.
type Processor struct {
	Segment  string
	Catalog  string // key of the catalog that applies
	Code     string // fingerprint of the running binary
	Runtime  string // function version
	Ledger   ProcessorLedger
	Sink     Sink
	Segments *process.Segments
	Log      *slog.Logger
	Metrics  *emf.Emitter
	Now      func() time.Time
}

// Handle processes a batch: the records of each interval become outputs of their own, and are acknowledged with the
// set of their sequence numbers. What fails is delivered again from its first record on, or bisected.
func (p *Processor) Handle(ctx context.Context, e events.KinesisEvent) (events.KinesisEventResponse, error) {
	var response events.KinesisEventResponse
	shard, list, err := read(e)
	if err != nil {
		return response, err
	}
	definition, err := p.Segments.Catalogs.Segment(ctx, p.Catalog, p.Segment)
	if err != nil {
		return response, err
	}
	s, err := settings(definition, p.Segment)
	if err != nil {
		return response, err
	}
	groups := map[interval.Interval][]arrived{}
	for _, a := range list {
		if a.message.Marker == 0 {
			of := interval.Of(a.At, seconds(s.IntervalSeconds))
			groups[of] = append(groups[of], a)
		}
	}
	var failed interval.Set
	inOrder := func(a, b interval.Interval) int { return cmp.Compare(a.Start, b.Start) }
	for _, of := range slices.SortedFunc(maps.Keys(groups), inOrder) {
		group := groups[of]
		if err := p.cover(ctx, p.Catalog, loadOf(p.Segment, s, of), span(of).Start, shard, group, 1); err != nil {
			p.Log.ErrorContext(ctx, "records failed", "shard", shard, "from", group[0].Sequence, "records", len(group),
				"error", err)
			p.Metrics.Emit(p.Segment, emf.Values{contract.ChunkErrors: 1}, nil)
			failed = append(failed, group[0].digest.Sequence)
		}
	}
	if len(failed) > 0 {
		response.BatchItemFailures = []events.KinesisBatchItemFailure{
			{ItemIdentifier: string(slices.MinFunc(failed, contract.Sequence.Compare))}}
	}
	return response, nil
}

// cover processes records of a shard that belong to one load, and acknowledges them.
func (p *Processor) cover(ctx context.Context, catalog, load string, start time.Time, shard string, list []arrived,
	attempt int) error {
	began := p.Now()
	s, err := p.Segments.Segment(ctx, catalog, p.Segment)
	if err != nil {
		return err
	}
	var set interval.Set
	items := make([]process.Item, len(list))
	for i, a := range list {
		set = append(set, a.digest.Sequence)
		items[i] = process.Item{Sequence: a.Sequence, Record: a.message.Record}
	}
	set = interval.NewSet(set...)
	id := set.ID(shard, catalog, strconv.Itoa(attempt))
	origin := process.Origin{Load: load, Shard: shard, ID: id, Date: start.UTC().Format(time.DateOnly)}
	ack, err := process.Records(ctx, p.Sink, s, origin, items)
	if err != nil {
		return fmt.Errorf("process %d records from %s on: %w", len(list), list[0].Sequence, err)
	}
	now := p.Now().UTC()
	ack.Code, ack.Runtime, ack.Attempt, ack.At, ack.Millis = p.Code, p.Runtime, attempt, now, now.Sub(began).Milliseconds()
	cover, err := keep(ctx, p.Sink, shard, set, contract.CoverKey(p.Segment, load, id))
	if err != nil {
		return err
	}
	err = p.Ledger.Cover(ctx, load, contract.StreamAck{ID: id, Catalog: catalog, Cover: cover, Ack: ack})
	if err == nil {
		p.Metrics.Emit(p.Segment, emf.Values{
			contract.ChunksAcknowledged: 1, contract.ChunkSeconds: float64(ack.Millis) / 1000,
		}, map[string]string{"load": load, "shard": shard})
	}
	return err
}

// batch is how many records are processed from the archive at once: as many as a mapping delivers at most ("Lambda
// quotas").
const batch = 10_000

// again processes records from the archive. Records that cannot be processed together are processed apart: they may
// have too many partitions.
func (p *Processor) again(ctx context.Context, catalog, load string, start time.Time, shard string, list []arrived,
	attempt int) error {
	for part := range slices.Chunk(list, batch) {
		err := p.cover(ctx, catalog, load, start, shard, part, attempt)
		if half := len(part) / 2; fault.IsPermanent(err) && half > 0 {
			err = errors.Join(p.again(ctx, catalog, load, start, shard, part[:half], attempt),
				p.again(ctx, catalog, load, start, shard, part[half:], attempt))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
