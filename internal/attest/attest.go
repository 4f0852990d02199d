// Package attest gives certificates their place in the chain of their segment, writes them and signs them.
package attest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"time"

	"dip/contract"
	"dip/internal/lake"
	"dip/internal/ledger"
)

// Signer has the key that certificates are signed with: ECDSA on P-256.
type Signer interface {
	// Sign signs a SHA-256. Signatures are DER, and each call gives another one.
	Sign(ctx context.Context, digest [sha256.Size]byte) ([]byte, error)
	PublicKey(ctx context.Context) (*ecdsa.PublicKey, error)
}

// Ledger has the loads and the ends of the chains.
type Ledger interface {
	Load(ctx context.Context, id string) (ledger.Load, error)
	Head(ctx context.Context, segment string) (ledger.Head, error)
	Certify(ctx context.Context, id, segment string, p ledger.Proof, at time.Time) (bool, error)
}

// Lake stores certificates and their envelopes.
type Lake interface {
	Get(ctx context.Context, key string) ([]byte, error)
	PutOnce(ctx context.Context, key, contentType string, body io.ReadSeeker, sha256Hex string) error
	Bucket() string
}

// Attester certifies loads.
type Attester struct {
	Ledger Ledger
	Lake   Lake
	Signer Signer
	Now    func() time.Time
	// Pause waits before the next try to enter a chain that other loads enter at the same time.
	Pause func(ctx context.Context, d time.Duration) error
}

// Certify gives a load its place in its segment's chain, then writes its certificate and the signed envelope. c is the
// certificate; apart from its link, which is set here, it has to be the same whenever the step is repeated.
//
// The ledger comes first: from then on the certificate's bytes are fixed, and whoever repeats the step writes the same
// ones. The envelope's bytes are not, since no two signatures are the same: the first one written counts.
func (a *Attester) Certify(ctx context.Context, load ledger.Load, c contract.Certificate, manifest []byte) error {
	if load.Totals == nil {
		var err error
		if load, err = a.link(ctx, load, c); err != nil {
			return err
		}
	}
	c.Link = load.Link
	data, err := c.Encode()
	if err != nil {
		return err
	}
	if err := a.putCertificate(ctx, load, data); err != nil {
		return err
	}
	return a.sign(ctx, load, contract.NewStatement(c, a.Lake.Bucket(), lake.Hash(data), lake.Hash(manifest)))
}

// Tries to enter a chain, and the wait between two. Of loads that certify at once one enters at a time.
const (
	Tries        = 60
	longestPause = 500 * time.Millisecond
)

// link certifies a load in the ledger and returns it as it stands there then, linked.
func (a *Attester) link(ctx context.Context, load ledger.Load, c contract.Certificate) (ledger.Load, error) {
	for try := range Tries {
		if try > 0 {
			longest := min(10*time.Millisecond<<min(try, 10), longestPause)
			if err := a.Pause(ctx, rand.N(longest)); err != nil {
				return load, err
			}
		}
		head, err := a.Ledger.Head(ctx, load.Segment)
		if err != nil {
			return load, err
		}
		link := head.Next()
		c.Link = &link
		data, err := c.Encode()
		if err != nil {
			return load, err
		}
		proof := ledger.Proof{Totals: c.Totals, Link: link, SHA256: lake.Hash(data)}
		certified, err := a.Ledger.Certify(ctx, load.ID, load.Segment, proof, a.Now())
		if errors.Is(err, ledger.ErrMoved) {
			continue // another load was first
		}
		if err != nil {
			return load, err
		}
		if certified {
			load.Status, load.Totals, load.Link, load.SHA256 = contract.Certified, &c.Totals, &link, proof.SHA256
			return load, nil
		}
		// What stands counts: another invocation of this step may have been first.
		stands, err := a.Ledger.Load(ctx, load.ID)
		if err == nil && stands.Link == nil {
			err = fmt.Errorf("the load is %s", stands.Status)
		}
		return stands, err
	}
	return load, fmt.Errorf("segment %s certifies too many loads at once: no place in its chain after %d tries",
		load.Segment, Tries)
}

// putCertificate writes the certificate's file, whose hash the ledger has of a linked load. Other bytes would break
// the chain: only code that writes certificates in another form makes them, when it takes over from code that died
// just before this write.
func (a *Attester) putCertificate(ctx context.Context, load ledger.Load, data []byte) error {
	key := contract.CertificateKey(load.Segment, load.ID)
	if load.Link == nil || lake.Hash(data) == load.SHA256 {
		return a.put(ctx, key, "application/json", data)
	}
	stored, err := a.Lake.Get(ctx, key)
	if err == nil && lake.Hash(stored) != load.SHA256 {
		err = errors.New("the stored one has another hash too")
	}
	if err != nil {
		return fmt.Errorf("this version writes the certificate with the SHA-256 %s, the chain has %s: redrive the load "+
			"with the version that certified it: %w", lake.Hash(data), load.SHA256, err)
	}
	return nil
}

// sign writes the envelope of a statement unless the certificate has one.
func (a *Attester) sign(ctx context.Context, load ledger.Load, s contract.Statement) error {
	payload, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode the statement: %w", err)
	}
	public, err := a.Signer.PublicKey(ctx)
	if err != nil {
		return err
	}
	fingerprint, err := Fingerprint(public)
	if err != nil {
		return err
	}
	signature, err := a.Signer.Sign(ctx, digest(payload))
	if err != nil {
		return err
	}
	if !ecdsa.VerifyASN1(public, hash(payload), signature) {
		return fmt.Errorf("the signature does not fit the key %s: it is not written, since it could not be replaced",
			fingerprint)
	}
	envelope, err := contract.NewEnvelope(payload, fingerprint, signature).Encode()
	if err != nil {
		return err
	}
	key := contract.EnvelopeKey(load.Segment, load.ID)
	if err = a.put(ctx, key, "application/json", envelope); !errors.Is(err, lake.ErrExists) {
		return err
	}
	stored, getErr := a.Lake.Get(ctx, key)
	if getErr != nil {
		return getErr
	}
	if why := Signs(stored, s, public); why != nil {
		return fmt.Errorf("%w: %w", err, why)
	}
	return nil
}

// Signs says why an envelope is no signature of the same certificate by the same key; nil if it is one. Its statement
// may be worded by other code.
func Signs(envelope []byte, s contract.Statement, by *ecdsa.PublicKey) error {
	e, payload, err := contract.ParseEnvelope(envelope)
	if err != nil {
		return err
	}
	var stored contract.Statement
	if err := json.Unmarshal(payload, &stored); err != nil {
		return fmt.Errorf("read the statement: %w", err)
	}
	if !maps.Equal(stored.Predicate.Certificate.Digest, s.Predicate.Certificate.Digest) {
		return errors.New("the envelope is of another certificate")
	}
	for _, signature := range e.Signatures {
		sig, err := base64.StdEncoding.DecodeString(signature.Sig)
		if err == nil && ecdsa.VerifyASN1(by, hash(payload), sig) {
			return nil
		}
	}
	return errors.New("the envelope is not signed by the stack's key")
}

func digest(payload []byte) [sha256.Size]byte {
	return sha256.Sum256(contract.PAE(contract.PayloadType, payload))
}

func hash(payload []byte) []byte {
	sum := digest(payload)
	return sum[:]
}

// Fingerprint names a public key; see contract.Fingerprint.
func Fingerprint(key *ecdsa.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("encode the public key: %w", err)
	}
	return contract.Fingerprint(der), nil
}

func (a *Attester) put(ctx context.Context, key, contentType string, data []byte) error {
	return a.Lake.PutOnce(ctx, key, contentType, bytes.NewReader(data), lake.Hash(data))
}
