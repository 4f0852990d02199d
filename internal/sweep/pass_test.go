package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"dip/contract"
	"dip/internal/lake/laketest"
	"dip/internal/ledger"
)

// Between two full passes only what landed within the horizon is asked for.
func TestOldVersionsAreComparedOnceADay(t *testing.T) {
	w := newWorld()
	w.land("trips/old", 49*time.Hour)
	w.land("trips/young", 47*time.Hour)
	s := sweeper(w)
	at := now
	s.Now = func() time.Time { return at }
	var compared []int
	for _, hours := range []int{0, 1, 23, 24, 25} {
		at = now.Add(time.Duration(hours) * time.Hour)
		report, err := s.Sweep(t.Context())
		if err != nil || report.Versions != 2 {
			t.Fatalf("%+v, %v", report, err)
		}
		compared = append(compared, report.Compared)
	}
	if want := []int{2, 1, 0, 2, 0}; !slices.Equal(compared, want) {
		t.Errorf("compared %v, want %v", compared, want)
	}
}

// A listing that an invocation has no time for is continued by the next one, and a full pass is over once it has come
// to its end, however many that takes.
func TestAPassTakesSeveralInvocations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.landing.Page, w.landing.Now = 10, time.Now
		var want []string
		for i := range 95 {
			o := w.landing.Put("landing", fmt.Sprintf("trips/%03d", i), []byte("x"))
			want = append(want, o.Key+"@"+o.VersionID)
		}
		time.Sleep(time.Hour)
		w.landing.After = func(laketest.Op) error { time.Sleep(time.Minute); return nil } // a page takes a minute
		s := sweeper(w)
		s.Now = time.Now
		invocations := 0
		for more := true; more; invocations++ {
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute+finishing)
			s.Owner = fmt.Sprint("invocation ", invocations)
			report, err := s.Sweep(ctx)
			cancel()
			if err != nil || !report.Full {
				t.Fatalf("%+v, %v", report, err)
			}
			more = report.Continued
		}
		if got := keys(t, w.sent); !slices.Equal(got, want) || invocations != 3 {
			t.Errorf("%d invocations enqueued %q", invocations, got)
		}
		if report, err := s.Sweep(t.Context()); err != nil || report.Full {
			t.Errorf("the full pass begins again: %+v, %v", report, err)
		}
	})
}

// A sweep that dies leaves the marker of the last one, and its lease runs out.
func TestSweepsDoNotOverlap(t *testing.T) {
	w := newWorld()
	w.land("trips/lost", time.Hour)
	if _, ok, err := w.ledger.TakeSweep(t.Context(), "other", now, now.Add(time.Minute)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	s := sweeper(w)
	report, err := s.Sweep(t.Context())
	if err != nil || report != (Report{Busy: true}) || w.sent != nil {
		t.Errorf("%+v, %v, sent %q", report, err, w.sent)
	}
	s.Now = func() time.Time { return now.Add(2 * time.Minute) }
	if report, err := s.Sweep(t.Context()); err != nil || report.Enqueued != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}

// Whatever fails, the sweep is given back and the marker stays where it was.
func TestAFailedSweepIsRepeated(t *testing.T) {
	for _, part := range []string{"list", "ledger", "queue", "Open"} {
		w := newWorld()
		w.land("trips/lost", time.Hour)
		w.broken[part] = errors.New("throttled")
		if _, err := sweeper(w).Sweep(t.Context()); err == nil {
			t.Fatalf("%s: no error", part)
		}
		w.broken, w.sent = map[string]error{}, nil
		s := sweeper(w)
		s.Owner = "b"
		if report, err := s.Sweep(t.Context()); err != nil || report.Enqueued != 1 {
			t.Errorf("after %s failed: %+v, %v", part, report, err)
		}
	}
}

func TestRevive(t *testing.T) {
	old, fresh := now.Add(-quiet*time.Minute-time.Second), now.Add(-quiet*time.Minute)
	w := newWorld()
	for _, load := range []ledger.Load{
		{ID: "running", Status: contract.Running, Updated: old},
		{ID: "killed", Status: contract.Running, Updated: old},
		{ID: "killed-again", Status: contract.Certified, Updated: old, Execution: 3},
		{ID: "never-started", Status: contract.Received, Updated: old},
		{ID: "not-announced", Status: contract.Published, Updated: old},
		{ID: "fails-silently", Status: contract.Failed, Updated: old},
		{ID: "fresh", Status: contract.Running, Updated: fresh},
	} {
		w.ledger.Seed(load)
		w.ledger.Reopen(load.ID)
	}
	w.executions = map[string]bool{"running": true, "killed": false, "killed-again-3": false, "fresh": false}
	report, err := sweeper(w).Sweep(t.Context())
	if err != nil || report.Resumed != 3 || report.Announced != 2 {
		t.Errorf("%+v, %v", report, err)
	}
	slices.Sort(w.started)
	slices.Sort(w.announced)
	if want := []string{"killed-1 of killed", "killed-again-4 of killed-again", "never-started of never-started"}; !slices.
		Equal(w.started, want) {
		t.Errorf("started %q, want %q", w.started, want)
	}
	if want := []string{"fails-silently", "not-announced"}; !slices.Equal(w.announced, want) {
		t.Errorf("announced %q, want %q", w.announced, want)
	}
	// What was seen running is not asked for again at once; what was started has to show itself first.
	w.started, w.announced = nil, nil
	w.executions = map[string]bool{"running": false}
	if report, err := sweeper(w).Sweep(t.Context()); err != nil || report.Resumed != 1 || report.Announced != 0 {
		t.Errorf("%+v, %v: %q", report, err, w.started)
	}
}

// A failure stops the sweep, and what was not revived is found by the next.
func TestReviveFailures(t *testing.T) {
	for _, part := range []string{"describe", "start", "announce", "Resume", "Seen"} {
		w := newWorld()
		w.broken[part] = errors.New("throttled")
		w.executions = map[string]bool{"killed": false, "running": true}
		for id, status := range map[string]contract.Status{
			"killed": contract.Running, "running": contract.Running, "done": contract.Published,
		} {
			w.ledger.Seed(ledger.Load{ID: id, Status: status, Updated: now.Add(-time.Hour)})
			w.ledger.Reopen(id)
		}
		if _, err := sweeper(w).Sweep(t.Context()); !errors.Is(err, w.broken[part]) {
			t.Errorf("%s: %v", part, err)
		}
	}
}
