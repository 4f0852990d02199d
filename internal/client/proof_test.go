package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
	"dip/internal/reconcile"
)

// shelf is a lake of one object.
type shelf struct {
	key  string
	data []byte
}

func (s shelf) Get(_ context.Context, key string) ([]byte, error) {
	if key != s.key {
		return nil, fmt.Errorf("no object %s", key)
	}
	return s.data, nil
}

func TestWhatTheLedgerRecords(t *testing.T) {
	l := ledger.Load{ID: loadID("1"), Segment: "trips", Object: contract.Object{Key: "trips/a", Size: 20}, Received: noon,
		Status: contract.Published,
		Plan:   &ledger.Plan{Compression: contract.Plain, Chunks: 1, At: noon}}
	sum := "00000000000000000000000000000000"
	ack := contract.Ack{End: 20, RowsIn: 2, RowsOut: 2, HashOut: sum, HashBad: sum,
		Outputs: []contract.Output{{Key: "k", Rows: 2}}, Attempt: 1, At: noon.Add(time.Second)}
	chunks := []ledger.Chunk{{End: 20, Ack: &ack}, {Index: 1, Start: 20, End: 30}} // the second one of an older plan
	f := ledgertest.New()
	f.Seed(l, chunks...)
	if _, err := Recorded(t.Context(), "dev", f, l); !errors.Is(err, ErrNotFound) {
		t.Errorf("without totals: %v", err)
	}
	want, err := reconcile.Certificate("dev", l, chunks[:1])
	if err != nil {
		t.Fatal(err)
	}
	l.Totals = &want.Totals
	for _, stack := range []string{"dev", "org/project/dev"} {
		if got, err := Recorded(t.Context(), stack, f, l); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("stack %s: %+v, %v", stack, got, err)
		}
	}
	// What the ledger recorded as the totals counts, not what they ought to have been.
	other := want.Totals
	other.RowsOut++
	l.Totals = &other
	if got, err := Recorded(t.Context(), "dev", f, l); err != nil || got.Totals.RowsOut != 3 {
		t.Errorf("%+v, %v", got.Totals, err)
	}
	f.Change(l.ID, func(_ *ledger.Load, c []ledger.Chunk) { c[0].Ack.Start = 1 })
	if _, err := Recorded(t.Context(), "dev", f, l); err == nil {
		t.Error("an open chain was recorded as a certificate")
	}
}

func TestStoredCertificate(t *testing.T) {
	l := ledger.Load{ID: loadID("1"), Segment: "trips"}
	want := contract.Certificate{Version: 1, Load: l.ID}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	lake := shelf{contract.CertificateKey("trips", l.ID), data}
	if _, _, err := Certificate(t.Context(), lake, l); !errors.Is(err, ErrNotFound) {
		t.Errorf("without totals: %v", err)
	}
	l.Totals = &contract.Totals{}
	sum := sha256.Sum256(data)
	if got, hash, err := Certificate(t.Context(), lake, l); err != nil || !reflect.DeepEqual(got, want) ||
		hash != hex.EncodeToString(sum[:]) {
		t.Errorf("%+v, %s, %v", got, hash, err)
	}
	lake.data = data[1:]
	if _, _, err := Certificate(t.Context(), lake, l); err == nil {
		t.Error("a damaged certificate was read")
	}
}
