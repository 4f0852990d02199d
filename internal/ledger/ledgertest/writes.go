package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"dip/contract"
	"dip/internal/ledger"
)

// Receive records a load unless it is known.
func (f *Fake) Receive(ctx context.Context, load ledger.Load) (stands ledger.Load, created bool, err error) {
	err = f.do(ctx, Op{Name: "Receive", Load: load.ID, Write: true}, func() (err error) {
		if _, ok := f.loads[load.ID]; ok {
			stands, err = f.read(load.ID)
			return err
		}
		f.loads[load.ID] = clone(ledger.Load{
			ID: load.ID, Segment: load.Segment, Object: load.Object, Interval: load.Interval, Catalog: load.Catalog,
			Received: load.Received.UTC(), Status: load.Status, Reason: load.Reason, Updated: millis(load.Received),
		})
		f.open[load.ID] = load.Interval == nil
		load.Updated = load.Received
		stands, created = load, true
		return nil
	})
	if err != nil {
		return ledger.Load{}, false, err
	}
	return stands, created, nil
}

// Plan writes the chunks, then the plan.
func (f *Fake) Plan(ctx context.Context, id string, plan ledger.Plan, chunks []ledger.Chunk) (bool, error) {
	f.mu.Lock()
	load, err := f.read(id)
	f.mu.Unlock()
	if err != nil || load.Plan != nil || load.Status.Final() {
		return false, err
	}
	if plan.Restage {
		restage := ledger.Chunk{Index: ledger.RestageIndex, Start: plan.Body, End: -1, Attempt: 1}
		chunks = append(slices.Clone(chunks), restage)
	}
	for _, c := range chunks {
		err := f.do(ctx, Op{Name: "PutChunk", Load: id, Chunk: c.Index, Write: true}, func() error {
			stands, ok := f.work[id][c.Index]
			if !ok || stands.Attempt == c.Attempt && stands.LeaseUntil.IsZero() && stands.Ack == nil && stands.Failure == "" {
				f.put(id, fresh(c))
			}
			return nil
		})
		if err != nil {
			return false, err
		}
	}
	return f.update(ctx, "Plan", id, plan.At, []contract.Status{contract.Received}, func(l *ledger.Load) {
		plan = clone(plan)
		l.Status, l.Plan = contract.Running, &plan
	})
}

// fresh is a chunk that was never claimed.
func fresh(c ledger.Chunk) ledger.Chunk {
	return clone(ledger.Chunk{
		Index: c.Index, Start: c.Start, End: c.End, From: c.From, Attempt: c.Attempt, Sent: millis(c.Sent),
		Staged: c.Staged,
	})
}

// Stage writes a piece's chunk unless one exists.
func (f *Fake) Stage(ctx context.Context, id string, c ledger.Chunk) (stands ledger.Chunk, err error) {
	err = f.do(ctx, Op{Name: "Stage", Load: id, Chunk: c.Index, Write: true}, func() error {
		if there := f.work[id][c.Index]; there.Staged != nil {
			stands = clone(there)
			return nil
		}
		f.put(id, fresh(c))
		stands = c
		return nil
	})
	if err != nil {
		return ledger.Chunk{}, err
	}
	return stands, nil
}

// Same records that a load's object has the content of another load.
func (f *Fake) Same(ctx context.Context, id, of string, at time.Time) (bool, error) {
	from := []contract.Status{contract.Received, contract.Duplicate}
	return f.update(ctx, "Same", id, at, from, func(l *ledger.Load) { l.Status, l.Of = contract.Duplicate, of })
}

// Certify makes a running load certified and its certificate the head of the segment's chain.
func (f *Fake) Certify(
	ctx context.Context, id, segment string, p ledger.Proof, at time.Time,
) (ok bool, err error) {
	err = f.do(ctx, Op{Name: "Certify", Load: id, Write: true}, func() error {
		load, head := f.loads[id], f.heads[segment]
		if load.Status != contract.Running {
			ok = load.Link != nil && *load.Link == p.Link && load.SHA256 == p.SHA256
			return nil
		}
		if first := p.Link.Number == 1 && head.Number == 0; !first && head.Next() != p.Link {
			return ledger.ErrMoved
		}
		p = clone(p)
		load.Status, load.Totals, load.Link, load.SHA256 = contract.Certified, &p.Totals, &p.Link, p.SHA256
		load.Updated = millis(at)
		f.loads[id] = load
		f.heads[segment] = ledger.Head{Number: p.Link.Number, Load: id, SHA256: p.SHA256}
		ok = true
		return nil
	})
	return ok && err == nil, err
}

// Publish records that a load's outputs are visible.
func (f *Fake) Publish(ctx context.Context, id string, at time.Time) (bool, error) {
	from := []contract.Status{contract.Certified}
	return f.update(ctx, "Publish", id, at, from, func(l *ledger.Load) { l.Status = contract.Published })
}

// Fail records why a load failed.
func (f *Fake) Fail(ctx context.Context, id, reason string, at time.Time) (bool, error) {
	from := []contract.Status{contract.Received, contract.Running, contract.Failed}
	return f.update(ctx, "Fail", id, at, from, func(l *ledger.Load) {
		l.Status, l.Reason = contract.Failed, contract.Cut(reason)
	})
}

// Redrive gives a load another try under a new execution number.
func (f *Fake) Redrive(ctx context.Context, load ledger.Load, at time.Time) (bool, error) {
	f.mu.Lock()
	load, err := f.read(load.ID)
	chunks := f.chunks(load.ID, 0, math.MaxInt)
	f.mu.Unlock()
	if err != nil {
		return false, err
	}
	next := load.Status
	switch {
	case load.Status == contract.Certified:
	case load.Status != contract.Failed:
		return false, nil
	case load.Plan == nil:
		next = contract.Received
	default:
		next = contract.Running
		if load.Restage != nil {
			chunks = append(chunks, *load.Restage)
		}
		for _, c := range chunks {
			if c.Ack != nil {
				continue
			}
			if _, err := f.resend(ctx, load.ID, c, nil, reset); err != nil && !errors.Is(err, ledger.ErrMoved) {
				return false, err
			}
		}
	}
	return f.update(ctx, "Redrive", load.ID, at, []contract.Status{load.Status}, func(l *ledger.Load) {
		l.Status, l.Reason, l.Execution = next, "", load.Execution+1
		f.open[l.ID] = true
	})
}

// Restage has a failed load's input restaged once more.
func (f *Fake) Restage(ctx context.Context, load ledger.Load) error {
	if load.Status != contract.Failed || load.Restage == nil || load.Restage.Ack == nil {
		return nil
	}
	_, err := f.resend(ctx, load.ID, *load.Restage, &load.Restage.Start, reset)
	if errors.Is(err, ledger.ErrMoved) {
		return nil
	}
	return err
}

// Resume gives a load whose workflow died the number of its next execution.
func (f *Fake) Resume(ctx context.Context, load ledger.Load, at time.Time) (ok bool, err error) {
	if load.Status.Final() {
		return false, nil
	}
	err = f.do(ctx, Op{Name: "Resume", Load: load.ID, Write: true}, func() error {
		stands, known := f.loads[load.ID]
		if ok = known && stands.Execution == load.Execution && stands.Status == load.Status; ok {
			stands.Execution, stands.Updated = load.Execution+1, millis(at)
			f.loads[load.ID] = stands
		}
		return nil
	})
	return ok && err == nil, err
}

// Seen records that a load's workflow is running.
func (f *Fake) Seen(ctx context.Context, load ledger.Load, at time.Time) error {
	return f.do(ctx, Op{Name: "Seen", Load: load.ID, Write: true}, func() error {
		if stands, ok := f.loads[load.ID]; ok && stands.Updated.Equal(millis(load.Updated)) {
			stands.Updated = millis(at)
			f.loads[load.ID] = stands
		}
		return nil
	})
}

// Announced records that nothing is left to do for a load.
func (f *Fake) Announced(ctx context.Context, id string) error {
	return f.do(ctx, Op{Name: "Announced", Load: id, Write: true}, func() error {
		if load := f.loads[id]; load.Status.Final() {
			delete(f.open, id)
		}
		return nil
	})
}

// update changes a load in one of the given statuses; false when it is in another or unknown.
func (f *Fake) update(
	ctx context.Context, name, id string, at time.Time, from []contract.Status, set func(*ledger.Load),
) (ok bool, err error) {
	err = f.do(ctx, Op{Name: name, Load: id, Write: true}, func() error {
		load := f.loads[id]
		if ok = slices.Contains(from, load.Status); ok {
			set(&load)
			load.Updated = millis(at)
			f.loads[id] = load
		}
		return nil
	})
	return ok && err == nil, err
}

// Claim asks for the right to work on an attempt.
func (f *Fake) Claim(ctx context.Context, c ledger.Claim, now, until time.Time) (outcome ledger.Outcome, err error) {
	outcome = ledger.Busy
	err = f.do(ctx, Op{Name: "Claim", Load: c.Load, Chunk: c.Chunk, Write: true}, func() error {
		stands, ok := f.work[c.Load][c.Chunk]
		held := stands.Owner != "" && !stands.LeaseUntil.Before(millis(now))
		switch {
		case !ok:
			return fmt.Errorf("%s of load %s: %w", c.Name(), c.Load, ledger.ErrNotFound)
		case stands.Ack != nil || stands.Failure != "":
			outcome = ledger.Done
			return nil
		case stands.Attempt > c.Attempt:
			outcome = ledger.Superseded
			return nil
		case stands.Attempt == c.Attempt && held && stands.Owner != c.Owner:
			return nil
		}
		if stands.Attempt == c.Attempt && stands.Owner != "" && stands.Owner != c.Owner {
			stands.Failures++
		}
		stands.Owner, stands.LeaseUntil, stands.Attempt = c.Owner, millis(until), c.Attempt
		stands.Released = time.Time{}
		f.put(c.Load, stands)
		outcome = ledger.Granted
		return nil
	})
	if err != nil {
		return ledger.Busy, err
	}
	return outcome, nil
}

// Acknowledge records a finished chunk; false when the claim was lost.
func (f *Fake) Acknowledge(ctx context.Context, c ledger.Claim, ack contract.Ack) (bool, error) {
	return f.finish(ctx, "Acknowledge", c, func(k *ledger.Chunk) {
		ack = clone(ack)
		k.Ack = &ack
	})
}

// FailChunk records that a chunk can never succeed; false when the claim was lost.
func (f *Fake) FailChunk(ctx context.Context, c ledger.Claim, reason string) (bool, error) {
	return f.finish(ctx, "FailChunk", c, func(k *ledger.Chunk) { k.Failure = contract.Cut(reason) })
}

// Release ends a lease and records why; false when the claim was lost.
func (f *Fake) Release(ctx context.Context, c ledger.Claim, lastError string, at time.Time) (bool, error) {
	return f.finish(ctx, "Release", c, func(k *ledger.Chunk) {
		k.Owner, k.LastError, k.Released, k.Failures = "", contract.Cut(lastError), millis(at), k.Failures+1
	})
}

// HandBack ends a lease and counts that; false when the claim was lost.
func (f *Fake) HandBack(ctx context.Context, c ledger.Claim) (bool, error) {
	return f.finish(ctx, "HandBack", c, func(k *ledger.Chunk) { k.Owner, k.HandedBack = "", k.HandedBack+1 })
}

func (f *Fake) finish(ctx context.Context, name string, c ledger.Claim, set func(*ledger.Chunk)) (ok bool, err error) {
	err = f.do(ctx, Op{Name: name, Load: c.Load, Chunk: c.Chunk, Write: true}, func() error {
		stands := f.work[c.Load][c.Chunk]
		if ok = stands.Attempt == c.Attempt && stands.Owner != "" && stands.Owner == c.Owner && stands.Ack == nil; ok {
			set(&stands)
			f.put(c.Load, stands)
		}
		return nil
	})
	return ok && err == nil, err
}

// reset, in place of a number of failures, makes a chunk as if none had failed.
const reset = -1

// Resend opens the next attempt at a chunk; ErrMoved when it has moved on since it was read.
func (f *Fake) Resend(ctx context.Context, load string, c ledger.Chunk, from *int64, failed int) (ledger.Chunk, error) {
	return f.resend(ctx, load, c, from, failed)
}

func (f *Fake) resend(ctx context.Context, load string, c ledger.Chunk, from *int64, failed int) (ledger.Chunk, error) {
	next := ledger.Chunk{
		Index: c.Index, Start: c.Start, End: c.End, From: c.From, Staged: c.Staged,
		Attempt: c.Attempt + 1, LastError: c.LastError, HandedBack: c.HandedBack, Failures: max(0, c.Failures+failed),
	}
	if from != nil {
		next.From = from
	}
	if failed == reset {
		next.Failures = 0
	}
	err := f.do(ctx, Op{Name: "Resend", Load: load, Chunk: c.Index, Write: true}, func() error {
		stands, ok := f.work[load][c.Index]
		if !ok || stands.Attempt != c.Attempt || from == nil && stands.Ack != nil || stands.Owner != c.Owner ||
			c.Owner != "" && !stands.LeaseUntil.Equal(millis(c.LeaseUntil)) {
			return ledger.ErrMoved
		}
		stands.Attempt, stands.Sent = next.Attempt, time.Time{}
		stands.Owner, stands.LeaseUntil, stands.Failure, stands.Released = "", time.Time{}, "", time.Time{}
		if from != nil {
			stands.From, stands.Ack = from, nil
		}
		if stands.Failures += failed; failed == reset {
			stands.Failures = 0
		}
		f.put(load, clone(stands))
		return nil
	})
	if err != nil {
		return c, err
	}
	return next, nil
}

// Dispatched records that the first attempts at all chunks were sent.
func (f *Fake) Dispatched(ctx context.Context, id string, at time.Time) error {
	return f.note(ctx, "Dispatched", id, func(load *ledger.Load) {
		if load.Plan != nil && load.Sent.IsZero() {
			load.Sent = millis(at)
		}
	})
}

// Prove records a proven prefix of a running load's chunks.
func (f *Fake) Prove(ctx context.Context, id string, p ledger.Proven) error {
	return f.note(ctx, "Prove", id, func(load *ledger.Load) {
		if load.Status == contract.Running {
			p = clone(p)
			load.Proven = &p
		}
	})
}

func (f *Fake) note(ctx context.Context, name, id string, edit func(load *ledger.Load)) error {
	return f.do(ctx, Op{Name: name, Load: id, Write: true}, func() error {
		if load, ok := f.loads[id]; ok {
			edit(&load)
			f.loads[id] = load
		}
		return nil
	})
}

// Sent records that messages were sent.
func (f *Fake) Sent(ctx context.Context, load string, some []ledger.Chunk, at time.Time) error {
	for _, c := range some {
		err := f.do(ctx, Op{Name: "Sent", Load: load, Chunk: c.Index, Write: true}, func() error {
			if stands, ok := f.work[load][c.Index]; ok && stands.Attempt == c.Attempt && stands.Sent.IsZero() {
				stands.Sent = millis(at)
				f.put(load, stands)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
