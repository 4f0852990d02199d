// Package sweep finds objects whose events were lost: it compares the landing bucket's listing with the ledger and
// enqueues unknown object versions for intake.
package sweep

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dip/contract"
	"dip/internal/lake"
)

// Landing lists the landing bucket: every object version, without delete markers.
type Landing interface {
	Versions(ctx context.Context, bucket string, visit func([]lake.Listed) error) error
}

// Ledger returns the statuses of known loads.
type Ledger interface {
	Statuses(ctx context.Context, ids []string) (map[string]contract.Status, error)
}

// Queue sends to the intake queue.
type Queue interface {
	Send(ctx context.Context, queue string, bodies []string) error
}

// Sweeper compares listing and ledger.
type Sweeper struct {
	Bucket  string // landing bucket
	Intake  string // URL of the intake queue
	Grace   time.Duration
	Ledger  Ledger
	Landing Landing
	Queue   Queue
	Log     *slog.Logger
	Now     func() time.Time
}

// Report counts what a sweep found.
type Report struct {
	Versions int `json:"versions"`
	Enqueued int `json:"enqueued"`
}

// Sweep enqueues every object version older than the grace period that the ledger does not know, or whose load was
// received but never got a workflow. It may be repeated and may overlap another sweep: intake is idempotent.
func (s *Sweeper) Sweep(ctx context.Context) (Report, error) {
	var report Report
	before := s.Now().Add(-s.Grace)
	err := s.Landing.Versions(ctx, s.Bucket, func(page []lake.Listed) error {
		report.Versions += len(page)
		lost, err := s.lost(ctx, page, before)
		if err != nil {
			return err
		}
		report.Enqueued += len(lost)
		return s.Queue.Send(ctx, s.Intake, lost)
	})
	if err != nil {
		return report, fmt.Errorf("sweep %s: %w", s.Bucket, err)
	}
	s.Log.InfoContext(ctx, "sweep finished", "versions", report.Versions, "enqueued", report.Enqueued)
	return report, nil
}

func (s *Sweeper) lost(ctx context.Context, page []lake.Listed, before time.Time) ([]string, error) {
	var ids []string
	byID := map[string]lake.Listed{}
	for _, v := range page {
		if v.Modified.After(before) || contract.FolderMarker(v.Object) {
			continue
		}
		id := contract.LoadID(v.Object)
		ids, byID[id] = append(ids, id), v
	}
	known, err := s.Ledger.Statuses(ctx, ids)
	if err != nil {
		return nil, err
	}
	var bodies []string
	for _, id := range ids {
		if status, ok := known[id]; ok && status != contract.Received {
			continue
		}
		s.Log.WarnContext(ctx, "object without a load", "load", id, "key", byID[id].Key, "version", byID[id].VersionID)
		body, err := Event(byID[id])
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, body)
	}
	return bodies, nil
}

// Event is the notification that S3 would have sent for an object version.
func Event(v lake.Listed) (string, error) {
	body, err := json.Marshal(events.S3Event{Records: []events.S3EventRecord{{
		EventVersion: "2.1", EventSource: "dip:sweeper", EventTime: v.Modified, EventName: "ObjectCreated:Sweep",
		S3: events.S3Entity{
			SchemaVersion: "1.0",
			Bucket:        events.S3Bucket{Name: v.Bucket},
			Object: events.S3Object{
				Key: strings.ReplaceAll(url.QueryEscape(v.Key), "%2F", "/"), Size: v.Size, VersionID: v.VersionID, ETag: v.ETag,
			},
		},
	}}})
	if err != nil {
		return "", fmt.Errorf("event for %s: %w", v.Key, err)
	}
	return string(body), nil
}
