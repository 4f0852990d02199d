package stream

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/catalog"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
	"dip/internal/process"
	"dip/internal/restore"
)

// A ledger that is rebuilt from a copy of the lake, taken at any moment, has every certified interval, and all that is
// archived. The lane goes on with it, and certifies every record once. `-seed N` runs a failure again.
func TestARestoredStreamGoesOn(t *testing.T) {
	from, to := uint64(1), uint64(25)
	if *seed != 0 {
		from, to = *seed, *seed
	}
	for s := from; s <= to; s++ {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			w := newWorld(t, s)
			w.live()
			w.restore()
			w.live()
			w.drain()
			w.check()
		})
	}
}

// restore replaces the ledger by what a copy of the lake tells.
func (w *world) restore() {
	w.Helper()
	objects := w.lake.Copy(map[string]string{"lake": "lake"}, w.IntN(2) == 0)
	books := ledgertest.New()
	report, err := restore.Drill{Lake: objects, Landing: objects, Bucket: "landing", Table: books,
		PublicKey: &key.PrivateKey.PublicKey}.Run(w.Context())
	if err != nil || !report.Complete {
		w.Fatalf("seed %d: %+v, %v", w.seed, report, err)
	}
	w.same(w.ledger.Snapshot(), books.Snapshot())
	w.lake, w.ledger, w.zombies = objects, books, nil
	w.segments = &process.Segments{Catalogs: &catalog.Reader{Lake: objects}}
}

// The archives of the oldest intervals expire. One that is missing between others was lost.
func TestADrillTellsExpiryFromLoss(t *testing.T) {
	w := newWorld(t, 3)
	w.live()
	w.drain()
	list := w.certificates(w.lake.Contents("lake"))
	slices.Reverse(list)
	batch := func(c contract.Certificate) string {
		for _, s := range c.Stream.Shards {
			if len(s.Batches) > 0 {
				return s.Batches[0].Key
			}
		}
		t.Fatalf("interval %s has no batch", c.Load)
		return ""
	}
	drill := func(gone ...string) restore.Report {
		f := w.lake.Copy(map[string]string{"lake": "lake"}, false)
		for _, key := range gone {
			f.Delete("lake", key)
		}
		r, err := restore.Drill{Lake: f, Landing: f, Bucket: "landing"}.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := drill(batch(list[0])); !r.Complete || r.Segments[0].InputGone == 0 || r.Segments[0].Proven == 0 {
		t.Errorf("the oldest archive has expired: %+v %+v", r, r.Segments[0])
	}
	if r := drill(batch(list[len(list)-1])); r.Complete || r.Segments[0].InputGone != 0 {
		t.Errorf("the newest archive is missing: %+v %+v", r, r.Segments[0])
	}
}

// same compares the ledgers item by item.
func (w *world) same(was, is ledgertest.Snapshot) {
	w.Helper()
	contents := w.lake.Contents("lake")
	for id, old := range was.Records {
		got, found := is.Records[id]
		if _, written := contents[contract.CertificateKey("readings", id)]; !written {
			if found && (got.Load.Status != contract.Running || got.Closing == "") {
				w.Errorf("seed %d: interval %s was %s, is %+v", w.seed, id, old.Load.Status, got)
			}
			continue
		}
		want := old
		want.Load.Updated, got.Load.Updated = time.Time{}, time.Time{}
		if _, published := contents[contract.ManifestKey("readings", id)]; published {
			want.Load.Status = contract.Published // or it was about to be noted
		}
		if !reflect.DeepEqual(got, want) {
			w.Errorf("seed %d: interval %s was\n%+v\nis\n%+v", w.seed, id, want, got)
		}
	}
	for shard, batches := range was.Archive {
		for after, b := range batches { // a batch that was stored, and not noted, may reach further
			if got := is.Archive[shard][after]; got.Last == b.Last && got.Sum != "" && got.Key == b.Key && got != b {
				w.Errorf("seed %d: archived was\n%+v\nis\n%+v", w.seed, b, got)
			}
		}
		old, got := tailOf(batches), tailOf(is.Archive[shard])
		if contract.Sequence(got).Compare(contract.Sequence(old)) < 0 {
			w.Errorf("seed %d: the archive of %s ended with %s, ends with %s", w.seed, shard, old, got)
		}
	}
	if head := is.Heads["readings"]; head != (ledger.Head{}) && is.Records[head.Load].Load.SHA256 != head.SHA256 {
		w.Errorf("seed %d: the head is %+v", w.seed, head)
	}
}

// tailOf is the last record of an archive.
func tailOf(batches map[string]contract.Archived) (after string) {
	for {
		b, ok := batches[after]
		if !ok {
			return after
		}
		after = b.Last
	}
}
