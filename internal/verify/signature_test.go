package verify

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dip/contract"
	"dip/internal/lake"
)

func TestSignature(t *testing.T) {
	w, key := signed(t)
	w.holds(t, "signed, with the ledger")
	unsigned := w.copy(t, w.envelopeKey())
	old := tampered(t)
	for _, c := range []struct {
		name, problem string
		w             *world
		key           *ecdsa.PublicKey
		want          Signature
		text          string
	}{
		{"signed", "", w, &key.PublicKey, SignatureVerified, "signature verified with the key\n  " + fingerprint(t, key)},
		{"no key given", "", w, nil, SignatureNotChecked, "signature not checked: no --public-key was given"},
		{"another key", "is signed with the key " + fingerprint(t, key), w, &newKey(t).PublicKey, SignatureInvalid,
			"signature invalid"},
		{"its envelope is gone", "envelope is missing", unsigned, nil, SignatureNotSigned, "not signed"},
		{"made before certificates were signed", "", old, nil, SignatureNotSigned, "not signed"},
		{"the same, with a key", "the certificate is not signed", old, &key.PublicKey, SignatureNotSigned, "not signed"},
	} {
		r := c.w.prove(t, c.key)
		problems := strings.Join(r.Problems, "; ")
		if r.Verified != (c.problem == "") || !strings.Contains(problems, c.problem) || r.Signature != c.want ||
			r.SignatureText() != c.text {
			t.Errorf("%s: %+v, %s", c.name, r, r.SignatureText())
		}
	}
	v := verification{Options: Options{Lake: unsigned.objects, Certificate: unsigned.certificate, Unpublished: true}}
	if err := v.signature(t.Context()); err != nil || len(v.report.Problems) != 0 {
		t.Errorf("not published yet: %+v, %v", v.report, err)
	}
}

// With its signature every change of a certificate is found offline, also by who writes a statement that fits it.
func TestTamperedSignedCertificate(t *testing.T) {
	w, key := signed(t)
	mine := newKey(t)
	for _, e := range edits(reflect.ValueOf(w.certificate)) {
		c := w.copy(t)
		e.apply(reflect.ValueOf(&c.certificate).Elem())
		for _, given := range []*ecdsa.PublicKey{nil, &key.PublicKey} {
			if r := c.signature(t, given); len(r.Problems) == 0 {
				t.Errorf("%s, %s (key given: %t): not noticed", e.path, e.what, given != nil)
			}
		}
		forged := c.statement(t)
		at := contract.EnvelopeKey(c.certificate.Segment, c.certificate.Load)
		for what, data := range map[string][]byte{
			"the forger's key":                  envelope(t, forged, mine, fingerprint(t, mine)),
			"the forger's key under our name":   envelope(t, forged, mine, fingerprint(t, key)),
			"the signature of what was changed": c.resigned(t, forged),
		} {
			c.objects.Put(lakeBucket, at, data)
			if r := c.signature(t, &key.PublicKey); len(r.Problems) == 0 || r.Signature != SignatureInvalid {
				t.Errorf("%s, %s, signed by %s: %+v", e.path, e.what, what, r)
			}
		}
	}
}

// resigned puts another payload beside the signature that stands.
func (w *world) resigned(t *testing.T, payload []byte) []byte {
	t.Helper()
	e, _, err := contract.ParseEnvelope(w.content(w.envelopeKey()))
	if err != nil {
		t.Fatal(err)
	}
	forged := contract.NewEnvelope(payload, "", nil)
	forged.Signatures = e.Signatures
	data, err := forged.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Each byte of an envelope counts, those of its payload and signature also when they are encoded anew.
func TestTamperedEnvelope(t *testing.T) {
	w, key := signed(t)
	data := w.content(w.envelopeKey())
	put := func(content []byte) {
		w.objects.Corrupt(lakeBucket, w.envelopeKey(), func([]byte) []byte { return content })
	}
	refused := func(what string, changed []byte) {
		t.Helper()
		put(changed)
		if r := w.signature(t, &key.PublicKey); len(r.Problems) == 0 || r.Signature != SignatureInvalid {
			t.Errorf("%s: %+v", what, r)
		}
		put(data)
	}
	for i := range data {
		for _, flip := range []byte{1 << (i % 8), ' '} { // the space is what tells letters' cases apart
			changed := bytes.Clone(data)
			changed[i] ^= flip
			refused("a bit of the envelope", changed)
		}
	}
	for _, n := range []int{0, 1, len(data) / 2, len(data) - 1} {
		refused("cut off", data[:n])
	}
	refused("longer", append(bytes.Clone(data), '\n'))
	e, payload, err := contract.ParseEnvelope(data)
	if err != nil {
		t.Fatal(err)
	}
	for i := range payload {
		changed := bytes.Clone(payload)
		changed[i] ^= 1 << (i % 8)
		refused("a bit of the payload", w.resigned(t, changed))
	}
	sig := signatureOf(t, e)
	for i := range sig {
		changed := bytes.Clone(sig)
		changed[i] ^= 1 << (i % 8)
		forged, err := contract.NewEnvelope(payload, fingerprint(t, key), changed).Encode()
		if err != nil {
			t.Fatal(err)
		}
		refused("a bit of the signature", forged)
	}
	unsigned := e
	unsigned.Signatures = nil
	none, err := unsigned.Encode()
	if err != nil {
		t.Fatal(err)
	}
	refused("no signature", none)
	refused("JSON that is no statement", envelope(t, []byte(`{"subject":1}`), key, fingerprint(t, key)))
	if r := w.signature(t, &key.PublicKey); r.Signature != SignatureVerified {
		t.Errorf("left changed: %+v", r)
	}
}

func signatureOf(t *testing.T, e contract.Envelope) []byte {
	t.Helper()
	var sig struct{ Sig []byte }
	text, err := json.Marshal(map[string]string{"Sig": e.Signatures[0].Sig})
	if err == nil {
		err = json.Unmarshal(text, &sig)
	}
	if err != nil {
		t.Fatal(err)
	}
	return sig.Sig
}

// What the stack signed of another load proves nothing of this one.
func TestEnvelopeOfAnotherLoad(t *testing.T) {
	w, key := signed(t)
	other := verifies(t, things(csvDialect, testSchema), []byte("1,,,,,,\n"), 100)
	other.link(t, key)
	if r := other.signature(t, &key.PublicKey); r.Signature != SignatureVerified {
		t.Fatalf("%+v", r)
	}
	w.objects.Put(lakeBucket, w.envelopeKey(), other.content(other.envelopeKey()))
	for _, given := range []*ecdsa.PublicKey{nil, &key.PublicKey} {
		if r := w.prove(t, given); r.Verified {
			t.Errorf("key given: %t: VERIFIED", given != nil)
		}
	}
}

// Everything that is signed counts, also where the stack's own key signs it: its code may be wrong.
func TestTamperedStatement(t *testing.T) {
	w, key := signed(t)
	var s contract.Statement
	if err := json.Unmarshal(w.statement(t), &s); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, e := range edits(reflect.ValueOf(s)) {
		var changed contract.Statement
		if err := json.Unmarshal(w.statement(t), &changed); err != nil {
			t.Fatal(err)
		}
		e.apply(reflect.ValueOf(&changed).Elem())
		payload, err := json.Marshal(changed)
		if err != nil {
			t.Fatal(err)
		}
		seen++
		w.sign(t, payload, key)
		if r := w.signature(t, &key.PublicKey); len(r.Problems) == 0 {
			t.Errorf("%s, %s: not noticed", e.path, e.what)
		}
	}
	for i := range s.Subject {
		for name := range s.Subject[i].Digest {
			for _, value := range []string{"", "other"} {
				var changed contract.Statement
				if err := json.Unmarshal(w.statement(t), &changed); err != nil {
					t.Fatal(err)
				}
				if changed.Subject[i].Digest[name] = value; value == "" {
					delete(changed.Subject[i].Digest, name)
				}
				payload, err := json.Marshal(changed)
				if err != nil {
					t.Fatal(err)
				}
				w.sign(t, payload, key)
				if r := w.signature(t, nil); len(r.Problems) == 0 {
					t.Errorf("%s of subject %s is %q: not noticed", name, s.Subject[i].Name, value)
				}
			}
		}
	}
	elsewhere := contract.NewStatement(w.certificate, "elsewhere", lake.Hash(w.file(t)),
		sha256Hex([]byte(listed(w.certificate, "elsewhere"))))
	var twice contract.Statement
	if err := json.Unmarshal(w.statement(t), &twice); err != nil {
		t.Fatal(err)
	}
	twice.Subject[1] = twice.Subject[2]
	for what, s := range map[string]contract.Statement{"another bucket": elsewhere, "a subject twice": twice} {
		payload, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		w.sign(t, payload, key)
		if r := w.signature(t, &key.PublicKey); len(r.Problems) != 1 {
			t.Errorf("%s: %+v", what, r)
		}
	}
	if seen < 60 {
		t.Errorf("only %d changes", seen)
	}
}

func TestReadPublicKey(t *testing.T) {
	key := newKey(t)
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	long, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pemOf := func(kind string, public any) []byte {
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	for _, c := range []struct {
		name, want string
		data       []byte
	}{
		{"a key", "", pemOf("PUBLIC KEY", &key.PublicKey)},
		{"DER", "want PEM", der},
		{"another PEM", "want PEM", pemOf("EC PRIVATE KEY", &key.PublicKey)},
		{"damaged", file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der[1:]})},
		{"P-384", "ECDSA on P-256", pemOf("PUBLIC KEY", &long.PublicKey)},
		{"RSA", "ECDSA on P-256", pemOf("PUBLIC KEY", &other.PublicKey)},
	} {
		if err := os.WriteFile(file, c.data, 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := ReadPublicKey(file)
		if c.want == "" && (err != nil || !got.Equal(&key.PublicKey)) ||
			c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
	if _, err := ReadPublicKey(file + ".none"); err == nil {
		t.Error("a missing file was read")
	}
}
