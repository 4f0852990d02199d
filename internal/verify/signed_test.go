package verify

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"testing"

	"dip/contract"
	"dip/internal/lake"
)

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func fingerprint(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return contract.Fingerprint(der)
}

// envelope signs a payload. It says that it is signed with the key named keyID.
func envelope(t *testing.T, payload []byte, key *ecdsa.PrivateKey, keyID string) []byte {
	t.Helper()
	digest := sha256.Sum256(contract.PAE(contract.PayloadType, payload))
	sig, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	data, err := contract.NewEnvelope(payload, keyID, sig).Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (w *world) statement(t *testing.T) []byte {
	t.Helper()
	manifest := w.content(contract.ManifestKey("things", w.load.ID))
	s := contract.NewStatement(w.certificate, lakeBucket, lake.Hash(w.file(t)), lake.Hash(manifest))
	payload, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func (w *world) envelopeKey() string {
	return contract.EnvelopeKey("things", w.load.ID)
}

// link makes the load's certificate the second of its segment, and signs it.
func (w *world) link(t *testing.T, key *ecdsa.PrivateKey) {
	t.Helper()
	before, err := contract.Certificate{Version: 1, Load: "K", Segment: "things", Link: &contract.Link{Number: 1}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	w.objects.Put(lakeBucket, contract.CertificateKey("things", "K"), before)
	w.load.Link = &contract.Link{Number: 2, Load: "K", SHA256: lake.Hash(before)}
	w.certificate.Link = w.load.Link
	w.certify(t)
	w.sign(t, w.statement(t), key)
}

// sign puts an envelope with a payload in the place of the load's.
func (w *world) sign(t *testing.T, payload []byte, key *ecdsa.PrivateKey) {
	t.Helper()
	w.objects.Put(lakeBucket, w.envelopeKey(), envelope(t, payload, key, fingerprint(t, key)))
}

func signed(t *testing.T) (*world, *ecdsa.PrivateKey) {
	t.Helper()
	w, key := tampered(t), newKey(t)
	w.link(t, key)
	return w, key
}

func (w *world) prove(t *testing.T, key *ecdsa.PublicKey) Report {
	t.Helper()
	report, err := Certificate(t.Context(), Options{
		Lake: w.objects, Certificate: w.certificate, SHA256: lake.Hash(w.file(t)), PublicKey: key,
	})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// signature is what is found of the signature alone.
func (w *world) signature(t *testing.T, key *ecdsa.PublicKey) Report {
	t.Helper()
	v := verification{Options: Options{
		Lake: w.objects, Certificate: w.certificate, SHA256: lake.Hash(w.file(t)), PublicKey: key,
	}}
	if err := v.signature(t.Context()); err != nil {
		t.Fatal(err)
	}
	return v.report
}
