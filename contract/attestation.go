package contract

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// A certificate is signed as an in-toto Statement in a DSSE envelope; docs/certificate.md describes both. Sources:
// "DSSE Protocol" and "DSSE Envelope" 1.0.2 (github.com/secure-systems-lab/dsse), "Statement layer specification" v1
// (github.com/in-toto/attestation).
const (
	PayloadType   = "application/vnd.in-toto+json"
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "urn:dip:certificate:v1"
)

// Names of digests. The first is in-toto's, the others are ours.
const (
	DigestSHA256 = "sha256"
	// DigestETag is the ETag that S3 gave the input's version. S3 alone can check it.
	DigestETag = "s3ETag"
	// DigestChunkSums stands for the input, which no one reads as a whole before it is certified: see ChunkSums.
	DigestChunkSums = "dipChunkSums"
)

// Statement is what is signed of a load.
type Statement struct {
	Type          string     `json:"_type"`
	Subject       []Resource `json:"subject"` // the input first, then the manifest, outputs and quarantine
	PredicateType string     `json:"predicateType"`
	Predicate     Predicate  `json:"predicate"`
}

// Resource is a file and its digests, by algorithm.
type Resource struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"` // hex
}

// Predicate is what is claimed of a statement's subjects: what the certificate says, by the hash of its file, and the
// claims that matter without it.
type Predicate struct {
	Version     int       `json:"version"`
	Certificate Resource  `json:"certificate"`
	Load        string    `json:"load"`
	Segment     string    `json:"segment"`
	Stack       string    `json:"stack"`
	Catalog     string    `json:"catalog"`
	Totals      Totals    `json:"totals"`
	Link        *Link     `json:"link,omitempty"`
	Received    time.Time `json:"received"`
	Certified   time.Time `json:"certified"`
}

// NewStatement makes the statement of a certificate. bucket is the lake's; the two hashes, in hex, are those of the
// certificate's file and of its manifest.
func NewStatement(c Certificate, bucket, certificateSHA256, manifestSHA256 string) Statement {
	stored := func(key, sha256Hex string) Resource {
		return Resource{"s3://" + bucket + "/" + key, map[string]string{DigestSHA256: sha256Hex}}
	}
	input := Resource{
		Name:   fmt.Sprintf("s3://%s/%s?versionId=%s", c.Input.Bucket, c.Input.Key, c.Input.VersionID),
		Digest: map[string]string{DigestChunkSums: ChunkSums(c)},
	}
	if c.Input.ETag != "" {
		input.Digest[DigestETag] = c.Input.ETag
	}
	subjects := []Resource{input, stored(ManifestKey(c.Segment, c.Load), manifestSHA256)}
	if c.Stream != nil {
		subjects[0].Name = fmt.Sprintf("kinesis://%s/%s", c.Input.Bucket, c.Input.Key)
		for _, s := range c.Stream.Shards {
			for _, b := range s.Batches {
				subjects = append(subjects, stored(b.Key, b.SHA256))
			}
		}
	}
	for _, k := range c.Chunks {
		for _, o := range k.Outputs {
			subjects = append(subjects, stored(o.Key, o.SHA256))
		}
		if k.Quarantine != nil {
			subjects = append(subjects, stored(k.Quarantine.Key, k.Quarantine.SHA256))
		}
	}
	return Statement{
		Type: StatementType, Subject: subjects, PredicateType: PredicateType,
		Predicate: Predicate{
			Version: Version, Certificate: stored(CertificateKey(c.Segment, c.Load), certificateSHA256),
			Load: c.Load, Segment: c.Segment, Stack: c.Stack, Catalog: c.Catalog, Totals: c.Totals, Link: c.Link,
			Received: c.Received, Certified: c.Certified,
		},
	}
}

// ChunkSums is the SHA-256, in hex, of one line a chunk: "start end hashOut hashQuarantined\n", offsets in decimal. It
// binds the statement to the chunks' sums over every record. Those are xxh3: they tell apart inputs that differ by
// accident, not by intent.
func ChunkSums(c Certificate) string {
	lines := sha256.New()
	for _, k := range c.Chunks {
		fmt.Fprintf(lines, "%d %d %s %s\n", k.Start, k.End, k.HashOut, k.HashBad)
	}
	return hex.EncodeToString(lines.Sum(nil))
}

// Envelope is a signed payload: DSSE's JSON envelope.
type Envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     string      `json:"payload"` // base64
	Signatures  []Signature `json:"signatures"`
}

// Signature is one signature of an envelope.
type Signature struct {
	KeyID string `json:"keyid"` // the key's Fingerprint
	Sig   string `json:"sig"`   // base64 of a DER-encoded ECDSA signature over the SHA-256 of PAE
}

// NewEnvelope puts a payload and its signature into an envelope.
func NewEnvelope(payload []byte, fingerprint string, signature []byte) Envelope {
	return Envelope{
		PayloadType: PayloadType, Payload: base64.StdEncoding.EncodeToString(payload),
		Signatures: []Signature{{KeyID: fingerprint, Sig: base64.StdEncoding.EncodeToString(signature)}},
	}
}

// Encode gives the bytes of an envelope's file.
func (e Envelope) Encode() ([]byte, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode the envelope: %w", err)
	}
	return data, nil
}

// ParseEnvelope reads an envelope's file. It accepts what Encode writes and nothing else, so that no byte of a file can
// be changed unseen.
func ParseEnvelope(data []byte) (e Envelope, payload []byte, err error) {
	if err := json.Unmarshal(data, &e); err != nil {
		return e, nil, fmt.Errorf("read the envelope: %w", err)
	}
	written, err := e.Encode()
	if err != nil {
		return e, nil, err
	}
	if !bytes.Equal(written, data) {
		return e, nil, errors.New("the envelope is not in the form in which envelopes are written")
	}
	if e.PayloadType != PayloadType {
		return e, nil, fmt.Errorf("the envelope holds %q, want %q", e.PayloadType, PayloadType)
	}
	if payload, err = base64.StdEncoding.Strict().DecodeString(e.Payload); err != nil {
		return e, nil, fmt.Errorf("the envelope's payload: %w", err)
	}
	return e, payload, nil
}

// PAE is what a signature covers: DSSE's pre-authentication encoding of a payload.
func PAE(payloadType string, payload []byte) []byte {
	b := []byte("DSSEv1 ")
	b = strconv.AppendInt(b, int64(len(payloadType)), 10)
	b = append(append(append(b, ' '), payloadType...), ' ')
	b = strconv.AppendInt(b, int64(len(payload)), 10)
	return append(append(b, ' '), payload...)
}

// Fingerprint names a public key, given in DER (SubjectPublicKeyInfo): "sha256:" and its SHA-256 in hex.
func Fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return "sha256:" + hex.EncodeToString(sum[:])
}
