// Package sweep finds what was lost: objects whose event never came, by comparing the landing bucket's listing with the
// ledger; loads whose workflow died; and outcomes that were never announced.
package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dip/contract"
	"dip/internal/emf"
	"dip/internal/lake"
	"dip/internal/ledger"
)

// Landing lists the landing bucket: object versions after a marker, without delete markers.
type Landing interface {
	Versions(ctx context.Context, bucket string, after lake.Marker,
		visit func(page []lake.Listed, next lake.Marker) error) error
}

// Ledger is the part of the ledger that the sweeper needs.
type Ledger interface {
	Statuses(ctx context.Context, ids []string) (map[string]contract.Status, error)
	TakeSweep(ctx context.Context, owner string, now, until time.Time) (ledger.Sweep, bool, error)
	KeepSweep(ctx context.Context, owner string, s ledger.Sweep, over bool) (bool, error)
	Open(ctx context.Context, since time.Time, n int) ([]ledger.Load, error)
	Resume(ctx context.Context, load ledger.Load, at time.Time) (bool, error)
	Seen(ctx context.Context, load ledger.Load, at time.Time) error
}

// Queue sends to the intake queue.
type Queue interface {
	Send(ctx context.Context, queue string, bodies []string) error
}

// Sweeper compares listing and ledger.
type Sweeper struct {
	Bucket  string        // landing bucket
	Intake  string        // URL of the intake queue
	Grace   time.Duration // the event of a younger object may still be in flight
	Horizon time.Duration // older versions are compared by a full pass only
	Full    time.Duration // between two full passes
	Owner   string        // of this invocation

	Ledger    Ledger
	Landing   Landing
	Queue     Queue
	Workflows Workflows
	Announce  func(ctx context.Context, load ledger.Load) error // sends the event of an outcome and records that
	Log       *slog.Logger
	Metrics   *emf.Emitter
	Now       func() time.Time
}

// Report counts what a sweep found.
type Report struct {
	Versions  int  `json:"versions"`           // listed
	Compared  int  `json:"compared"`           // of them
	Enqueued  int  `json:"enqueued"`           // of them
	Full      bool `json:"full,omitempty"`     // the pass compares every version
	Continued bool `json:"continue,omitempty"` // the pass goes on in the next invocation
	Busy      bool `json:"busy,omitempty"`     // another sweep is under way: this one did nothing
	Resumed   int  `json:"resumed"`            // loads whose workflow had died
	Announced int  `json:"announced"`          // outcomes whose event was lost
}

// found is what a sweep has to report by segment.
type found struct {
	lost   map[string]int           // objects enqueued
	oldest map[string]time.Duration // age of the oldest unfinished load
}

// finishing is the part of an invocation that is left for the last page and for keeping the marker.
const finishing = 30 * time.Second

// longest is an invocation without a deadline: the maximum duration of a Lambda invocation.
const longest = 15 * time.Minute

// errPause ends a listing that the next invocation continues.
var errPause = errors.New("the invocation is over")

// Sweep resumes loads whose workflow died, announces outcomes whose event was lost, and enqueues object versions older
// than the grace period that the ledger does not know, or whose load was received but never got a workflow. It lists
// as much as an invocation has time for: the next one continues. It may be repeated at any point.
func (s *Sweeper) Sweep(ctx context.Context) (Report, error) {
	now := s.Now()
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = now.Add(longest)
	}
	state, taken, err := s.Ledger.TakeSweep(ctx, s.Owner, now, deadline)
	if err != nil || !taken {
		s.Log.InfoContext(ctx, "another sweep is under way")
		return Report{Busy: !taken}, err
	}
	bySegment := found{lost: map[string]int{}, oldest: map[string]time.Duration{}}
	report, err := s.sweep(ctx, &state, deadline.Add(-min(finishing, deadline.Sub(now)/2)), bySegment)
	if err != nil {
		err = fmt.Errorf("sweep %s: %w", s.Bucket, err)
	}
	if _, kept := s.Ledger.KeepSweep(context.WithoutCancel(ctx), s.Owner, state, true); kept != nil {
		err = errors.Join(err, kept)
	}
	s.measure(bySegment, err)
	s.Log.InfoContext(ctx, "sweep finished", "report", report, "error", err)
	return report, err
}

// measure emits what a sweep found, even if it then failed.
func (s *Sweeper) measure(f found, err error) {
	for segment, n := range f.lost {
		s.Metrics.Emit(segment, emf.Values{contract.LostEvents: float64(n)}, nil)
	}
	for segment, age := range f.oldest {
		s.Metrics.Emit(segment, emf.Values{contract.OldestLoad: age.Seconds()}, nil)
	}
	if err == nil {
		s.Metrics.Emit("", emf.Values{contract.Sweeps: 1}, nil)
	}
}

func (s *Sweeper) sweep(
	ctx context.Context, state *ledger.Sweep, until time.Time, bySegment found,
) (Report, error) {
	var report Report
	if err := s.revive(ctx, &report, until, bySegment); err != nil {
		return report, err
	}
	if state.Began.IsZero() {
		state.Began = s.Now()
		state.Full = state.Began.Sub(state.FullAt) >= s.Full
	}
	report.Full = state.Full
	err := s.Landing.Versions(ctx, s.Bucket, state.Marker, func(page []lake.Listed, next lake.Marker) error {
		if err := s.compare(ctx, page, *state, &report, bySegment); err != nil {
			return err
		}
		state.Versions += len(page)
		state.Marker = next
		if next != (lake.Marker{}) && !s.Now().Before(until) {
			return errPause
		}
		return nil
	})
	switch {
	case errors.Is(err, errPause):
		report.Continued = true
		return report, nil
	case err != nil:
		return report, err
	}
	whole := ledger.Sweep{FullAt: state.FullAt}
	if state.Full {
		whole.FullAt = state.Began
	}
	*state = whole
	return report, nil
}

// compare enqueues what the ledger does not know of a page.
func (s *Sweeper) compare(
	ctx context.Context, page []lake.Listed, state ledger.Sweep, report *Report, bySegment found,
) error {
	report.Versions += len(page)
	before, after := state.Began.Add(-s.Grace), state.Began.Add(-s.Horizon)
	var ids []string
	byID := map[string]lake.Listed{}
	for _, v := range page {
		if v.Modified.After(before) || contract.FolderMarker(v.Object) || !state.Full && v.Modified.Before(after) {
			continue
		}
		id := contract.LoadID(v.Object)
		ids, byID[id] = append(ids, id), v
	}
	if len(ids) == 0 {
		return nil
	}
	report.Compared += len(ids)
	known, err := s.Ledger.Statuses(ctx, ids)
	if err != nil {
		return err
	}
	var bodies []string
	for _, id := range ids {
		if status, ok := known[id]; ok && status != contract.Received {
			continue
		}
		s.Log.WarnContext(ctx, "object without a load", "load", id, "key", byID[id].Key, "version", byID[id].VersionID)
		body, err := Event(byID[id])
		if err != nil {
			return err
		}
		bodies = append(bodies, body)
		bySegment.lost[contract.SegmentOf(byID[id].Key)]++
	}
	report.Enqueued += len(bodies)
	return s.Queue.Send(ctx, s.Intake, bodies)
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
