package rollout

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
)

// world is a stack in memory whose segment trips is at version 3.
type world struct {
	*Rollouts
	ledger *ledgertest.Fake
	now    time.Time
	fails  map[string]error // by operation

	alias    Alias
	specs    []string // of the deployments: d-1, d-2 and so on
	running  []string
	rollback bool // deployments are rollbacks
	mute     bool // CodeDeploy does not say what a deployment is about
	stopping int  // looks that a deployment takes to stop
	stopped  []string
	paused   int
	answers  []string
	reason   string // CodeDeploy's, of every deployment
	told     []contract.RolloutEvent

	mu      sync.Mutex
	shadows []string // what versions were asked for, sorted
	shadow  func(version string, m contract.ChunkMessage) (contract.ShadowResponse, error)
}

func newWorld() *world {
	w := &world{ledger: ledgertest.New(), now: time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC), alias: Alias{Version: "3"}}
	w.Rollouts = &Rollouts{
		Hook: "hook", Stack: "dev", Ledger: w.ledger, Deployer: w, Functions: w, Bus: w, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return w.now },
		Pause: func(context.Context, time.Duration) error {
			w.paused++
			return w.fails["Pause"]
		},
	}
	w.shadow = func(_ string, m contract.ChunkMessage) (contract.ShadowResponse, error) {
		for _, c := range must(w.ledger.Chunks(context.Background(), m.Load)) {
			if c.Index == m.Chunk && c.Ack != nil {
				return contract.ShadowResponse{Ack: c.Ack}, nil
			}
		}
		return contract.ShadowResponse{Error: "no such chunk"}, nil
	}
	return w
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (w *world) record(t *testing.T) contract.Rollout {
	t.Helper()
	r, _, err := w.ledger.Rollout(t.Context(), "g")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w *world) Alias(context.Context, string, string) (Alias, error) {
	return w.alias, w.fails["Alias"]
}

func (w *world) Shadow(
	_ context.Context, function, version string, m contract.ChunkMessage,
) (contract.ShadowResponse, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shadows = append(w.shadows, fmt.Sprintf("%s:%s %s %d", function, version, m.Load, m.Chunk))
	slices.Sort(w.shadows)
	return w.shadow(version, m)
}

func (w *world) Create(_ context.Context, group, appSpec, description string) (string, error) {
	if err := w.fails["Create"]; err != nil {
		return "", err
	}
	if group != "g" || description == "" {
		return "", fmt.Errorf("group %s, description %q", group, description)
	}
	w.specs = append(w.specs, appSpec)
	id := fmt.Sprintf("d-%d", len(w.specs))
	w.running = append(w.running, id)
	return id, nil
}

func (w *world) Running(context.Context, string) ([]string, error) {
	return slices.Clone(w.running), w.fails["Running"]
}

func (w *world) Deployment(_ context.Context, id string) (Deployment, error) {
	var n int
	if _, err := fmt.Sscanf(id, "d-%d", &n); err != nil || n > len(w.specs) {
		return Deployment{}, fmt.Errorf("no deployment %s", id)
	}
	d := Deployment{ID: id, Group: "g", Status: "InProgress", Rollback: w.rollback, Reason: w.reason}
	if !w.mute {
		d.Target = Target(w.specs[n-1])
	}
	return d, w.fails["Deployment"]
}

func (w *world) Stop(_ context.Context, id string) error {
	w.stopped = append(w.stopped, id)
	if w.stopping--; w.stopping <= 0 {
		w.running = slices.DeleteFunc(w.running, func(r string) bool { return r == id })
	}
	return w.fails["Stop"]
}

func (w *world) RolloutFailed(_ context.Context, e contract.RolloutEvent) error {
	w.told = append(w.told, e)
	return w.fails["RolloutFailed"]
}

func (w *world) Answer(_ context.Context, id, execution string, passed bool) error {
	w.answers = append(w.answers, fmt.Sprintf("%s %s %t", id, execution, passed))
	return w.fails["Answer"]
}

// seed stores a load of the segment with its chunks: hours is its age. One that is certified becomes the head of the
// chain.
func (w *world) seed(id string, hours int, status contract.Status, chunks ...ledger.Chunk) {
	at := w.now.Add(-time.Duration(hours) * time.Hour)
	var link *contract.Link
	if status == contract.Certified || status == contract.Published {
		head := must(w.ledger.Head(context.Background(), "trips"))
		next := head.Next()
		link = &next
		if err := w.ledger.RestoreHead(context.Background(), "trips", ledger.Head{Number: next.Number, Load: id}); err != nil {
			panic(err)
		}
	}
	w.ledger.Seed(ledger.Load{
		ID: id, Segment: "trips", Received: at, Updated: at, Status: status, Plan: &ledger.Plan{Chunks: len(chunks)},
		Object: contract.Object{Bucket: "landing", Key: "trips/" + id}, Link: link,
	}, chunks...)
}

// done is a certified chunk.
func done(index int) ledger.Chunk {
	ack := acked()
	return ledger.Chunk{Index: index, Attempt: 1, Start: 10, End: 1000, Ack: &ack}
}
