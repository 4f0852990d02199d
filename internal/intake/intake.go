// Package intake turns S3 events into loads: it records each new object version in the ledger and starts its workflow.
// Events may arrive twice, late or in any order: the load's identity maps all of them to the same load.
package intake

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dip/contract"
	"dip/internal/ledger"
	"dip/internal/trace"
)

// Ledger is the part of the ledger that intake needs.
type Ledger interface {
	Receive(ctx context.Context, load ledger.Load) (stands ledger.Load, created bool, err error)
}

// Workflows starts a load's workflow. Starting an execution that already exists succeeds.
type Workflows interface {
	Start(ctx context.Context, execution string, in contract.WorkflowInput) error
}

// Handler processes batches from the intake queue.
type Handler struct {
	Catalog   string // key of the catalog that new loads are pinned to
	Ledger    Ledger
	Workflows Workflows
	Log       *slog.Logger
	Traces    *trace.Recorder
	Now       func() time.Time
}

// Handle processes a batch and lists the messages to be redelivered.
func (h *Handler) Handle(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
	var response events.SQSEventResponse
	for _, message := range batch.Records {
		if err := h.one(ctx, message.Body); err != nil {
			h.Log.ErrorContext(ctx, "event failed", "message", message.MessageId, "error", err)
			response.BatchItemFailures = append(response.BatchItemFailures,
				events.SQSBatchItemFailure{ItemIdentifier: message.MessageId})
		}
	}
	return response, nil
}

func (h *Handler) one(ctx context.Context, body string) error {
	objects, err := Objects(body)
	if err != nil {
		return err
	}
	for _, o := range objects {
		if err := h.receive(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

func (h *Handler) receive(ctx context.Context, o contract.Object) (err error) {
	end := h.Traces.Start(ctx, "receive", map[string]string{"load": contract.LoadID(o)})
	defer func() { end(err) }()
	load, created, err := h.Ledger.Receive(ctx, ledger.Load{
		ID: contract.LoadID(o), Segment: contract.SegmentOf(o.Key), Object: o, Catalog: h.Catalog,
		Received: h.Now().UTC().Truncate(time.Millisecond), Status: contract.Received,
	})
	if err != nil {
		return err
	}
	h.Log.InfoContext(ctx, "object received", "load", load.ID, "key", o.Key, "size", o.Size, "new", created, "status",
		load.Status)
	if load.Status != contract.Received {
		return nil // its workflow is running or has ended
	}
	in := contract.WorkflowInput{Version: contract.Version, Load: load.ID}
	if err := h.Workflows.Start(ctx, Execution(load), in); err != nil {
		return fmt.Errorf("start the workflow of load %s (%s): %w", load.ID, o.Key, err)
	}
	return nil
}

// Execution names a load's workflow execution. The name is its idempotency key.
func Execution(load ledger.Load) string {
	if load.Execution == 0 {
		return load.ID
	}
	return fmt.Sprintf("%s-%d", load.ID, load.Execution)
}

// Objects lists the object versions in an S3 event notification. S3's test event has none.
func Objects(body string) ([]contract.Object, error) {
	var event struct {
		events.S3Event
		Event string // "s3:TestEvent" when a notification is configured
	}
	if err := json.Unmarshal([]byte(body), &event); err != nil {
		return nil, fmt.Errorf("S3 event: %w: %.200s", err, body)
	}
	if event.Event == "s3:TestEvent" {
		return nil, nil
	}
	if len(event.Records) == 0 {
		return nil, fmt.Errorf("S3 event without records: %.200s", body)
	}
	var objects []contract.Object
	for _, r := range event.Records {
		if !strings.HasPrefix(r.EventName, "ObjectCreated:") && !strings.HasPrefix(r.EventName, "s3:ObjectCreated:") {
			continue
		}
		o := r.S3.Object
		if o.VersionID == "" {
			return nil, fmt.Errorf("S3 event for %s without a version: versioning of bucket %s is off", o.URLDecodedKey,
				r.S3.Bucket.Name)
		}
		object := contract.Object{
			Bucket: r.S3.Bucket.Name, Key: o.URLDecodedKey, VersionID: o.VersionID, Size: o.Size,
			ETag: strings.Trim(o.ETag, `"`),
		}
		if !contract.FolderMarker(object) {
			objects = append(objects, object)
		}
	}
	return objects, nil
}
