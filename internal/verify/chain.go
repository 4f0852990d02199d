package verify

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"fmt"

	"dip/contract"
	"dip/internal/fault"
)

// link compares a certificate with the one before it in its segment.
func (v *verification) link(ctx context.Context) error {
	c := v.Certificate
	if c.Link == nil {
		return nil
	}
	if c.Link.Number <= 1 {
		v.check(*c.Link == contract.Link{Number: 1}, "the certificate's link is %+v", *c.Link)
		return nil
	}
	data, err := v.Lake.Get(ctx, contract.CertificateKey(c.Segment, c.Link.Load))
	if fault.IsPermanent(err) {
		v.check(false, "the certificate before this one, of load %s, is missing: %v", c.Link.Load, err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the certificate before this one: %w", err)
	}
	v.previous(data, *c.Link)
	return nil
}

// previous checks the file of a certificate that a link names, and returns what it says.
func (v *verification) previous(data []byte, link contract.Link) contract.Certificate {
	var before contract.Certificate
	sum := sha256Hex(data)
	v.check(sum == link.SHA256, "the certificate of load %s has the SHA-256 %s, the chain has %s", link.Load, sum,
		link.SHA256)
	err := json.Unmarshal(data, &before)
	v.check(err == nil, "the certificate of load %s: %v", link.Load, err)
	number := int64(0)
	if before.Link != nil {
		number = before.Link.Number
	}
	v.check(before.Load == link.Load && before.Segment == v.Certificate.Segment && number == link.Number-1,
		"number %d of the chain is the certificate of load %s of segment %s, which has the number %d", link.Number-1,
		before.Load, before.Segment, number)
	return before
}

// ChainOptions are what a segment's chain is proven with.
type ChainOptions struct {
	Lake    Lake
	Segment string
	// Head is the link that the next certificate would have: it names the last one.
	Head      contract.Link
	PublicKey *ecdsa.PublicKey // nil: signatures are not checked
	// Recorded is what the ledger has of a load.
	Recorded func(ctx context.Context, load string) (Recorded, error)
	Progress func(done, total int64) // certificates; may be nil
}

// Recorded is what the ledger has of a certified load.
type Recorded struct {
	Link   *contract.Link
	SHA256 string // of the certificate's file, hex
	// Unpublished says that its certificate may still have to be written.
	Unpublished bool
}

// ChainReport is what was found of a chain.
type ChainReport struct {
	Segment      string    `json:"segment"`
	Verified     bool      `json:"verified"`
	Certificates int64     `json:"certificates"` // in the chain, by its head
	Pending      int64     `json:"pending"`      // not written yet, of loads that are not published
	Checks       int       `json:"checks"`       // comparisons made
	Signature    Signature `json:"signature"`    // verified: of all
	Key          string    `json:"key,omitempty"`
	Problems     []string  `json:"problems,omitempty"`
}

// SignatureText says for people what was found of the signatures.
func (r ChainReport) SignatureText() string {
	return Report{Signature: r.Signature, Key: r.Key}.SignatureText()
}

// Chain walks a segment's chain from its end to its beginning: each certificate has the hash that the one after it
// names, and what the ledger has of its load. A certificate that is missing or was replaced is a problem; past it, the
// walk goes on by the ledger.
func Chain(ctx context.Context, o ChainOptions) (ChainReport, error) {
	r := ChainReport{Segment: o.Segment, Certificates: o.Head.Number - 1, Signature: SignatureNotChecked}
	if o.PublicKey != nil {
		r.Signature = SignatureVerified
	}
	for link := o.Head; link.Number > 1; {
		next, err := r.step(ctx, o, link)
		if err != nil {
			return r, err
		}
		if o.Progress != nil {
			o.Progress(o.Head.Number-link.Number+1, r.Certificates)
		}
		if link.Number == 2 {
			r.add(&verification{}, 1, link.Load, next == contract.Link{Number: 1},
				"the first certificate of the chain links to %+v", next)
		}
		if next.Number != link.Number-1 {
			break // neither the certificate nor the ledger says how it goes on
		}
		link = next
	}
	r.Verified = len(r.Problems) == 0
	return r, nil
}

// step checks the certificate that a link names, and returns its own link.
func (r *ChainReport) step(ctx context.Context, o ChainOptions, link contract.Link) (next contract.Link, err error) {
	recorded, err := o.Recorded(ctx, link.Load)
	if err != nil {
		return next, fmt.Errorf("read the ledger's record of load %s: %w", link.Load, err)
	}
	if recorded.Link != nil {
		next = *recorded.Link
	}
	v := &verification{Options: Options{Lake: o.Lake, PublicKey: o.PublicKey, Unpublished: recorded.Unpublished,
		Certificate: contract.Certificate{Segment: o.Segment}}}
	number := link.Number - 1
	v.check(next.Number == number && recorded.SHA256 == link.SHA256,
		"the ledger has the link %+v and the SHA-256 %q, the chain has %s", next, recorded.SHA256, link.SHA256)
	data, err := o.Lake.Get(ctx, contract.CertificateKey(o.Segment, link.Load))
	switch {
	case fault.IsPermanent(err) && recorded.Unpublished:
		r.Pending++
	case fault.IsPermanent(err):
		v.check(false, "the certificate is missing: %v", err)
	case err != nil:
		return next, fmt.Errorf("read the certificate of load %s: %w", link.Load, err)
	default:
		v.Certificate, v.SHA256 = v.previous(data, link), sha256Hex(data)
		if intact := v.SHA256 == link.SHA256; intact && v.Certificate.Link != nil {
			next = *v.Certificate.Link
		}
		if o.PublicKey != nil && !recorded.Unpublished {
			if err := v.signature(ctx); err != nil {
				return next, err
			}
			if v.report.Signature != SignatureVerified {
				r.Signature = SignatureInvalid
			}
			r.Key = v.report.Key
		}
	}
	r.add(v, number, link.Load, true, "")
	return next, nil
}

// add adds what was found of one certificate.
func (r *ChainReport) add(v *verification, number int64, load string, holds bool, format string, args ...any) {
	v.check(holds, format, args...)
	r.Checks += v.report.Checks
	for _, p := range v.report.Problems {
		if len(r.Problems) < maxProblems {
			r.Problems = append(r.Problems, fmt.Sprintf("number %d, load %s: %s", number, load, p))
		}
	}
}
