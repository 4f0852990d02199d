package segment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dip/contract"
	"dip/internal/fault"
	"dip/internal/ledger"
)

// Ledger is what a segment asks of the ledger.
type Ledger interface {
	Claim(ctx context.Context, c ledger.Claim, now, leaseUntil time.Time) (ledger.Outcome, error)
	Acknowledge(ctx context.Context, c ledger.Claim, ack contract.Ack) (bool, error)
	FailChunk(ctx context.Context, c ledger.Claim, reason string) (bool, error)
	Release(ctx context.Context, c ledger.Claim, lastError string) (bool, error)
}

// Handler processes the chunk messages of one segment.
type Handler struct {
	Name     string // of the segment
	Code     string // fingerprint of the running binary
	Runtime  string // function version
	Ledger   Ledger
	Source   Source
	Sink     Sink
	Catalogs *Catalogs
	Log      *slog.Logger
	Now      func() time.Time
}

// defaultLease applies when the context has no deadline: the longest time that a Lambda invocation can take.
const defaultLease = 15 * time.Minute

// Handle processes a batch and lists the messages that are to come again. A message is done when its chunk is
// acknowledged, has failed for good, or is another worker's business; everything else comes again.
func (h *Handler) Handle(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
	var response events.SQSEventResponse
	for _, message := range batch.Records {
		if err := h.one(ctx, message.MessageId, message.Body); err != nil {
			h.Log.ErrorContext(ctx, "chunk failed", "message", message.MessageId, "error", err)
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: message.MessageId})
		}
	}
	return response, nil
}

func (h *Handler) one(ctx context.Context, messageID, body string) error {
	m, err := contract.ParseChunkMessage(body)
	if err != nil {
		return err
	}
	if m.Segment != h.Name {
		return fmt.Errorf("message for segment %s came to segment %s", m.Segment, h.Name)
	}
	began := h.Now()
	lease, ok := ctx.Deadline()
	if !ok {
		lease = began.Add(defaultLease)
	}
	claim := ledger.Claim{Load: m.Load, Chunk: m.Chunk, Attempt: m.Attempt, Owner: fmt.Sprintf("%s/%d", messageID, began.UnixNano())}
	log := h.Log.With("load", m.Load, "chunk", m.Chunk, "attempt", m.Attempt)
	switch outcome, err := h.Ledger.Claim(ctx, claim, began, lease); {
	case err != nil:
		return err
	case outcome != ledger.Granted:
		log.InfoContext(ctx, "chunk skipped", "outcome", outcome)
		return nil
	}
	ack, err := h.process(ctx, m)
	if err != nil {
		return h.failed(ctx, claim, err)
	}
	ack.Code, ack.Runtime, ack.Attempt = h.Code, h.Runtime, m.Attempt
	ack.At = h.Now().UTC().Truncate(time.Millisecond)
	ack.Millis = ack.At.Sub(began).Milliseconds()
	counts, err := h.Ledger.Acknowledge(ctx, claim, ack)
	if err != nil {
		return err
	}
	log.InfoContext(ctx, "chunk acknowledged", "counts", counts, "rows", ack.RowsOut, "quarantined", ack.Quarantined,
		"bytes", ack.End-ack.Start, "millis", ack.Millis)
	return nil
}

func (h *Handler) process(ctx context.Context, m contract.ChunkMessage) (contract.Ack, error) {
	s, err := h.Catalogs.Segment(ctx, m.Catalog, m.Segment)
	if err != nil {
		return contract.Ack{}, err
	}
	return Process(ctx, h.Source, h.Sink, s, m)
}

// failed writes a failure down. One that will come back is the chunk's last word; any other lets the message come
// again.
func (h *Handler) failed(ctx context.Context, claim ledger.Claim, err error) error {
	if fault.IsPermanent(err) {
		if _, werr := h.Ledger.FailChunk(ctx, claim, err.Error()); werr != nil {
			return errors.Join(err, werr)
		}
		h.Log.ErrorContext(ctx, "chunk failed for good", "load", claim.Load, "chunk", claim.Chunk, "error", err)
		return nil
	}
	_, werr := h.Ledger.Release(ctx, claim, err.Error())
	return errors.Join(err, werr)
}
