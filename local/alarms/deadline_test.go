package alarms

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"dip/config"
	"dip/contract"
	"dip/internal/emf"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
	"dip/internal/reconcile"
	"dip/local/emulator/emulatortest"
)

// pinned is a catalog with a deadline of half an hour, and a queue that is never empty.
type pinned struct{ catalog contract.Catalog }

func (p pinned) Catalog(context.Context, string) (contract.Catalog, error) { return p.catalog, nil }
func (p pinned) Send(context.Context, string, []string) error              { return nil }
func (p pinned) Empty(context.Context, string) (bool, error)               { return false, nil }

// A segment that is too slow tells so well before the deadline, and once more when it is over.
func TestASlowSegmentRingsBeforeItsDeadline(t *testing.T) {
	s, err := config.Parse([]byte(`{"environment": "local", "segments": {"trips": {"deadline": "30m"}}}`),
		config.Options{Files: os.DirFS("../..")})
	if err != nil {
		t.Fatal(err)
	}
	watch := cloudwatch.NewFromConfig(emulatortest.Config(t), func(o *cloudwatch.Options) {
		o.DisableRequestCompression = true
	})
	const risk, missed = "deadline of trips at risk", "deadline of trips missed"
	declare(t, watch, s, "trips-deadline-at-risk", risk)
	declare(t, watch, s, "trips-deadline-missed", missed)

	began := time.Now().Truncate(time.Hour).Add(-12 * time.Hour)
	now := began
	clock := func() time.Time { return now }
	const chunks = 100
	load := ledger.Load{
		ID: "L", Segment: "trips", Catalog: "catalog/1.json", Received: began, Status: contract.Running,
		Object: contract.Object{Size: 100 * chunks},
		Plan:   &ledger.Plan{Compression: contract.Plain, Chunks: chunks, At: began},
	}
	work := make([]ledger.Chunk, chunks)
	for i := range work {
		work[i] = ledger.Chunk{Index: i, Start: int64(100 * i), End: int64(100*i + 100), Attempt: 1, Sent: began}
	}
	kept := ledgertest.New()
	kept.Seed(load, work...)
	var out bytes.Buffer
	segment := s.Catalog("trips")
	segment.Queue = "trips"
	rules := pinned{contract.Catalog{Segments: map[string]contract.Segment{"trips": segment}}}
	r := &reconcile.Reconciler{
		Ledger: kept, Queue: rules, Catalogs: rules, Log: slog.New(slog.DiscardHandler), Now: clock,
		Metrics: &emf.Emitter{Stack: "local", Out: &out, Now: clock},
	}
	e := &Evaluator{Client: watch, Now: clock, Log: slog.New(slog.DiscardHandler)}
	rang := map[string]int{} // minute at which an alarm fired first
	for minute := 1; minute <= 33; minute++ {
		now = now.Add(time.Minute)
		// three chunks a minute were enough; here it is two, and one after ten minutes
		kept.Change("L", func(_ *ledger.Load, c []ledger.Chunk) {
			for i := range min(2*minute, 10+minute) {
				if c[i].Ack == nil {
					c[i].Ack = &contract.Ack{Start: c[i].Start, End: c[i].End, At: now}
				}
			}
		})
		step := contract.StepRequest{Version: 1, Load: "L", Step: contract.Reconcile}
		if next, err := r.Handle(t.Context(), step); err != nil || next.Action != contract.ActionWait {
			t.Fatal(next, err)
		}
		publish(t, watch, &out)
		for i, state := range states(t, e, watch, risk, missed) {
			if name := []string{risk, missed}[i]; state == types.StateValueAlarm && rang[name] == 0 {
				rang[name] = minute
			}
		}
	}
	if at := rang[risk]; at == 0 || at > 5 {
		t.Errorf("the alarm on the risk fired after %d minutes, want the first five", at)
	}
	if at := rang[missed]; at < 31 {
		t.Errorf("the alarm on the deadline fired after %d minutes, want more than 30", at)
	}
	if !slices.Equal(states(t, e, watch, risk, missed), []types.StateValue{alarm, alarm}) {
		t.Error("the alarms have ended and the load has not")
	}
}
