package ledgertest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"

	"dip/contract"
	"dip/internal/ledger"
)

// first is the proof of the first load of a segment.
func first(rows int64) ledger.Proof {
	return ledger.Proof{Totals: contract.Totals{RowsIn: rows}, Link: contract.Link{Number: 1}, SHA256: "hash"}
}

// after is the proof of a load whose certificate has a hash of its own.
func after(h ledger.Head, id string) ledger.Proof {
	return ledger.Proof{Totals: contract.Totals{RowsIn: 1}, Link: h.Next(), SHA256: "hash of " + id}
}

// running makes a load of the segment trips that may be certified.
func running(t *testing.T, l Ledger, id string) {
	t.Helper()
	load := received(id)
	load.Status = contract.Running
	if _, created, err := l.Receive(t.Context(), load); err != nil || !created {
		t.Fatalf("receive: %t, %v", created, err)
	}
}

func headOf(t *testing.T, l Ledger, segment string) ledger.Head {
	t.Helper()
	return must[ledger.Head](t)(l.Head(t.Context(), segment))
}

func certify(t *testing.T, l Subject) {
	running(t, l, "L")
	if head := headOf(t, l, "trips"); head != (ledger.Head{}) || head.Next() != (contract.Link{Number: 1}) {
		t.Errorf("of an empty chain: %+v", head)
	}
	before := state(t, l, "L")
	gap := first(3)
	gap.Link = contract.Link{Number: 2, Load: "K", SHA256: "hash of K"}
	if ok, err := l.Certify(t.Context(), "L", "trips", gap, at(1)); ok || !errors.Is(err, ledger.ErrMoved) {
		t.Errorf("a link to nothing: %t, %v", ok, err)
	}
	if got := state(t, l, "L"); !reflect.DeepEqual(got, before) || headOf(t, l, "trips").Number != 0 {
		t.Errorf("it left %+v", got)
	}
	for when := range 2 { // the answer may have been lost
		if ok, err := l.Certify(t.Context(), "L", "trips", first(3), at(2+when)); err != nil || !ok {
			t.Fatal(ok, err)
		}
		want := before.Load
		want.Status, want.Totals, want.Updated = contract.Certified, &contract.Totals{RowsIn: 3}, at(2)
		want.Link, want.SHA256 = &contract.Link{Number: 1}, "hash"
		if got := loadOf(t, l); !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
	other := first(3)
	other.SHA256 = "other"
	relinked := first(3)
	relinked.Link = headOf(t, l, "trips").Next()
	for _, p := range []ledger.Proof{other, relinked} { // of another process that was slower
		if ok, err := l.Certify(t.Context(), "L", "trips", p, at(4)); err != nil || ok {
			t.Errorf("another proof: %t, %v", ok, err)
		}
	}
	if head := headOf(t, l, "trips"); head != (ledger.Head{Number: 1, Load: "L", SHA256: "hash"}) {
		t.Errorf("the head is %+v", head)
	}
	if ok, err := l.Fail(t.Context(), "L", "late", at(5)); err != nil || ok {
		t.Errorf("a load in the chain failed: %t, %v", ok, err)
	}
}

// A load that failed takes no place, whoever still tries to certify it.
func certifySeveral(t *testing.T, l Subject) {
	for _, id := range []string{"L", "M", "N", "failed", "elsewhere"} {
		running(t, l, id)
	}
	must[bool](t)(l.Fail(t.Context(), "failed", "why", at(1)))
	must[bool](t)(l.Certify(t.Context(), "L", "trips", first(3), at(2)))
	old := headOf(t, l, "trips")
	if ok, err := l.Certify(t.Context(), "M", "trips", first(3), at(2)); ok || !errors.Is(err, ledger.ErrMoved) {
		t.Errorf("a second first one: %t, %v", ok, err)
	}
	if ok, err := l.Certify(t.Context(), "failed", "trips", after(old, "failed"), at(2)); ok || err != nil {
		t.Errorf("a failed load: %t, %v", ok, err)
	}
	must[bool](t)(l.Certify(t.Context(), "M", "trips", after(old, "M"), at(3)))
	for _, stale := range []ledger.Head{{}, old, {Number: 2, Load: "M", SHA256: "x"}, {Number: 2, Load: "x",
		SHA256: "hash of M"}} {
		if ok, err := l.Certify(t.Context(), "N", "trips", after(stale, "N"), at(4)); ok || !errors.Is(err, ledger.ErrMoved) {
			t.Errorf("a link to %+v: %t, %v", stale, ok, err)
		}
	}
	must[bool](t)(l.Certify(t.Context(), "elsewhere", "events", first(3), at(5)))
	must[bool](t)(l.Certify(t.Context(), "N", "trips", after(headOf(t, l, "trips"), "N"), at(6)))
	if head := headOf(t, l, "trips"); head != (ledger.Head{Number: 3, Load: "N", SHA256: "hash of N"}) {
		t.Errorf("the head is %+v", head)
	}
	chain(t, l, "trips", 3)
}

// chain walks a segment's chain from its head to its beginning.
func chain(t *testing.T, l Ledger, segment string, length int) {
	t.Helper()
	head := headOf(t, l, segment)
	var seen []string
	for head.Number > 0 {
		load, err := l.Load(t.Context(), head.Load)
		if err != nil || load.Link == nil || load.Link.Number != head.Number || load.SHA256 != head.SHA256 ||
			slices.Contains(seen, load.ID) {
			t.Fatalf("number %d: %+v, %v", head.Number, load, err)
		}
		seen = append(seen, load.ID)
		head = ledger.Head{Number: head.Number - 1, Load: load.Link.Load, SHA256: load.Link.SHA256}
	}
	if head != (ledger.Head{}) || len(seen) != length {
		t.Errorf("the chain is %q and begins with %+v, want %d loads", seen, head, length)
	}
}

// Loads that certify at once, each in two processes, end up in one chain, once each.
func certifiersAtOnce(t *testing.T, l Subject) {
	const loads = 5
	var group sync.WaitGroup
	for i := range loads {
		id := fmt.Sprint("L", i)
		running(t, l, id)
		for process := range 2 {
			group.Go(func() {
				for {
					head, err := l.Head(t.Context(), "trips")
					if err != nil {
						t.Error(err)
						return
					}
					_, err = l.Certify(t.Context(), id, "trips", after(head, id), at(process))
					if !errors.Is(err, ledger.ErrMoved) {
						if err != nil {
							t.Error(err)
						}
						return
					}
				}
			})
		}
	}
	group.Wait()
	chain(t, l, "trips", loads)
}

// A process that dies before its write leaves nothing: neither half of it.
func certifierThatDied(t *testing.T, l Subject) {
	running(t, l, "L")
	before := state(t, l, "L")
	if ok, err := l.Process(dies(1)).Certify(t.Context(), "L", "trips", first(3), at(1)); ok || !errors.Is(err, errDied) {
		t.Errorf("%t, %v", ok, err)
	}
	if got := state(t, l, "L"); !reflect.DeepEqual(got, before) || headOf(t, l, "trips").Number != 0 {
		t.Errorf("it left %+v", got)
	}
}
