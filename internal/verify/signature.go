package verify

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"strings"

	"dip/contract"
	"dip/internal/fault"
)

// Signature is what a verification found of a certificate's signature.
type Signature string

// The findings. NotChecked and NotSigned are no problem as long as no public key is given.
const (
	SignatureVerified   Signature = "verified"
	SignatureNotChecked Signature = "not checked" // no public key was given
	SignatureNotSigned  Signature = "not signed"  // there is no envelope
	SignatureInvalid    Signature = "invalid"
)

// SignatureText says for people what was found, in one or two lines.
func (r Report) SignatureText() string {
	switch r.Signature {
	case SignatureVerified:
		return "signature verified with the key\n  " + r.Key
	case SignatureNotChecked:
		return "signature not checked: no --public-key was given"
	case SignatureNotSigned:
		return "not signed"
	}
	return "signature invalid"
}

// ReadPublicKey reads an ECDSA key on P-256 from a PEM file, as `dip public-key` writes it.
func ReadPublicKey(file string) (*ecdsa.PublicKey, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the public key: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, fmt.Errorf("public key %s: want PEM with a PUBLIC KEY, as `dip public-key` prints it", file)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("public key %s: %w", file, err)
	}
	public, ok := key.(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return nil, fmt.Errorf("public key %s: certificates are signed with ECDSA on P-256", file)
	}
	return public, nil
}

// signature compares the signed statement with the certificate and, with a public key, checks who signed it.
func (v *verification) signature(ctx context.Context) error {
	c := v.Certificate
	v.report.Signature = SignatureNotSigned
	data, err := v.Lake.Get(ctx, contract.EnvelopeKey(c.Segment, c.Load))
	if fault.IsPermanent(err) {
		v.check(v.PublicKey == nil, "the certificate is not signed: %v", err)
		// Since certificates are linked they are signed, before they are published.
		v.check(c.Link == nil || v.Unpublished, "the certificate's envelope is missing: %v", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the envelope: %w", err)
	}
	v.report.Signature = SignatureInvalid
	e, payload, err := contract.ParseEnvelope(data)
	if v.check(err == nil, "%v", err); err != nil {
		return nil
	}
	var s contract.Statement
	err = json.Unmarshal(payload, &s)
	if v.check(err == nil, "read the signed statement: %v", err); err != nil {
		return nil
	}
	v.statement(s)
	v.report.Signature = SignatureNotChecked
	if v.PublicKey == nil {
		return nil
	}
	fingerprint, err := signedBy(v.PublicKey, e, payload)
	v.check(err == nil, "%v", err)
	v.report.Signature, v.report.Key = SignatureVerified, fingerprint
	if err != nil {
		v.report.Signature = SignatureInvalid
	}
	return nil
}

// signedBy says why an envelope has no signature by a key, whose fingerprint it gives.
func signedBy(key *ecdsa.PublicKey, e contract.Envelope, payload []byte) (fingerprint string, err error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("the public key: %w", err)
	}
	fingerprint = contract.Fingerprint(der)
	digest := sha256.Sum256(contract.PAE(e.PayloadType, payload))
	others := []string{}
	for _, s := range e.Signatures {
		if s.KeyID != fingerprint {
			others = append(others, s.KeyID)
			continue
		}
		sig, err := base64.StdEncoding.Strict().DecodeString(s.Sig)
		if err != nil || !ecdsa.VerifyASN1(key, digest[:], sig) {
			return fingerprint, errors.New("the signature does not fit the signed statement")
		}
		return fingerprint, nil
	}
	return fingerprint, fmt.Errorf("the certificate is signed with the key %s, not with %s", strings.Join(others, ", "),
		fingerprint)
}

// statement compares what is signed with the certificate.
func (v *verification) statement(s contract.Statement) {
	c, p := v.Certificate, s.Predicate
	v.check(s.Type == contract.StatementType, "the statement's type is %q", s.Type)
	v.check(s.PredicateType == contract.PredicateType, "the predicate's type is %q", s.PredicateType)
	v.check(p.Version >= 1 && p.Version <= contract.Version, "the predicate has the version %d", p.Version)
	bucket, ok := strings.CutSuffix(strings.TrimPrefix(p.Certificate.Name, "s3://"),
		"/"+contract.CertificateKey(c.Segment, c.Load))
	// Files do not know the bucket of a load without outputs.
	v.check(ok && (bucket == v.Lake.Bucket() || v.Lake.Bucket() == ""), "what is signed is the certificate %q",
		p.Certificate.Name)
	v.check(maps.Equal(p.Certificate.Digest, map[string]string{contract.DigestSHA256: v.SHA256}),
		"the signed certificate has the digest %v, this one %s", p.Certificate.Digest, v.SHA256)
	for _, f := range []struct{ name, signed, want string }{
		{"load", p.Load, c.Load}, {"segment", p.Segment, c.Segment}, {"stack", p.Stack, c.Stack},
		{"catalog", p.Catalog, c.Catalog},
	} {
		v.check(f.signed == f.want, "the signed %s is %q, the certificate has %q", f.name, f.signed, f.want)
	}
	v.check(reflect.DeepEqual(p.Totals, c.Totals), "the signed totals are not the certificate's")
	v.check(reflect.DeepEqual(p.Link, c.Link), "the signed link is not the certificate's")
	v.check(p.Received.Equal(c.Received) && p.Certified.Equal(c.Certified), "the signed times are not the certificate's")
	want := subjects(c, bucket)
	v.check(len(s.Subject) == len(want), "%d subjects are signed, the certificate has %d", len(s.Subject), len(want))
	for _, signed := range s.Subject {
		digest, ok := want[signed.Name]
		v.check(ok && maps.Equal(digest, signed.Digest), "the signed subject %s is not the certificate's", signed.Name)
		delete(want, signed.Name)
	}
}

// subjects are the digests of all that a certificate is about, by name.
func subjects(c contract.Certificate, bucket string) map[string]map[string]string {
	all := map[string]map[string]string{}
	lake := func(key, sum string) { all["s3://"+bucket+"/"+key] = map[string]string{"sha256": sum} }
	lake(contract.ManifestKey(c.Segment, c.Load), sha256Hex([]byte(listed(c, bucket))))
	sums := ""
	for _, k := range c.Chunks {
		for _, o := range k.Outputs {
			lake(o.Key, o.SHA256)
		}
		if k.Quarantine != nil {
			lake(k.Quarantine.Key, k.Quarantine.SHA256)
		}
		sums += fmt.Sprintf("%d %d %s %s\n", k.Start, k.End, k.HashOut, k.HashBad)
	}
	input := map[string]string{"dipChunkSums": sha256Hex([]byte(sums))}
	if c.Input.ETag != "" {
		input["s3ETag"] = c.Input.ETag
	}
	if c.Stream != nil {
		for _, s := range c.Stream.Shards {
			for _, b := range s.Batches {
				lake(b.Key, b.SHA256)
			}
		}
		all["kinesis://"+c.Input.Bucket+"/"+c.Input.Key] = input
		return all
	}
	all["s3://"+c.Input.Bucket+"/"+c.Input.Key+"?versionId="+c.Input.VersionID] = input
	return all
}

func sha256Hex(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
