package ledgertest

import (
	"errors"
	"reflect"
	"sync"
	"testing"

	"dip/contract"
	"dip/internal/ledger"
)

// restaged makes a ledger with one running load "L" whose input is to be restaged.
func restaged(t *testing.T, l Ledger) {
	t.Helper()
	receivedLoad(t, l)
	p := plan(0)
	p.Compression, p.Restage, p.Lane = contract.Gzip, true, contract.Workers
	if ok, err := l.Plan(t.Context(), "L", p, nil); err != nil || !ok {
		t.Fatalf("plan: %t, %v", ok, err)
	}
}

// piece is the chunk of a piece that a job staged.
func piece(index int, start, end int64, key string) ledger.Chunk {
	return ledger.Chunk{
		Index: index, Start: start, End: end, From: ptr(start), Attempt: 1, Sent: at(5),
		Staged: &contract.Object{Bucket: "lake", Key: key, Size: end - start},
	}
}

func restageIsWorkLikeAChunk(t *testing.T, l Subject) {
	restaged(t, l)
	want := ledger.Chunk{Index: ledger.RestageIndex, Start: 10, End: -1, Attempt: 1}
	load := loadOf(t, l)
	if !reflect.DeepEqual(load.Restage, &want) || !load.Plan.Restage || load.Plan.Lane != contract.Workers {
		t.Fatalf("got %+v, plan %+v", load.Restage, load.Plan)
	}
	if chunks := chunksOf(t, l, "L"); len(chunks) != 0 {
		t.Errorf("it counts as a chunk: %+v", chunks)
	}
	owner := by(ledger.RestageIndex, 1, "a")
	if owner.Name() != "restage" {
		t.Errorf("it is called %s", owner.Name())
	}
	for _, c := range []struct {
		owner string
		want  ledger.Outcome
	}{{"a", ledger.Granted}, {"b", ledger.Busy}, {"a", ledger.Granted}} {
		got := must[ledger.Outcome](t)(l.Claim(t.Context(), by(ledger.RestageIndex, 1, c.owner), at(2), at(60)))
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.owner, got, c.want)
		}
	}
	if !must[bool](t)(l.HandBack(t.Context(), owner)) {
		t.Fatal("not handed back")
	}
	next := must[ledger.Chunk](t)(l.Resend(t.Context(), "L", *loadOf(t, l).Restage, nil, 0))
	owner.Attempt = 2
	must[ledger.Outcome](t)(l.Claim(t.Context(), owner, at(71), at(90)))
	if !must[bool](t)(l.Acknowledge(t.Context(), owner, contract.Ack{Start: 10, End: 900})) || next.HandedBack != 1 {
		t.Errorf("resent %+v", next)
	}
	if r := loadOf(t, l).Restage; r.Ack == nil || r.Ack.End != 900 || r.Attempt != 2 {
		t.Errorf("got %+v", r)
	}
}

func stage(t *testing.T, l Subject) {
	restaged(t, l)
	first := piece(0, 10, 110, "staging/0")
	if got := must[ledger.Chunk](t)(l.Stage(t.Context(), "L", first)); !reflect.DeepEqual(got, first) {
		t.Errorf("got %+v", got)
	}
	if got := chunkOf(t, l, 0); !reflect.DeepEqual(got, first) {
		t.Errorf("the ledger has %+v", got)
	}
	// A job that cuts elsewhere adopts the piece that stands, whatever its progress.
	claim(t, l, "w", 1, 6, 60)
	must[bool](t)(l.Acknowledge(t.Context(), by(0, 1, "w"), contract.Ack{Start: 10, End: 110}))
	got := must[ledger.Chunk](t)(l.Stage(t.Context(), "L", piece(0, 10, 60, "staging/other")))
	if got.End != 110 || got.Staged.Key != "staging/0" || got.Ack == nil {
		t.Errorf("got %+v", got)
	}
	// The proof of a piece that is sent again goes with it.
	second := must[ledger.Chunk](t)(l.Stage(t.Context(), "L", piece(1, 110, 210, "staging/1")))
	next := must[ledger.Chunk](t)(l.Resend(t.Context(), "L", second, nil, 0))
	if next.Staged == nil || *next.Staged != *second.Staged {
		t.Errorf("got %+v", next)
	}
}

// A plan that died halfway, before the stack had a cluster, left a chunk that was never sent.
func stageReplacesWhatADeadPlanLeft(t *testing.T, l Subject) {
	receivedLoad(t, l)
	p := plan(1)
	p.Compression = contract.Gzip
	whole := ledger.Chunk{Index: 0, Start: 10, End: -1, Attempt: 1}
	if _, err := l.Process(dies(2)).Plan(t.Context(), "L", p, []ledger.Chunk{whole}); !errors.Is(err, errDied) {
		t.Fatal(err)
	}
	if got := chunkOf(t, l, 0); !reflect.DeepEqual(got, whole) {
		t.Fatalf("got %+v", got)
	}
	p.Restage, p.Chunks = true, 0
	if ok, err := l.Plan(t.Context(), "L", p, nil); err != nil || !ok {
		t.Fatal(ok, err)
	}
	first := piece(0, 10, 110, "staging/0")
	got := must[ledger.Chunk](t)(l.Stage(t.Context(), "L", first))
	if !reflect.DeepEqual(got, first) || !reflect.DeepEqual(chunkOf(t, l, 0), first) {
		t.Errorf("got %+v", got)
	}
}

// Of any number of jobs that stage a chunk at once one cuts it, and all continue from there.
func oneJobCutsAChunk(t *testing.T, l Subject) {
	restaged(t, l)
	var wg sync.WaitGroup
	ends := make([]int64, 8)
	for i := range ends {
		wg.Go(func() {
			got, err := l.Stage(t.Context(), "L", piece(0, 10, int64(100+i), "k"))
			if err != nil {
				t.Error(err)
			}
			ends[i] = got.End
		})
	}
	wg.Wait()
	for _, end := range ends {
		if end != chunkOf(t, l, 0).End {
			t.Errorf("the jobs continue from %v", ends)
		}
	}
}

func redriveOfARestagedLoad(t *testing.T, l Subject) {
	restaged(t, l)
	must[ledger.Chunk](t)(l.Stage(t.Context(), "L", piece(0, 10, 110, "staging/0")))
	job := by(ledger.RestageIndex, 1, "a")
	must[ledger.Outcome](t)(l.Claim(t.Context(), job, at(2), at(60)))
	must[bool](t)(l.FailChunk(t.Context(), job, "truncated"))
	must[bool](t)(l.Fail(t.Context(), "L", "truncated", at(3)))
	if !must[bool](t)(l.Redrive(t.Context(), loadOf(t, l), at(9))) {
		t.Fatal("not redriven")
	}
	if r := loadOf(t, l).Restage; r.Attempt != 2 || r.Failure != "" || r.Owner != "" {
		t.Errorf("the restage is %+v", r)
	}
	if c := chunkOf(t, l, 0); c.Attempt != 2 || c.Staged == nil {
		t.Errorf("the chunk is %+v", c)
	}
	// Once it is acknowledged it stays so, unless its pieces are gone.
	job = by(ledger.RestageIndex, 2, "b")
	must[ledger.Outcome](t)(l.Claim(t.Context(), job, at(10), at(60)))
	must[bool](t)(l.Acknowledge(t.Context(), job, contract.Ack{End: 110}))
	must[bool](t)(l.Fail(t.Context(), "L", "lost", at(11)))
	must[bool](t)(l.Redrive(t.Context(), loadOf(t, l), at(12)))
	if r := loadOf(t, l).Restage; r.Attempt != 2 || r.Ack == nil {
		t.Errorf("the restage is %+v", r)
	}
	running := loadOf(t, l)
	for _, status := range []contract.Status{contract.Running, contract.Failed} {
		if status == contract.Failed {
			must[bool](t)(l.Fail(t.Context(), "L", "no such piece", at(13)))
		}
		for range 2 {
			if err := l.Restage(t.Context(), loadOf(t, l)); err != nil {
				t.Fatal(err)
			}
		}
		if r := loadOf(t, l).Restage; (r.Ack == nil) != (status == contract.Failed) {
			t.Errorf("%s: the restage is %+v", status, r)
		}
	}
	running.Status = contract.Failed // read before somebody else had it restaged
	if err := l.Restage(t.Context(), running); err != nil {
		t.Error(err)
	}
	must[bool](t)(l.Redrive(t.Context(), loadOf(t, l), at(14)))
	if r := loadOf(t, l).Restage; r.Ack != nil || r.Attempt != 4 || !r.Sent.IsZero() {
		t.Errorf("the restage is %+v", r)
	}
}
