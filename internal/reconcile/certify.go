package reconcile

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
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

// certify gives the load its place in its segment's chain, then writes its certificate and the signed envelope.
//
// The ledger comes first: from then on the certificate's bytes are fixed, and whoever repeats the step writes the same
// ones. The envelope's bytes are not, since no two signatures are the same: the first one written counts.
func (r *Reconciler) certify(ctx context.Context, load ledger.Load) (contract.StepResponse, error) {
	chunks, err := r.chunks(ctx, load)
	if err != nil {
		return contract.StepResponse{}, err
	}
	certificate, err := Certificate(r.Stack, load, chunks)
	if err != nil {
		// A proof that does not hold is a result: the load fails with it, since a retry would not help.
		return contract.StepResponse{Action: contract.ActionFail, Cause: "the proof does not hold: " + err.Error()}, nil
	}
	segment, err := r.segment(ctx, load)
	if err != nil {
		return contract.StepResponse{}, err
	}
	if why := TooBad(certificate.Totals, segment.MaxBadShare); why != "" {
		return contract.StepResponse{Action: contract.ActionFail, Cause: why}, nil
	}
	if load.Totals == nil {
		if load, err = r.link(ctx, load, certificate); err != nil {
			return contract.StepResponse{}, err
		}
		certificate.Link = load.Link
	}
	data, err := certificate.Encode()
	if err != nil {
		return contract.StepResponse{}, err
	}
	if err := r.putCertificate(ctx, load, data); err != nil {
		return contract.StepResponse{}, err
	}
	statement := contract.NewStatement(certificate, r.Lake.Bucket(), lake.Hash(data),
		lake.Hash(Manifest(r.Lake.Bucket(), chunks)))
	return contract.StepResponse{Action: contract.ActionDone}, r.sign(ctx, load, statement)
}

// Tries to enter a chain, and the wait between two. Of loads that certify at once one enters at a time.
const (
	linkTries    = 60
	longestPause = 500 * time.Millisecond
)

// link certifies a load in the ledger and returns it as it stands there then, linked.
func (r *Reconciler) link(ctx context.Context, load ledger.Load, c contract.Certificate) (ledger.Load, error) {
	for try := range linkTries {
		if try > 0 {
			longest := min(10*time.Millisecond<<min(try, 10), longestPause)
			if err := r.Pause(ctx, rand.N(longest)); err != nil {
				return load, err
			}
		}
		head, err := r.Ledger.Head(ctx, load.Segment)
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
		_, err = r.Ledger.Certify(ctx, load.ID, load.Segment, proof, r.Now())
		if errors.Is(err, ledger.ErrMoved) {
			continue // another load was first
		}
		if err != nil {
			return load, err
		}
		// What stands counts: another invocation of this step may have been first.
		stands, err := r.Ledger.Load(ctx, load.ID)
		if err == nil && stands.Link == nil {
			err = fmt.Errorf("the load is %s", stands.Status)
		}
		return stands, err
	}
	return load, fmt.Errorf("segment %s certifies too many loads at once: no place in its chain after %d tries",
		load.Segment, linkTries)
}

// putCertificate writes the certificate's file, whose hash the ledger has of a linked load. Other bytes would break the
// chain: only code that writes certificates in another form makes them, when it takes over from code that died just
// before this write.
func (r *Reconciler) putCertificate(ctx context.Context, load ledger.Load, data []byte) error {
	key := contract.CertificateKey(load.Segment, load.ID)
	if load.Link == nil || lake.Hash(data) == load.SHA256 {
		return r.put(ctx, key, "application/json", data)
	}
	stored, err := r.Lake.Get(ctx, key)
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
func (r *Reconciler) sign(ctx context.Context, load ledger.Load, s contract.Statement) error {
	payload, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode the statement: %w", err)
	}
	public, err := r.Signer.PublicKey(ctx)
	if err != nil {
		return err
	}
	fingerprint, err := fingerprintOf(public)
	if err != nil {
		return err
	}
	signature, err := r.Signer.Sign(ctx, digest(payload))
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
	if err = r.put(ctx, key, "application/json", envelope); !errors.Is(err, lake.ErrExists) {
		return err
	}
	stored, getErr := r.Lake.Get(ctx, key)
	if getErr != nil {
		return getErr
	}
	if why := signs(stored, s, public); why != nil {
		return fmt.Errorf("%w: %w", err, why)
	}
	return nil
}

// signs says why an envelope is no signature of the same certificate by the same key; nil if it is one. Its statement
// may be worded by other code.
func signs(envelope []byte, s contract.Statement, by *ecdsa.PublicKey) error {
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

func fingerprintOf(key *ecdsa.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("encode the public key: %w", err)
	}
	return contract.Fingerprint(der), nil
}
