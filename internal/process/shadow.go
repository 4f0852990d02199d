package process

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/aws/aws-lambda-go/events"

	"dip/contract"
)

// Invoke is the segment's function: it takes batches of chunk messages, or a request for a shadow.
func (h *Handler) Invoke(ctx context.Context, payload json.RawMessage) (any, error) {
	var request struct {
		events.SQSEvent
		contract.ShadowRequest
	}
	if err := json.Unmarshal(payload, &request); err != nil {
		return nil, fmt.Errorf("read the event: %w", err)
	}
	if request.Shadow != nil {
		return h.shadow(ctx, *request.Shadow), nil
	}
	return h.Handle(ctx, request.SQSEvent)
}

// shadow processes a chunk as Message does, and stores nothing: neither outputs, nor an acknowledgement, nor metrics,
// which alarms would take for those of a load.
func (h *Handler) shadow(ctx context.Context, m contract.ChunkMessage) contract.ShadowResponse {
	if m.Segment != h.Name {
		return contract.ShadowResponse{
			Error: fmt.Sprintf("segment %s was asked for a chunk of segment %s", h.Name, m.Segment),
		}
	}
	s, err := h.Segments.Segment(ctx, m.Catalog, m.Segment)
	if err != nil {
		return contract.ShadowResponse{Error: err.Error()}
	}
	if _, err := h.Source.ReadRange(ctx, m.Object, 0, 1); err != nil { // an input may have expired
		return contract.ShadowResponse{Error: contract.Cut(err.Error()), Absent: true}
	}
	ack, err := Process(ctx, h.Source, nowhere{}, s, m)
	if err != nil {
		return contract.ShadowResponse{Error: contract.Cut(err.Error())}
	}
	ack.Code, ack.Runtime = h.Code, h.Runtime
	return contract.ShadowResponse{Ack: &ack}
}

// nowhere is a Sink that keeps nothing.
type nowhere struct{}

// PutOnce implements Sink.
func (nowhere) PutOnce(context.Context, string, string, io.ReadSeeker, string) error { return nil }
