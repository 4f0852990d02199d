package ledgertest

import (
	"context"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/ledger"
)

// Ledger is all that a ledger does. *ledger.Ledger is the real one, *Fake the one in memory.
//
// Every method is idempotent: a caller that does not know whether a write took effect repeats it. A write that comes
// too late is not an error: the answer says so (false, an Outcome, the load or chunk that stands, ledger.ErrMoved) and
// nothing has changed. ledger.ErrNotFound says that there is no such load or chunk. Any other error may be cured by a
// retry; none is permanent.
type Ledger interface {
	Receive(ctx context.Context, load ledger.Load) (stands ledger.Load, created bool, err error)
	Load(ctx context.Context, id string) (ledger.Load, error)
	Chunks(ctx context.Context, id string) ([]ledger.Chunk, error)
	ChunksFrom(ctx context.Context, id string, first, untouched int) ([]ledger.Chunk, error)
	Day(ctx context.Context, day string) ([]ledger.Load, error)
	Statuses(ctx context.Context, ids []string) (map[string]contract.Status, error)

	Plan(ctx context.Context, id string, plan ledger.Plan, chunks []ledger.Chunk) (planned bool, err error)
	Stage(ctx context.Context, id string, c ledger.Chunk) (stands ledger.Chunk, err error)
	Same(ctx context.Context, id, of string, at time.Time) (bool, error)
	Head(ctx context.Context, segment string) (ledger.Head, error)
	Certify(ctx context.Context, id, segment string, p ledger.Proof, at time.Time) (bool, error)
	Publish(ctx context.Context, id string, at time.Time) (bool, error)
	Fail(ctx context.Context, id, reason string, at time.Time) (bool, error)
	Redrive(ctx context.Context, load ledger.Load, at time.Time) (bool, error)
	Restage(ctx context.Context, load ledger.Load) error
	Resume(ctx context.Context, load ledger.Load, at time.Time) (bool, error)
	Seen(ctx context.Context, load ledger.Load, at time.Time) error
	Announced(ctx context.Context, id string) error
	Open(ctx context.Context, since time.Time, n int) ([]ledger.Load, error)
	TakeSweep(ctx context.Context, owner string, now, until time.Time) (ledger.Sweep, bool, error)
	KeepSweep(ctx context.Context, owner string, s ledger.Sweep, over bool) (bool, error)
	Maintenance(ctx context.Context) (ledger.Maintenance, error)
	KeepMaintenance(ctx context.Context, m ledger.Maintenance) (bool, error)

	Append(ctx context.Context, segment string, b contract.Archived) (bool, error)
	Tail(ctx context.Context, segment, shard string) (*contract.Archived, error)
	Archive(ctx context.Context, segment, shard, after string) ([]contract.Archived, error)
	Batches(ctx context.Context, segment, shard, after string, n int) ([]contract.Archived, error)
	Cover(ctx context.Context, load string, a contract.StreamAck) error
	Covers(ctx context.Context, load, shard string) ([]contract.StreamAck, error)
	Freeze(ctx context.Context, load, closing string) (stands string, err error)
	Frozen(ctx context.Context, load string) (string, error)

	Rollout(ctx context.Context, group string) (r contract.Rollout, writes int64, err error)
	PutRollout(ctx context.Context, r contract.Rollout, writes int64) error

	Empty(ctx context.Context) error
	Restore(ctx context.Context, r ledger.Record) error
	RestoreHead(ctx context.Context, segment string, h ledger.Head) error

	Claim(ctx context.Context, c ledger.Claim, now, leaseUntil time.Time) (ledger.Outcome, error)
	Acknowledge(ctx context.Context, c ledger.Claim, ack contract.Ack) (bool, error)
	FailChunk(ctx context.Context, c ledger.Claim, reason string) (bool, error)
	Release(ctx context.Context, c ledger.Claim, lastError string, at time.Time) (bool, error)
	HandBack(ctx context.Context, c ledger.Claim) (bool, error)
	Resend(ctx context.Context, load string, c ledger.Chunk, from *int64, failed int) (ledger.Chunk, error)
	Sent(ctx context.Context, load string, some []ledger.Chunk, at time.Time) error
	Dispatched(ctx context.Context, id string, at time.Time) error
	Prove(ctx context.Context, id string, p ledger.Proven) error
}

// Subject is an empty ledger under test.
type Subject struct {
	Ledger
	// Process is another process's handle on the same ledger. Each of its writes calls before first, and has no effect
	// if that fails. The writes of one call may be concurrent.
	Process func(before func() error) Ledger
}

var scenarios = []struct {
	name string
	run  func(*testing.T, Subject)
}{
	{"Receive", receive},
	{"Receive keeps a reason", receiveKeepsAReason},
	{"Statuses", statuses},
	{"Day", day},
	{"Plan", planning},
	{"Plan does not revive a failed load", planDoesNotReviveAFailedLoad},
	{"Plan after one that died halfway", planAfterAPlanThatDied},
	{"Plan that comes late", latePlanDoesNotOverwriteWork},
	{"Plan keeps its own copy", planKeepsItsOwnCopy},
	{"transitions of a load", statusTransitions},
	{"Redrive", redrive},
	{"Redrive of a load that was never planned", redriveOfALoadThatWasNeverPlanned},
	{"Redrive of a certified load", redriveOfACertifiedLoad},
	{"Redrive that died halfway", redriveThatDied},
	{"Redrive forgets failures", redriveForgetsFailures},
	{"Resume", resume},
	{"Same", same},
	{"Open", open},
	{"sweep", sweeping},
	{"maintenance", maintaining},
	{"unknown loads", unknownLoads},

	{"Certify", certify},
	{"Certify of several loads", certifySeveral},
	{"Certify by several processes", certifiersAtOnce},
	{"Certify that died", certifierThatDied},

	{"archive of a shard", archive},
	{"archive by several witnesses", witnessesAtOnce},
	{"Covers", covers},
	{"Freeze", freeze},
	{"Rollout", rollouts},
	{"Rollout by several processes", rolloutsAtOnce},
	{"Restore", restore},

	{"Claim", claimMatrix},
	{"Claim of what is over", claimOfWhatIsOver},
	{"Claim is granted once", oneClaimIsGranted},
	{"Acknowledge", acknowledge},
	{"Acknowledge after a failure", acknowledgeAfterAFailure},
	{"zombie", zombieIsRefused},
	{"Release", releaseLetsTheNextOneIn},
	{"failures", failures},
	{"reasons are cut", reasonsAreCut},
	{"Sent", sent},
	{"Dispatched", dispatched},
	{"Prove", prove},
	{"HandBack", handBack},
	{"Resend", resend},
	{"Resend of an acknowledged chunk", resendNeverDropsAnAcknowledgementUnlessItBeganInTheWrongPlace},

	{"restage", restageIsWorkLikeAChunk},
	{"Stage", stage},
	{"Stage after a plan that died halfway", stageReplacesWhatADeadPlanLeft},
	{"Stage by several jobs", oneJobCutsAChunk},
	{"Redrive of a restaged load", redriveOfARestagedLoad},

	{"every write twice", everyWriteTwice},
	{"a context that has ended", endedContext},
	{"random operations", randomOperations},
}

// Conform checks that the ledgers that open returns follow the rules. Each scenario opens its own.
func Conform(t *testing.T, open func(*testing.T) Subject) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) { s.run(t, open(t)) })
	}
}

var start = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

func received(id string) ledger.Load {
	return ledger.Load{
		ID: id, Segment: "trips", Catalog: "catalog/1.json", Received: start, Status: contract.Received,
		Object: contract.Object{Bucket: "landing", Key: "trips/" + id, VersionID: "v", Size: 300, ETag: "e"},
	}
}

func plan(chunks int) ledger.Plan {
	return ledger.Plan{Compression: contract.Plain, Body: 10, Columns: []int{1, -1}, Width: 2, Chunks: chunks, At: at(1)}
}

// cut makes n chunks of 100 bytes; the first one's start is known.
func cut(n int) []ledger.Chunk {
	chunks := make([]ledger.Chunk, n)
	for i := range chunks {
		chunks[i] = ledger.Chunk{Index: i, Start: int64(100 * i), End: int64(100*i + 100), Attempt: 1, Sent: at(1)}
	}
	chunks[0].Start, chunks[0].From = 10, ptr(int64(10))
	return chunks
}

// receivedLoad makes load L known.
func receivedLoad(t *testing.T, l Ledger) {
	t.Helper()
	if _, created, err := l.Receive(t.Context(), received("L")); err != nil || !created {
		t.Fatalf("receive: %t, %v", created, err)
	}
}

// planned makes L a running load of n chunks.
func planned(t *testing.T, l Ledger, n int) {
	t.Helper()
	receivedLoad(t, l)
	if ok, err := l.Plan(t.Context(), "L", plan(n), cut(n)); err != nil || !ok {
		t.Fatalf("plan: %t, %v", ok, err)
	}
}

// by is a claim on a piece of work of load L.
func by(chunk, attempt int, owner string) ledger.Claim {
	return ledger.Claim{Load: "L", Chunk: chunk, Attempt: attempt, Owner: owner}
}

func chunksOf(t *testing.T, l Ledger, id string) []ledger.Chunk {
	t.Helper()
	chunks, err := l.Chunks(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return chunks
}

func chunkOf(t *testing.T, l Ledger, i int) ledger.Chunk {
	t.Helper()
	return chunksOf(t, l, "L")[i]
}

func loadOf(t *testing.T, l Ledger) ledger.Load {
	t.Helper()
	load, err := l.Load(t.Context(), "L")
	if err != nil {
		t.Fatal(err)
	}
	return load
}

// must unwraps the answer of a method that never fails here.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ptr[T any](v T) *T { return &v }
