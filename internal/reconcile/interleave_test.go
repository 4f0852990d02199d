package reconcile

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"dip/contract"
	"dip/internal/attest"
	"dip/internal/intercept"
	"dip/internal/lake"
	"dip/internal/lake/laketest"
	"dip/internal/ledger/ledgertest"
)

var errKilled = errors.New("killed")

// interleaving certifies several loads of a segment in invocations that stop each other at random: before or after
// any operation of one, another one may run for a while or to its end, and each may be killed there. It is one
// goroutine, so that a seed is one run.
type interleaving struct {
	*rand.Rand
	t     *testing.T
	world *world
	rec   *Reconciler
	kills int // left
	depth int
}

const (
	segmentLoads = 4
	nested       = 3
)

func loadName(i int) string { return fmt.Sprintf("load%d", i) }

// invoke takes the Certify step of a load in an invocation of its own.
func (n *interleaving) invoke(id string, mayDie bool) error {
	dead := false
	moment := func() error {
		if dead {
			return errKilled
		}
		if n.depth < nested && n.IntN(12) == 0 {
			n.depth++
			_ = n.invoke(loadName(n.IntN(segmentLoads)), true)
			n.depth--
		}
		if mayDie && n.kills > 0 && n.IntN(8) == 0 {
			n.kills--
			dead = true
			return errKilled
		}
		return nil
	}
	r := *n.rec
	r.Ledger = n.world.ledger.With(intercept.Hooks[ledgertest.Op]{
		Before: func(ledgertest.Op) error { return moment() }, After: func(ledgertest.Op) error { return moment() },
	})
	r.Lake = n.world.lake.With(intercept.Hooks[laketest.Op]{
		Before: func(laketest.Op) error { return moment() }, After: func(laketest.Op) error { return moment() },
	})
	_, err := r.Handle(n.t.Context(), contract.StepRequest{Load: id, Step: contract.Certify})
	if err != nil && !errors.Is(err, errKilled) {
		n.t.Errorf("load %s: %v", id, err)
	}
	return err
}

// Whatever is killed when, all loads end up in one chain, once each, with the certificates and envelopes that it names.
func TestChainUnderKillsAndInterleavings(t *testing.T) {
	for seed := range uint64(100) {
		w, rec := newWorld(0)
		w.ledger.Before, w.lake.Before = nil, nil
		n := &interleaving{Rand: rand.New(rand.NewPCG(seed, 7)), t: t, world: w, rec: rec, kills: 6}
		for i := range segmentLoads {
			l, chunks := planned(2)
			l.ID = loadName(i)
			done(chunks)
			w.ledger.Seed(l, chunks...)
		}
		order := n.Perm(segmentLoads)
		for _, i := range order {
			_ = n.invoke(loadName(i), true)
		}
		seen := map[string]string{} // envelopes that stand
		for key, content := range w.lake.Contents("lake") {
			seen[key] = content
		}
		for _, i := range order { // the workflow retries
			if err := n.invoke(loadName(i), false); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		contents := w.lake.Contents("lake")
		for key, content := range seen {
			if contents[key] != content {
				t.Errorf("seed %d: %s was replaced", seed, key)
			}
		}
		w.oneChain(t, fmt.Sprintf("seed %d", seed), contents)
		if t.Failed() {
			return
		}
	}
}

// oneChain walks the chain from its head in the ledger through the files.
func (w *world) oneChain(t *testing.T, what string, contents map[string]string) {
	t.Helper()
	head, err := w.ledger.Head(t.Context(), "things")
	if err != nil {
		t.Fatal(err)
	}
	var met []string
	for link := head.Next(); link.Number > 1; {
		file := contents[contract.CertificateKey("things", link.Load)]
		var c contract.Certificate
		if err := json.Unmarshal([]byte(file), &c); err != nil || lake.Hash([]byte(file)) != link.SHA256 ||
			c.Load != link.Load || c.Link == nil || c.Link.Number != link.Number-1 {
			t.Fatalf("%s: number %d is %+v, %v, its link says %+v", what, link.Number-1, c, err, link)
		}
		stands, err := w.ledger.Load(t.Context(), c.Load)
		if err != nil || stands.SHA256 != link.SHA256 || *stands.Link != *c.Link || stands.Status != contract.Certified {
			t.Errorf("%s: the ledger has %+v, %v", what, stands, err)
		}
		statement := contract.NewStatement(c, "lake", link.SHA256, "")
		envelope := contents[contract.EnvelopeKey("things", c.Load)]
		if err := attest.Signs([]byte(envelope), statement, &signingKey.PublicKey); err != nil {
			t.Errorf("%s: %s: %v", what, c.Load, err)
		}
		met = append(met, c.Load)
		link = *c.Link
	}
	slices.Sort(met)
	want := []string{}
	for i := range segmentLoads {
		want = append(want, loadName(i))
	}
	if !slices.Equal(met, want) || len(contents) != 2*segmentLoads {
		t.Errorf("%s: the chain has %q, the lake %q", what, met, slices.Sorted(maps.Keys(contents)))
	}
}
