package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dip/contract"
	"dip/internal/emf"
	"dip/internal/lease"
	"dip/internal/ledger"
	"dip/internal/trace"
)

// Handler processes the chunk messages of one segment.
type Handler struct {
	Name     string // of the segment
	Code     string // fingerprint of the running binary
	Runtime  string // function version, or worker
	Ledger   lease.Ledger
	Lease    time.Duration // see lease.Holder
	Source   Source
	Sink     Sink
	Segments *Segments
	Log      *slog.Logger
	Metrics  *emf.Emitter
	Traces   *trace.Recorder
	Now      func() time.Time
}

// Handle processes a batch and lists the messages to be retried. A message is done when its chunk is acknowledged, has
// failed permanently or belongs to another worker; all others are retried.
func (h *Handler) Handle(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
	var response events.SQSEventResponse
	for _, message := range batch.Records {
		if err := h.Message(ctx, message.MessageId, message.Body); err != nil {
			h.Log.ErrorContext(ctx, "chunk failed", "message", message.MessageId, "error", err)
			response.BatchItemFailures = append(response.BatchItemFailures,
				events.SQSBatchItemFailure{ItemIdentifier: message.MessageId})
		}
	}
	return response, nil
}

// Message processes one message. After an error it has to be retried.
func (h *Handler) Message(ctx context.Context, id, body string) error {
	m, err := contract.ParseChunkMessage(body)
	if err != nil {
		return err
	}
	if m.Segment != h.Name {
		return fmt.Errorf("segment %s received a message for segment %s", h.Name, m.Segment)
	}
	measured := map[string]string{"load": m.Load, "chunk": strconv.Itoa(m.Chunk), "code": h.Code}
	holder := lease.Holder{
		Ledger: h.Ledger, Lease: h.Lease, Code: h.Code, Runtime: h.Runtime, Log: h.Log, Now: h.Now,
		Acknowledged: func(ack contract.Ack) { h.Metrics.Emit(h.Name, acknowledged(ack), measured) },
	}
	claim := ledger.Claim{Load: m.Load, Chunk: m.Chunk, Attempt: m.Attempt, Owner: id}
	end := h.Traces.Start(ctx, "chunk", measured)
	err = holder.Do(ctx, claim, func(ctx context.Context) (contract.Ack, error) {
		ack, err := h.process(ctx, m)
		switch {
		case err != nil && errors.Is(context.Cause(ctx), lease.ErrStopping):
			h.Metrics.Emit(h.Name, emf.Values{contract.ChunksHandedBack: 1}, measured)
		case err != nil:
			h.Metrics.Emit(h.Name, emf.Values{contract.ChunkErrors: 1}, measured)
		}
		return ack, err
	})
	end(err)
	return err
}

func (h *Handler) process(ctx context.Context, m contract.ChunkMessage) (contract.Ack, error) {
	s, err := h.Segments.Segment(ctx, m.Catalog, m.Segment)
	if err != nil {
		return contract.Ack{}, err
	}
	return Process(ctx, h.Source, h.Sink, s, m)
}

// acknowledged are the metrics of a chunk.
func acknowledged(ack contract.Ack) emf.Values {
	size, seconds := float64(ack.End-ack.Start), float64(ack.Millis)/1000
	return emf.Values{
		contract.ChunksAcknowledged: 1,
		contract.ChunkAttempts:      float64(ack.Attempt),
		contract.ChunkSeconds:       seconds,
		contract.ChunkRate:          size / 1e6 / max(seconds, 0.001), // the ledger keeps whole milliseconds
		contract.BytesIn:            size,
		contract.RecordsIn:          float64(ack.RowsIn),
		contract.RecordsOut:         float64(ack.RowsOut),
		contract.RecordsQuarantined: float64(ack.Quarantined),
	}
}
