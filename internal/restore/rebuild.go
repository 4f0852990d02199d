package restore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"dip/contract"
	"dip/internal/catalog"
	"dip/internal/fault"
	"dip/internal/ledger"
	"dip/internal/verify"
)

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
