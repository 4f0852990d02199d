package ledgertest

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"dip/contract"
	"dip/internal/ledger"
)

func receive(t *testing.T, l Subject) {
	want := received("L")
	want.Updated = want.Received
	got, created, err := l.Receive(t.Context(), received("L"))
	if err != nil || !created || !reflect.DeepEqual(got, want) {
		t.Fatalf("%t, %v\ngot  %+v\nwant %+v", created, err, got, want)
	}
	// A second event, with another time and another catalog, finds the load as it stands.
	again := received("L")
	again.Received, again.Catalog, again.Status = at(60), "catalog/2.json", contract.Failed
	got, created, err = l.Receive(t.Context(), again)
	if err != nil || created || !reflect.DeepEqual(got, want) {
		t.Errorf("%t, %v\ngot  %+v\nwant %+v", created, err, got, want)
	}
	_, err = l.Load(t.Context(), "M")
	if !errors.Is(err, ledger.ErrNotFound) || !strings.Contains(err.Error(), "load M") {
		t.Errorf("an unknown load: %v", err)
	}
}

func receiveKeepsAReason(t *testing.T, l Subject) {
	load := received("L")
	load.Status, load.Reason = contract.Failed, "no segment"
	if _, _, err := l.Receive(t.Context(), load); err != nil {
		t.Fatal(err)
	}
	if got := loadOf(t, l); got.Reason != "no segment" || got.Status != contract.Failed {
		t.Errorf("got %+v", got)
	}
}

func planning(t *testing.T, l Subject) {
	planned(t, l, 30)
	load := loadOf(t, l)
	want := plan(30)
	if load.Status != contract.Running || !reflect.DeepEqual(load.Plan, &want) || !load.Updated.Equal(at(1)) {
		t.Errorf("got %+v", load)
	}
	chunks := chunksOf(t, l, "L")
	if want := cut(30); !reflect.DeepEqual(chunks, want) {
		t.Errorf("got  %+v\nwant %+v", chunks, want)
	}
	// A repeated step changes nothing.
	if ok, err := l.Plan(t.Context(), "L", plan(2), cut(2)); err != nil || ok {
		t.Errorf("a second plan: %t, %v", ok, err)
	}
	if got := loadOf(t, l); !reflect.DeepEqual(got, load) {
		t.Errorf("the plan was overwritten: %+v", got)
	}
	if _, err := l.Plan(t.Context(), "M", plan(1), cut(1)); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("an unknown load: %v", err)
	}
}

func planDoesNotReviveAFailedLoad(t *testing.T, l Subject) {
	receivedLoad(t, l)
	if ok, err := l.Fail(t.Context(), "L", "deleted", at(1)); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if ok, err := l.Plan(t.Context(), "L", plan(1), cut(1)); err != nil || ok {
		t.Errorf("a failed load was planned: %t, %v", ok, err)
	}
	if chunks := chunksOf(t, l, "L"); len(chunks) != 0 {
		t.Errorf("a failed load got %d chunks", len(chunks))
	}
}

// A slow splitter may still write after the workers of an earlier plan are done.
func latePlanDoesNotOverwriteWork(t *testing.T, l Subject) {
	receivedLoad(t, l)
	var before []ledger.Chunk
	var once sync.Once
	slow := l.Process(func() error {
		once.Do(func() {
			must[bool](t)(l.Plan(t.Context(), "L", plan(6), cut(6)))
			acked, failed, claimed := by(0, 1, "a"), by(1, 1, "b"), by(2, 1, "c")
			released := by(4, 1, "d")
			for _, c := range []ledger.Claim{acked, failed, claimed, released} {
				must[ledger.Outcome](t)(l.Claim(t.Context(), c, at(2), at(60)))
			}
			must[bool](t)(l.Acknowledge(t.Context(), acked, contract.Ack{RowsIn: 7}))
			must[bool](t)(l.FailChunk(t.Context(), failed, "broken"))
			must[bool](t)(l.Release(t.Context(), released, "reset", at(50)))
			must[ledger.Chunk](t)(l.Resend(t.Context(), "L", chunkOf(t, l, 3), ptr(int64(310)), 0))
			before = chunksOf(t, l, "L")
		})
		return nil
	})
	other := cut(6)
	for i := range other {
		other[i].End += 50
	}
	if ok, err := slow.Plan(t.Context(), "L", plan(99), other); err != nil || ok {
		t.Errorf("it counts: %t, %v", ok, err)
	}
	before[5].End += 50 // no worker has claimed it, and one that does learns its end from a message
	if after := chunksOf(t, l, "L"); !reflect.DeepEqual(after, before) {
		t.Errorf("before %+v\nafter  %+v", before, after)
	}
	if load := loadOf(t, l); load.Plan.Chunks != 6 {
		t.Errorf("the plan is %+v", load.Plan)
	}
}

// A plan that died halfway is written again, even with another chunk size.
func planAfterAPlanThatDied(t *testing.T, l Subject) {
	receivedLoad(t, l)
	other := cut(3)
	for i := range other {
		other[i].End += 50
	}
	if ok, err := l.Process(dies(4)).Plan(t.Context(), "L", plan(3), other); ok || !errors.Is(err, errDied) {
		t.Fatalf("%t, %v", ok, err)
	}
	load, left := loadOf(t, l), chunksOf(t, l, "L")
	if load.Plan != nil || load.Status != contract.Received || !reflect.DeepEqual(left, other) {
		t.Fatalf("chunks come first, then the plan: %+v, %+v", load, left)
	}
	if ok, err := l.Plan(t.Context(), "L", plan(3), cut(3)); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if chunks := chunksOf(t, l, "L"); !reflect.DeepEqual(chunks, cut(3)) {
		t.Errorf("got %+v", chunks)
	}
}

var errDied = errors.New("died")

// dies fails the n-th write of a process and all after it.
func dies(n int64) func() error {
	var writes atomic.Int64
	return func() error {
		if writes.Add(1) >= n {
			return errDied
		}
		return nil
	}
}

// What a caller does with its values afterwards does not affect the ledger.
func planKeepsItsOwnCopy(t *testing.T, l Subject) {
	receivedLoad(t, l)
	p, chunks := plan(1), cut(1)
	must[bool](t)(l.Plan(t.Context(), "L", p, chunks))
	p.Columns[0], *chunks[0].From = 9, 99
	loadOf(t, l).Plan.Width = 77
	*chunkOf(t, l, 0).From = 98
	if got, want := loadOf(t, l).Plan, plan(1); !reflect.DeepEqual(got, &want) || *chunkOf(t, l, 0).From != 10 {
		t.Errorf("got %+v, %+v", got, chunkOf(t, l, 0))
	}
}

func statusTransitions(t *testing.T, l Subject) {
	totals, link := contract.Totals{Chunks: 1, RowsIn: 3, Codes: []string{"c"}}, contract.Link{Number: 1}
	steps := map[string]func(id string) (bool, error){
		"certify": func(id string) (bool, error) {
			return l.Certify(t.Context(), id, id, ledger.Proof{Totals: totals, Link: link, SHA256: "hash"}, at(5))
		},
		"publish": func(id string) (bool, error) { return l.Publish(t.Context(), id, at(5)) },
		"fail":    func(id string) (bool, error) { return l.Fail(t.Context(), id, "why", at(5)) },
	}
	// The status that each step leads to from each status; "" where it is refused.
	for status, want := range map[contract.Status]map[string]contract.Status{
		contract.Received:  {"certify": "", "publish": "", "fail": contract.Failed},
		contract.Running:   {"certify": contract.Certified, "publish": "", "fail": contract.Failed},
		contract.Certified: {"certify": "", "publish": contract.Published, "fail": ""},
		contract.Published: {"certify": "", "publish": "", "fail": ""},
		contract.Failed:    {"certify": "", "publish": "", "fail": contract.Failed},
	} {
		for step, becomes := range want {
			load := received(step + " " + string(status))
			load.Status = status
			if _, _, err := l.Receive(t.Context(), load); err != nil {
				t.Fatal(err)
			}
			ok, err := steps[step](load.ID)
			if err != nil || ok != (becomes != "") {
				t.Errorf("%s: %t, %v", load.ID, ok, err)
			}
			want := load
			want.Updated = load.Received
			if becomes != "" {
				want.Status, want.Updated = becomes, at(5)
			}
			if ok && step == "certify" {
				want.Totals, want.Link, want.SHA256 = &totals, &link, "hash"
			}
			if ok && step == "fail" {
				want.Reason = "why"
			}
			if got, err := l.Load(t.Context(), load.ID); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %v\ngot  %+v\nwant %+v", load.ID, err, got, want)
			}
		}
	}
}
