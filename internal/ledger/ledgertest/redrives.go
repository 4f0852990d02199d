package ledgertest

import (
	"errors"
	"reflect"
	"testing"

	"dip/contract"
	"dip/internal/ledger"
)

func redrive(t *testing.T, l Subject) {
	planned(t, l, 4)
	acked, failed, lost := by(0, 1, "a"), by(1, 1, "b"), by(2, 1, "c")
	for _, c := range []ledger.Claim{acked, failed, lost} {
		if got, err := l.Claim(t.Context(), c, at(2), at(60)); err != nil || got != ledger.Granted {
			t.Fatal(got, err)
		}
	}
	must[bool](t)(l.Acknowledge(t.Context(), acked, contract.Ack{RowsIn: 7}))
	must[bool](t)(l.FailChunk(t.Context(), failed, "broken"))
	before := chunksOf(t, l, "L")
	if ok, err := l.Redrive(t.Context(), loadOf(t, l), at(10)); err != nil || ok {
		t.Fatalf("a running load was redriven: %t, %v", ok, err)
	}
	if after := chunksOf(t, l, "L"); !reflect.DeepEqual(after, before) {
		t.Fatalf("a refused redrive changed the chunks: %+v", after)
	}
	seen := loadOf(t, l) // as read before it failed
	must[bool](t)(l.Fail(t.Context(), "L", "broken", at(11)))
	if ok, err := l.Redrive(t.Context(), seen, at(12)); err != nil || !ok {
		t.Fatal(ok, err)
	}
	load := loadOf(t, l)
	if load.Status != contract.Running || load.Execution != 1 || load.Reason != "" || !load.Updated.Equal(at(12)) {
		t.Errorf("got %+v", load)
	}
	for i, c := range chunksOf(t, l, "L") {
		b := before[i]
		want := ledger.Chunk{Index: i, Start: b.Start, End: b.End, From: b.From, Attempt: 2}
		if i == 0 {
			want = b
		}
		if !reflect.DeepEqual(c, want) {
			t.Errorf("got  %+v\nwant %+v", c, want)
		}
	}
	if ok, err := l.Redrive(t.Context(), loadOf(t, l), at(13)); err != nil || ok {
		t.Errorf("a second redrive: %t, %v", ok, err)
	}
}

func redriveOfALoadThatWasNeverPlanned(t *testing.T, l Subject) {
	receivedLoad(t, l)
	must[bool](t)(l.Fail(t.Context(), "L", "no such version", at(1)))
	if ok, err := l.Redrive(t.Context(), loadOf(t, l), at(2)); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if load := loadOf(t, l); load.Status != contract.Received || load.Execution != 1 {
		t.Errorf("got %+v", load)
	}
}

// A certified load whose workflow died before it published resumes there.
func redriveOfACertifiedLoad(t *testing.T, l Subject) {
	planned(t, l, 1)
	must[bool](t)(l.Certify(t.Context(), "L", "trips", first(3), at(5)))
	if ok, err := l.Redrive(t.Context(), loadOf(t, l), at(6)); err != nil || !ok {
		t.Fatal(ok, err)
	}
	load := loadOf(t, l)
	if load.Status != contract.Certified || load.Execution != 1 || load.Totals == nil || chunkOf(t, l, 0).Attempt != 1 {
		t.Errorf("got %+v", load)
	}
	must[bool](t)(l.Publish(t.Context(), "L", at(7)))
	if ok, err := l.Redrive(t.Context(), loadOf(t, l), at(8)); err != nil || ok {
		t.Errorf("a published load was redriven: %t, %v", ok, err)
	}
}

// The next redrive reopens what a redrive that died did not: until all is reopened, the load stays failed.
func redriveThatDied(t *testing.T, l Subject) {
	planned(t, l, 3)
	must[bool](t)(l.Fail(t.Context(), "L", "broken", at(2)))
	for writes := range int64(4) {
		if ok, err := l.Process(dies(writes+1)).Redrive(t.Context(), received("L"), at(3)); ok || !errors.Is(err, errDied) {
			t.Fatalf("killed at write %d: %t, %v", writes, ok, err)
		}
		if load := loadOf(t, l); load.Status != contract.Failed || load.Execution != 0 {
			t.Fatalf("killed at write %d: %+v", writes, load)
		}
	}
	if ok, err := l.Redrive(t.Context(), received("L"), at(9)); err != nil || !ok {
		t.Fatal(ok, err)
	}
	for _, c := range chunksOf(t, l, "L") {
		if want := 5 - c.Index; c.Attempt != want || !c.Sent.IsZero() {
			t.Errorf("chunk %d has attempt %d, want %d: %+v", c.Index, c.Attempt, want, c)
		}
	}
}

// A step of an unknown load must not create it.
func unknownLoads(t *testing.T, l Subject) {
	claim := ledger.Claim{Load: "M", Attempt: 1, Owner: "a"}
	for name, step := range map[string]func() (bool, error){
		"certify":     func() (bool, error) { return l.Certify(t.Context(), "M", "trips", first(0), at(1)) },
		"publish":     func() (bool, error) { return l.Publish(t.Context(), "M", at(1)) },
		"fail":        func() (bool, error) { return l.Fail(t.Context(), "M", "why", at(1)) },
		"acknowledge": func() (bool, error) { return l.Acknowledge(t.Context(), claim, contract.Ack{}) },
		"fail chunk":  func() (bool, error) { return l.FailChunk(t.Context(), claim, "why") },
		"release":     func() (bool, error) { return l.Release(t.Context(), claim, "why", at(50)) },
		"hand back":   func() (bool, error) { return l.HandBack(t.Context(), claim) },
	} {
		if ok, err := step(); ok || err != nil {
			t.Errorf("%s: %t, %v", name, ok, err)
		}
	}
	if _, err := l.Redrive(t.Context(), received("M"), at(1)); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("redrive: %v", err)
	}
	if _, err := l.Resend(t.Context(), "M", cut(1)[0], nil, 0); !errors.Is(err, ledger.ErrMoved) {
		t.Errorf("resend: %v", err)
	}
	if _, err := l.Load(t.Context(), "M"); !errors.Is(err, ledger.ErrNotFound) || len(chunksOf(t, l, "M")) != 0 {
		t.Errorf("now there is one: %v", err)
	}
}
