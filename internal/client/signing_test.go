package client

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"

	"dip/contract"
	"dip/internal/lake"
	"dip/internal/lake/laketest"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
	"dip/internal/verify"
)

// keys is KMS with one public key.
type keys struct {
	asked string
	err   error
}

func (k *keys) GetPublicKey(_ context.Context, in *kms.GetPublicKeyInput, _ ...func(*kms.Options)) (
	*kms.GetPublicKeyOutput, error,
) {
	k.asked = *in.KeyId
	return &kms.GetPublicKeyOutput{PublicKey: []byte("der")}, k.err
}

func TestFetchPublicKey(t *testing.T) {
	k := &keys{}
	got, err := FetchPublicKey(t.Context(), k, "arn:key")
	want := PublicKey{Key: "arn:key", Fingerprint: contract.Fingerprint([]byte("der")),
		PEM: "-----BEGIN PUBLIC KEY-----\nZGVy\n-----END PUBLIC KEY-----\n"}
	if err != nil || got != want || k.asked != "arn:key" {
		t.Errorf("%+v, %v, asked for %s", got, err, k.asked)
	}
	k.err = errors.New("denied")
	if _, err := FetchPublicKey(t.Context(), k, "arn:key"); !errors.Is(err, k.err) || !strings.Contains(err.Error(),
		"public key of arn:key") {
		t.Error(err)
	}
}

// The chain is walked by the ledger's head, and what the ledger has of each load counts.
func TestVerifyChain(t *testing.T) {
	f, objects := ledgertest.New(), laketest.New("lake")
	prove := func() verify.ChainReport {
		t.Helper()
		r, err := VerifyChain(t.Context(), f, verify.ChainOptions{Lake: objects, Segment: "trips"})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	want := verify.ChainReport{Segment: "trips", Verified: true, Signature: verify.SignatureNotChecked}
	if got := prove(); !reflect.DeepEqual(got, want) {
		t.Errorf("an empty chain: %+v", got)
	}
	for _, id := range []string{"a", "b"} {
		f.Seed(ledger.Load{ID: id, Segment: "trips", Status: contract.Running})
		head, err := f.Head(t.Context(), "trips")
		if err != nil {
			t.Fatal(err)
		}
		link := head.Next()
		data, err := contract.Certificate{Load: id, Segment: "trips", Link: &link}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		ok, err := f.Certify(t.Context(), id, "trips", ledger.Proof{Link: link, SHA256: lake.Hash(data)}, noon)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		if id == "a" {
			objects.Put("lake", contract.CertificateKey("trips", id), data)
		}
	}
	if got := prove(); !got.Verified || got.Certificates != 2 || got.Pending != 1 {
		t.Errorf("the last one is being written: %+v", got)
	}
	f.Change("b", func(l *ledger.Load, _ []ledger.Chunk) { l.Status = contract.Published })
	if got := prove(); got.Verified || len(got.Problems) != 1 ||
		!strings.HasPrefix(got.Problems[0], "number 2, load b: the certificate is missing") {
		t.Errorf("the last one was removed: %+v", got)
	}
	f.Change("a", func(l *ledger.Load, _ []ledger.Chunk) { l.SHA256 = "x" })
	if got := prove(); len(got.Problems) != 2 || !strings.Contains(got.Problems[1], `number 1, load a: the ledger has`) {
		t.Errorf("the ledger has another hash of the first one: %+v", got)
	}
	f.Before = func(op ledgertest.Op) error {
		if op.Name == "Load" && op.Load == "b" {
			return ledger.ErrNotFound
		}
		return nil
	}
	if got := prove(); got.Verified {
		t.Errorf("a load that the ledger lacks: %+v", got)
	}
	broken := errors.New("throttled")
	for _, name := range []string{"Head", "Load"} {
		f.Before = func(op ledgertest.Op) error {
			if op.Name == name {
				return broken
			}
			return nil
		}
		if _, err := VerifyChain(t.Context(), f, verify.ChainOptions{Lake: objects, Segment: "trips"}); !errors.Is(err,
			broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
