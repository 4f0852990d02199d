package restore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"dip/contract"
	"dip/internal/fault"
	"dip/internal/ledger"
	"dip/internal/load"
	"dip/internal/reconcile"
	"dip/internal/verify"
)

// prove rebuilds and proves each certified load. Inputs that are only guessed at come last, one after the other: each
// may turn out to be that of another certificate.
func (s *state) prove(ctx context.Context) error {
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(workers())
	var guessed []summary
	for _, c := range s.all {
		if v := s.landing.of(c); v != nil || c.interval {
			group.Go(func() error { return s.one(gctx, c, v) })
		} else {
			guessed = append(guessed, c)
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, c := range guessed {
		if err := s.guess(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// one rebuilds and proves a load whose input is known.
func (s *state) one(ctx context.Context, c summary, input *version) error {
	r, err := s.load(ctx, &c)
	if err != nil {
		return err
	}
	if c.expired {
		return s.outputs(ctx, c, r)
	}
	report, err := s.verify(ctx, c, r, input)
	if err != nil {
		return err
	}
	s.proven(c, r, report)
	return nil
}

// guess rebuilds and proves a load whose input may be one of several versions, or gone.
func (s *state) guess(ctx context.Context, c summary) error {
	r, err := s.load(ctx, &c)
	if err != nil {
		return err
	}
	candidates, why := s.landing.candidates(c), ""
	for _, v := range candidates {
		report, err := s.verify(ctx, c, r, v)
		if err != nil {
			return err
		}
		if report.Verified {
			v.load = c.load
			s.proven(c, r, report)
			return nil
		}
		why = cmp.Or(why, report.Problems[0])
	}
	if len(candidates) > 0 { // either its input is gone, or something else does not fit: somebody has to look
		s.problem("load %s of segment %s: none of the %d versions that may be its input proves it: %s", c.load, c.segment,
			len(candidates), why)
	}
	return s.outputs(ctx, c, r)
}

// load rebuilds a load and writes it.
func (s *state) load(ctx context.Context, c *summary) (ledger.Record, error) {
	certificate, _, err := s.read(ctx, c.key)
	if err != nil {
		return ledger.Record{}, err
	}
	c.certificate = certificate
	r := Record(certificate, c.sha256, s.manifests[contract.ManifestKey(c.segment, c.load)])
	if !slices.Contains(s.closings[c.segment+"/"+c.load], r.Closing) {
		r.Closing = "" // whoever wrote it did it in another form
	}
	if s.Table != nil {
		err = s.Table.Restore(ctx, r)
	}
	return r, err
}

// verify proves a certificate from the copy, and that the rebuilt ledger amounts to it.
func (s *state) verify(ctx context.Context, c summary, r ledger.Record, input *version) (verify.Report, error) {
	o := verify.Options{Certificate: c.certificate, SHA256: c.sha256, PublicKey: s.PublicKey,
		Unpublished: r.Load.Status != contract.Published}
	if !s.envelopes[contract.EnvelopeKey(c.segment, c.load)] && o.Unpublished {
		o.PublicKey = nil // it is signed when it is published
	}
	from := copied{Lake: s.Lake, original: s.original, input: c.input}
	if input != nil {
		from.is = &input.Object
	}
	o.Lake = from
	if !c.interval {
		recorded, err := reconcile.Certificate(c.certificate.Stack, r.Load, load.Planned(r.Load, r.Chunks))
		if err != nil {
			return verify.Report{Problems: []string{"the rebuilt ledger does not prove it: " + err.Error()}}, nil
		}
		recorded.Totals = c.certificate.Totals
		o.Ledger = &recorded
	}
	report, err := verify.Certificate(ctx, o)
	if err != nil {
		return report, fmt.Errorf("prove the certificate of load %s: %w", c.load, err)
	}
	return report, nil
}

// proven adds what was found of a certificate to the report.
func (s *state) proven(c summary, r ledger.Record, v verify.Report) {
	done := s.done.Add(c.bytes)
	if s.Progress != nil {
		s.Progress(done, s.total)
	}
	for _, p := range v.Problems {
		s.problem("load %s of segment %s: %s", c.load, c.segment, p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.report.segment(c.segment)
	at.count(c, r)
	if len(v.Problems) == 0 {
		at.Proven++
	}
}

// outputs checks what can still be checked of a certificate whose input is gone: that its objects are those that it
// names.
func (s *state) outputs(ctx context.Context, c summary, r ledger.Record) error {
	for _, k := range c.certificate.Chunks {
		written := k.Outputs
		if k.Quarantine != nil {
			written = append(written[:len(written):len(written)], *k.Quarantine)
		}
		for _, o := range written {
			sum, err := s.hash(ctx, o.Key)
			switch {
			case fault.IsPermanent(err):
				s.problem("load %s of segment %s: %v", c.load, c.segment, err)
			case err != nil:
				return fmt.Errorf("read what load %s has written: %w", c.load, err)
			case sum != o.SHA256:
				s.problem("load %s of segment %s: %s does not have the SHA-256 of the certificate", c.load, c.segment, o.Key)
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.report.segment(c.segment)
	at.count(c, r)
	at.InputGone++
	return nil
}

// hash is the SHA-256 of an object of the lake.
func (s *state) hash(ctx context.Context, key string) (string, error) {
	o, err := s.Lake.Head(ctx, contract.Object{Bucket: s.Lake.Bucket(), Key: key})
	if err != nil {
		return "", err
	}
	in := s.Lake.Stream(ctx, o, 0)
	defer in.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, in)
	return hex.EncodeToString(sum.Sum(nil)), err
}
