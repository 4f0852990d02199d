package restore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"dip/contract"
	"dip/internal/catalog"
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

// frozen restores the interval of each stream that is closed but not certified.
func (s *state) frozen(ctx context.Context) error {
	certified := map[string]bool{}
	for _, c := range s.all {
		certified[c.segment+"/"+c.load] = true
	}
	for _, of := range slices.Sorted(maps.Keys(s.closings)) {
		if certified[of] {
			continue
		}
		key := slices.Min(s.closings[of]) // whichever counted, nobody has seen it
		c, _, err := s.read(ctx, key)
		if err != nil {
			return err
		}
		if c.Stream == nil {
			s.problem("%s is not of an interval", key)
			continue
		}
		s.archives.add(c.Segment, c.Stream)
		s.report.segment(c.Segment).Frozen++
		if s.Table == nil {
			continue
		}
		if err := s.Table.Restore(ctx, frozen(c, key)); err != nil {
			return err
		}
	}
	return nil
}

// archive restores the archives of streams.
func (s *state) archive(ctx context.Context) error {
	all, problems, err := s.archives.rebuild(ctx, s.Lake)
	if err != nil {
		return err
	}
	for _, p := range problems {
		s.problem("%s", p)
	}
	for name, batches := range all {
		s.report.segment(name.segment).Archived += len(batches)
		if s.Table == nil {
			continue
		}
		for _, b := range batches {
			ok, err := s.Table.Append(ctx, name.segment, b)
			if err == nil && !ok {
				err = fmt.Errorf("shard %s goes on behind record %s in two ways", name.shard, b.After)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// mark restores what is known of inputs without a certificate.
func (s *state) mark(ctx context.Context) error {
	if err := s.landing.compare(ctx, s.Landing); err != nil {
		return err
	}
	rules, catalogs := map[string]rule{}, &catalog.Reader{Lake: s.Lake}
	for _, c := range s.all { // the newest of each segment comes first
		if _, known := rules[c.segment]; known {
			continue
		}
		definition, err := catalogs.Segment(ctx, c.catalog, c.segment)
		if err != nil && !fault.IsPermanent(err) { // of a permanent one, the certificate's proof has told
			return err
		}
		rules[c.segment] = rule{c.catalog, definition.Loads.SkipSame}
	}
	m := s.landing.mark(rules)
	for _, r := range m.records {
		s.report.mark(r)
		if s.Table == nil {
			continue
		}
		if err := s.Table.Restore(ctx, r); err != nil {
			return err
		}
	}
	s.report.again(m.again)
	return nil
}

// heads restores the end of each segment's chain, when all before it is there, and proves the chain.
func (s *state) heads(ctx context.Context) error {
	records := map[string]verify.Recorded{}
	heads := map[string]ledger.Head{}
	for _, c := range s.all {
		records[c.load] = verify.Recorded{Link: c.link, SHA256: c.sha256,
			Unpublished: !s.manifests[contract.ManifestKey(c.segment, c.load)]}
		if _, known := heads[c.segment]; !known && c.link != nil {
			heads[c.segment] = ledger.Head{Number: c.link.Number, Load: c.load, SHA256: c.sha256}
		}
	}
	for _, segment := range slices.Sorted(maps.Keys(heads)) {
		if s.Table != nil {
			if err := s.Table.RestoreHead(ctx, segment, heads[segment]); err != nil {
				return err
			}
		}
		r, err := verify.Chain(ctx, verify.ChainOptions{
			Lake: copied{Lake: s.Lake, original: s.original}, Segment: segment, Head: heads[segment].Next(),
			PublicKey: s.PublicKey, Recorded: func(_ context.Context, load string) (verify.Recorded, error) {
				return records[load], nil
			},
		})
		if err != nil {
			return fmt.Errorf("prove the chain of segment %s: %w", segment, err)
		}
		at := s.report.segment(segment)
		at.Head, at.Chain, at.Signature = heads[segment].Number, r.Verified, r.Signature
		for _, p := range r.Problems {
			s.problem("chain of segment %s: %s", segment, p)
		}
	}
	slices.SortFunc(s.report.Segments, func(a, b *Segment) int { return cmp.Compare(a.Segment, b.Segment) })
	return nil
}
