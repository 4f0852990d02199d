package reconcile

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dip/contract"
	"dip/internal/attest"
	"dip/internal/fault"
	"dip/internal/lake"
	"dip/internal/lake/laketest"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
)

// newKey makes a key whose signatures differ, as those of KMS do.
func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

var signingKey = newKey()

func (w *world) Sign(_ context.Context, digest [sha256.Size]byte) ([]byte, error) {
	if err := w.do("Sign"); err != nil {
		return nil, err
	}
	return ecdsa.SignASN1(rand.Reader, signingKey, digest[:])
}

func (w *world) PublicKey(context.Context) (*ecdsa.PublicKey, error) {
	return &signingKey.PublicKey, w.do("PublicKey")
}

const (
	certificateKey = "certificates/things/L.json"
	envelopeKey    = "certificates/things/L.dsse.json"
)

// unsigned is what the lake holds, with the statements in the place of their envelopes.
func (w *world) unsigned(t *testing.T) map[string]string {
	t.Helper()
	all := w.lake.Contents("lake")
	for key, content := range all {
		if strings.HasSuffix(key, ".dsse.json") {
			_, payload, err := contract.ParseEnvelope([]byte(content))
			if err != nil {
				t.Fatal(err)
			}
			all[key] = string(payload)
		}
	}
	return all
}

func TestTheEnvelopeSignsTheCertificate(t *testing.T) {
	w, r := newWorld(2)
	w.done()
	w.step(t, r, contract.Certify, "")
	contents := w.lake.Contents("lake")
	e, payload, err := contract.ParseEnvelope([]byte(contents[envelopeKey]))
	if err != nil {
		t.Fatal(err)
	}
	var got contract.Statement
	if err := json.Unmarshal(payload, &got); err != nil {
		t.Fatal(err)
	}
	var c contract.Certificate
	if err := json.Unmarshal([]byte(contents[certificateKey]), &c); err != nil {
		t.Fatal(err)
	}
	w.step(t, r, contract.Publish, "")
	manifest := w.lake.Contents("lake")["manifests/things/L"]
	want := contract.NewStatement(c, "lake", lake.Hash([]byte(contents[certificateKey])), lake.Hash([]byte(manifest)))
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if err := attest.Signs([]byte(contents[envelopeKey]), want, &signingKey.PublicKey); err != nil {
		t.Error(err)
	}
	fingerprint, err := attest.Fingerprint(&signingKey.PublicKey)
	if err != nil || len(e.Signatures) != 1 || e.Signatures[0].KeyID != fingerprint {
		t.Errorf("signed by %+v, want %s, %v", e.Signatures, fingerprint, err)
	}
	if load := w.load(); *load.Link != (contract.Link{Number: 1}) || *c.Link != *load.Link ||
		load.SHA256 != lake.Hash([]byte(contents[certificateKey])) {
		t.Errorf("load %+v, certificate %+v", load, c.Link)
	}
}

// Signatures differ: the first envelope stays, and a repeated step is content with it.
func TestTheFirstEnvelopeStays(t *testing.T) {
	w, r := newWorld(2)
	w.done()
	w.lake.After = func(op laketest.Op) error { // its answer is lost
		if op.Name == "PutOnce" && op.Key == envelopeKey {
			w.lake.After = nil
			return errThrottled
		}
		return nil
	}
	if _, err := r.Handle(t.Context(), contract.StepRequest{Load: "L", Step: contract.Certify}); !errors.Is(err,
		errThrottled) {
		t.Fatal(err)
	}
	first := w.lake.Contents("lake")[envelopeKey]
	w.step(t, r, contract.Certify, "")
	if got := w.lake.Contents("lake")[envelopeKey]; got != first || first == "" {
		t.Errorf("first %s\nthen  %s", first, got)
	}
	if signed := slices.DeleteFunc(slices.Clone(w.log), func(s string) bool { return s != "Sign" }); len(signed) != 2 {
		t.Errorf("signed %d times", len(signed))
	}
}

// An envelope that stands is taken for the load's if its signature and certificate are; its wording may be older.
func TestAnEnvelopeThatStands(t *testing.T) {
	w, r := newWorld(2)
	w.done()
	w.step(t, r, contract.Certify, "")
	contents := w.lake.Contents("lake")
	_, payload, err := contract.ParseEnvelope([]byte(contents[envelopeKey]))
	if err != nil {
		t.Fatal(err)
	}
	var s contract.Statement
	if err := json.Unmarshal(payload, &s); err != nil {
		t.Fatal(err)
	}
	envelope := func(by *ecdsa.PrivateKey, edit func(*contract.Statement)) []byte {
		changed := contract.NewStatement(contract.Certificate{}, "", "", "")
		changed.Predicate.Certificate.Digest = map[string]string{"sha256": s.Predicate.Certificate.Digest["sha256"]}
		edit(&changed)
		payload, err := json.Marshal(changed)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(contract.PAE(contract.PayloadType, payload))
		sig, err := ecdsa.SignASN1(rand.Reader, by, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		data, err := contract.NewEnvelope(payload, "k", sig).Encode()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, c := range []struct {
		name, want string
		stands     []byte
	}{
		{"another wording", "", envelope(signingKey, func(*contract.Statement) {})},
		{"another key", "not signed by the stack's key", envelope(newKey(), func(*contract.Statement) {})},
		{"another certificate", "of another certificate", envelope(signingKey, func(s *contract.Statement) {
			s.Predicate.Certificate.Digest["sha256"] = "other"
		})},
		{"no envelope", "read the envelope", []byte("{")},
	} {
		w, r := newWorld(2)
		w.done()
		w.lake.Put("lake", envelopeKey, c.stands)
		_, err := r.Handle(t.Context(), contract.StepRequest{Load: "L", Step: contract.Certify})
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) ||
			!errors.Is(err, lake.ErrExists) || !fault.IsPermanent(err)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A signature that does not fit the key is not written: it could never be replaced.
func TestABadSignatureIsNotWritten(t *testing.T) {
	w, r := newWorld(1)
	w.done()
	own := signingKey
	defer func() { signingKey = own }()
	r.Signer = forger{w, newKey()}
	_, err := r.Handle(t.Context(), contract.StepRequest{Load: "L", Step: contract.Certify})
	if err == nil || !strings.Contains(err.Error(), "does not fit the key sha256:") ||
		w.lake.Contents("lake")[envelopeKey] != "" {
		t.Errorf("%v, %v", err, w.lake.Contents("lake"))
	}
}

// forger shows another key than it signs with.
type forger struct {
	*world
	shown *ecdsa.PrivateKey
}

func (f forger) PublicKey(context.Context) (*ecdsa.PublicKey, error) { return &f.shown.PublicKey, nil }

// A load that was certified before there were links gets an envelope, but no place in a chain.
func TestALoadWithoutALink(t *testing.T) {
	w, r := newWorld(2)
	w.done()
	w.edit(func(l *ledger.Load, c []ledger.Chunk) {
		old, err := Certificate("dev", *l, c)
		if err != nil {
			t.Fatal(err)
		}
		l.Status, l.Totals = contract.Certified, &old.Totals
	})
	w.step(t, r, contract.Certify, "")
	w.step(t, r, contract.Publish, "")
	if got := w.lake.Contents("lake")[certificateKey]; strings.Contains(got, "link") || got == "" {
		t.Errorf("got %s", got)
	}
	if head, err := w.ledger.Head(t.Context(), "things"); err != nil || head.Number != 0 ||
		w.lake.Contents("lake")[envelopeKey] == "" {
		t.Errorf("%+v, %v", head, err)
	}
}

// Code that makes other bytes than the ledger has the hash of writes none, and is content with those that stand.
func TestACertificateOfOtherCode(t *testing.T) {
	w, r := newWorld(2)
	w.done()
	w.broken[putCertificate] = true
	if _, err := r.Handle(t.Context(), contract.StepRequest{Load: "L", Step: contract.Certify}); err == nil {
		t.Fatal("it did not die")
	}
	delete(w.broken, putCertificate)
	written, err := Certificate("dev", w.load(), w.chunks())
	if err != nil {
		t.Fatal(err)
	}
	data, err := written.Encode()
	if err != nil {
		t.Fatal(err)
	}
	r.Stack = "renamed"
	_, err = r.Handle(t.Context(), contract.StepRequest{Load: "L", Step: contract.Certify})
	if err == nil || !strings.Contains(err.Error(), "the chain has "+lake.Hash(data)) ||
		len(w.lake.Contents("lake")) != 0 {
		t.Errorf("%v, %v", err, w.lake.Contents("lake"))
	}
	w.lake.Put("lake", certificateKey, []byte("other"))
	if _, err := r.Handle(t.Context(), contract.StepRequest{Load: "L", Step: contract.Certify}); err == nil ||
		!strings.Contains(err.Error(), "the stored one has another hash too") {
		t.Error(err)
	}
	w.lake.Put("lake", certificateKey, data)
	w.step(t, r, contract.Certify, "")
}

func (w *world) chunks() (all []ledger.Chunk) {
	w.edit(func(_ *ledger.Load, c []ledger.Chunk) { all = slices.Clone(c) })
	return all
}

// A chain that never lets the load in is an error in the end, which the workflow retries.
func TestABusyChain(t *testing.T) {
	w, r := newWorld(1)
	w.done()
	w.ledger.Before = func(op ledgertest.Op) error {
		if op.Name == "Certify" {
			return ledger.ErrMoved
		}
		return w.do(op.Name)
	}
	_, err := r.Handle(t.Context(), contract.StepRequest{Load: "L", Step: contract.Certify})
	pauses := len(slices.DeleteFunc(slices.Clone(w.log), func(s string) bool { return s != "pause" }))
	if err == nil || !strings.Contains(err.Error(), "too many loads at once") || pauses != attest.Tries-1 {
		t.Errorf("%v after %d pauses", err, pauses)
	}
	w.broken["pause"] = true
	if _, err := r.Handle(t.Context(), contract.StepRequest{Load: "L", Step: contract.Certify}); !errors.Is(err,
		errThrottled) {
		t.Error(err)
	}
}
