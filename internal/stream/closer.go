package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"dip/contract"
	"dip/internal/attest"
	"dip/internal/emf"
	"dip/internal/fault"
	"dip/internal/interval"
	"dip/internal/ledger"
)

// CloserLedger is what the closer asks of the ledger.
type CloserLedger interface {
	attest.Ledger
	Receive(ctx context.Context, load ledger.Load) (stands ledger.Load, created bool, err error)
	Archive(ctx context.Context, segment, shard, after string) ([]contract.Archived, error)
	Covers(ctx context.Context, load, shard string) ([]contract.StreamAck, error)
	Freeze(ctx context.Context, load, closing string) (stands string, err error)
	Frozen(ctx context.Context, load string) (string, error)
	Publish(ctx context.Context, id string, at time.Time) (bool, error)
}

// Stream is the stream as the closer sees it.
type Stream interface {
	Shards
	// Mark puts a record into the shard that has a hash key.
	Mark(ctx context.Context, hashKey string, data []byte) error
	// Created is when the stream was made: nothing arrived before.
	Created(ctx context.Context) (time.Time, error)
}

// Closer closes the intervals of a segment's stream, one after the other: it puts markers into the shards, decides
// which acknowledgements count, processes what none covers from the archive, certifies and publishes. Several may run
// at once.
type Closer struct {
	Stack     string
	Processor *Processor // names the segment and the catalog, and runs what was not processed
	Ledger    CloserLedger
	Lake      Lake
	Stream    Stream
	Signer    attest.Signer
	Announce  func(ctx context.Context, load ledger.Load) error // sends the event of a certified interval
	Log       *slog.Logger
	Metrics   *emf.Emitter
	Pause     func(ctx context.Context, d time.Duration) error
}

// Report is what a run of the closer has found.
type Report struct {
	Certified []string           // loads of the intervals that are certified and published now
	Waiting   *contract.Interval // the interval that could not be closed yet; nil: its end and grace are not over
	State     interval.State     // of Waiting
	Problems  []string           // what keeps it open, by shard and range
	Through   time.Time          // end of the newest certified interval; zero: there is none
}

// The witness archives a marker within its batching window and a second or two: Close returns to an interval so often,
// and waits so long before each time.
const (
	looks     = 4
	lookAgain = 3 * time.Second
)

// Close closes all intervals that can be closed, and returns to the one whose markers it has put, which would otherwise
// stay open until the next run. An interval that is overdue is reported, not an error: its records may be lost, and a
// repetition may still find them.
func (c *Closer) Close(ctx context.Context) (r Report, err error) {
	defer func() { c.measure(ctx, r, err) }()
	if r, err = c.pass(ctx, true); err != nil {
		return r, err
	}
	for look := 0; look < looks && r.Waiting != nil && r.State == interval.Open; look++ {
		if err := c.Pause(ctx, lookAgain); err != nil {
			return r, err
		}
		next, err := c.pass(ctx, false)
		next.Certified = append(r.Certified, next.Certified...)
		if r = next; err != nil {
			return r, err
		}
	}
	return r, nil
}

// pass closes what can be closed. mark says whether to put markers into the shards that lack them.
func (c *Closer) pass(ctx context.Context, mark bool) (r Report, err error) {
	before, err := c.newest(ctx)
	if err != nil {
		return r, err
	}
	for {
		if before != nil {
			r.Through = before.Stream.End
		}
		load, next, err := c.open(ctx, before)
		if err != nil || load == nil {
			return r, err
		}
		r.Waiting = load.Interval
		certificate, decision, err := c.close(ctx, *load, next, before, mark)
		if err != nil {
			return r, fmt.Errorf("close the interval from %s: %w", load.Received.Format(time.RFC3339), err)
		}
		if certificate == nil {
			r.State, r.Problems = decision.State, decision.Problems()
			c.Log.InfoContext(ctx, "interval is open", "load", load.ID, "state", r.State, "problems", r.Problems)
			return r, nil
		}
		r.Certified, r.Waiting, before = append(r.Certified, load.ID), nil, certificate
	}
}

// newest is the last certificate of the segment, published; nil: there is none.
func (c *Closer) newest(ctx context.Context) (*contract.Certificate, error) {
	head, err := c.Ledger.Head(ctx, c.Processor.Segment)
	if err != nil || head.Load == "" {
		return nil, err
	}
	load, err := c.Ledger.Load(ctx, head.Load)
	if err != nil {
		return nil, err
	}
	if load.Status != contract.Published { // whoever certified it died
		return c.finish(ctx, load)
	}
	return c.certificate(ctx, load.ID)
}

func (c *Closer) certificate(ctx context.Context, load string) (*contract.Certificate, error) {
	key := contract.CertificateKey(c.Processor.Segment, load)
	return c.read(ctx, key)
}

func (c *Closer) read(ctx context.Context, key string) (*contract.Certificate, error) {
	data, err := c.Lake.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	var certificate contract.Certificate
	if err := json.Unmarshal(data, &certificate); err != nil {
		return nil, fault.Permanent(fmt.Errorf("read %s: %w", key, err))
	}
	if certificate.Stream == nil {
		return nil, fault.Permanent(fmt.Errorf("%s is not of an interval", key))
	}
	return &certificate, nil
}

// settings are those of the stream in the catalog that new intervals are pinned to.
func (c *Closer) settings(ctx context.Context) (contract.Stream, error) {
	definition, err := c.Processor.Segments.Catalogs.Segment(ctx, c.Processor.Catalog, c.Processor.Segment)
	if err != nil {
		return contract.Stream{}, err
	}
	return settings(definition, c.Processor.Segment)
}

// open gives the interval that follows, as a load; nil while it and its grace last.
func (c *Closer) open(ctx context.Context, before *contract.Certificate) (*ledger.Load, interval.Interval, error) {
	s, err := c.settings(ctx)
	if err != nil {
		return nil, interval.Interval{}, err
	}
	var next interval.Interval
	if before != nil {
		if was := before.Stream.End.Sub(before.Stream.Start); was != seconds(s.IntervalSeconds) {
			return nil, next, fault.Permanent(fmt.Errorf("the stream's intervals are %s long, its catalog says %s: set "+
				"stream.interval back, its length cannot change", was, seconds(s.IntervalSeconds)))
		}
		next = interval.Of(before.Stream.End.UnixMilli(), seconds(s.IntervalSeconds))
	} else {
		created, err := c.Stream.Created(ctx)
		if err != nil {
			return nil, next, err
		}
		next = interval.Of(created.UnixMilli(), seconds(s.IntervalSeconds))
	}
	of := span(next)
	if c.Processor.Now().Before(of.End.Add(seconds(s.GraceSeconds))) {
		return nil, next, nil
	}
	input := contract.IntervalInput(c.Processor.Segment, s, of)
	load, _, err := c.Ledger.Receive(ctx, ledger.Load{
		ID: contract.LoadID(input), Segment: c.Processor.Segment, Object: input, Interval: &of,
		Catalog: c.Processor.Catalog, Received: of.Start, Status: contract.Running,
	})
	return &load, next, err
}

// rounds is how often an interval is looked at in one run: each one processes what the one before found missing.
const rounds = 3

// close closes one interval; the certificate is nil if it stays open.
func (c *Closer) close(ctx context.Context, load ledger.Load, of interval.Interval, before *contract.Certificate,
	mark bool) (*contract.Certificate, interval.Decision, error) {
	if frozen, err := c.Ledger.Frozen(ctx, load.ID); err != nil || frozen != "" {
		if err != nil {
			return nil, interval.Decision{}, err
		}
		certificate, err := c.finish(ctx, load)
		return certificate, interval.Decision{}, err
	}
	for round := 1; ; round++ {
		v, err := c.look(ctx, load, of, before)
		if err != nil {
			return nil, interval.Decision{}, err
		}
		d, err := v.Decide()
		if err != nil {
			return nil, d, err
		}
		switch {
		case d.State == interval.Closed:
			if err := c.freeze(ctx, load, v, d); err != nil {
				return nil, d, err
			}
			certificate, err := c.finish(ctx, load)
			return certificate, d, err
		case len(d.Waiting) > 0 && !mark:
			return nil, d, nil
		case len(d.Waiting) > 0:
			return nil, d, c.mark(ctx, v, d)
		case round == rounds:
			return nil, d, nil
		}
		if err := c.rerun(ctx, load, v, d); err != nil {
			return nil, d, err
		}
	}
}

// mark puts a marker into each open shard that keeps the interval open. It ends all intervals whose grace is over.
func (c *Closer) mark(ctx context.Context, v view, d interval.Decision) error {
	grace := seconds(v.settings.GraceSeconds)
	newest := interval.Of(c.Processor.Now().Add(-grace).UnixMilli(), seconds(v.settings.IntervalSeconds)).Start
	for _, s := range v.shards {
		if _, waits := d.Waiting[s.ID]; !waits || s.Closed {
			continue
		}
		if err := c.Stream.Mark(ctx, s.HashKey, interval.Marker(max(newest, v.Interval.End))); err != nil {
			return fmt.Errorf("mark shard %s: %w", s.ID, err)
		}
	}
	return nil
}

// rerun processes from the archive what no acknowledgement covers.
func (c *Closer) rerun(ctx context.Context, load ledger.Load, v view, d interval.Decision) error {
	for _, piece := range d.Rerun {
		var list []arrived
		for _, b := range v.batches[piece.Shard] {
			within := func(n contract.Sequence) bool {
				return n.Compare(contract.Sequence(b.After)) > 0 && n.Compare(contract.Sequence(b.Last)) <= 0
			}
			wanted := false
			for _, n := range piece.Records {
				wanted = wanted || within(n)
			}
			if !wanted {
				continue
			}
			all, err := unpack(ctx, c.Lake, b)
			if err != nil {
				return err
			}
			for _, a := range all {
				if piece.Records.Has(a.digest.Sequence) {
					list = append(list, a)
				}
			}
		}
		c.Log.InfoContext(ctx, "run again from the archive", "load", load.ID, "shard", piece.Shard, "records", len(list))
		err := c.Processor.again(ctx, load.Catalog, load.ID, load.Received, piece.Shard, list, v.attempt+1)
		if err != nil {
			return err
		}
		c.Metrics.Emit(load.Segment, emf.Values{contract.RecordsRerun: float64(len(list))},
			map[string]string{"load": load.ID, "shard": piece.Shard})
	}
	return nil
}
