package restore

import (
	"fmt"
	"slices"

	"dip/contract"
	"dip/internal/lake"
	"dip/internal/ledger"
	"dip/internal/verify"
)

// Report is what a drill found.
type Report struct {
	Lake     string     `json:"lake"` // the copies
	Landing  string     `json:"landing"`
	Complete bool       `json:"complete"` // nothing contradicts: there are no problems
	Segments []*Segment `json:"segments"`

	Duplicates int `json:"duplicates"` // inputs that are, or repeat, those of a certified load
	Retried    int `json:"retried"`    // inputs that had failed, and were put again
	// Again are inputs without a certificate: loads that were under way or had failed, and objects whose event had not
	// come. The sweeper has them loaded. The first ones, and their number.
	Again      []string `json:"again,omitempty"`
	AgainCount int      `json:"againCount"`

	Problems []string `json:"problems,omitempty"` // the first ones
	More     int      `json:"moreProblems,omitempty"`
}

// Segment is what was found of a segment.
type Segment struct {
	Segment      string `json:"segment"`
	Certificates int    `json:"certificates"`
	Proven       int    `json:"proven"`      // of them, from input to outputs
	InputGone    int    `json:"inputGone"`   // of them, only the outputs could be checked: the input has expired
	Unpublished  int    `json:"unpublished"` // of them: the sweeper has them published
	RowsIn       int64  `json:"rowsIn"`      // by the certificates
	RowsOut      int64  `json:"rowsOut"`
	Quarantined  int64  `json:"quarantined"`
	Head         int64  `json:"head"`     // number of the last certificate of the chain; 0: there is no chain
	Chain        bool   `json:"chain"`    // the chain is proven
	Archived     int    `json:"archived"` // batches of the stream
	Frozen       int    `json:"frozen"`   // intervals that are closed but not certified
	// Signature is what was found of the signatures of the chain.
	Signature verify.Signature `json:"signature,omitempty"`
}

// listed bounds the lists of a report.
const listed = 50

func (r *Report) segment(name string) *Segment {
	for _, s := range r.Segments {
		if s.Segment == name {
			return s
		}
	}
	s := &Segment{Segment: name}
	r.Segments = append(r.Segments, s)
	return s
}

func (s *Segment) count(c summary, r ledger.Record) {
	t := c.certificate.Totals
	s.Certificates, s.RowsIn, s.RowsOut = s.Certificates+1, s.RowsIn+t.RowsIn, s.RowsOut+t.RowsOut
	s.Quarantined += t.Quarantined
	if r.Load.Status != contract.Published {
		s.Unpublished++
	}
}

func (r *Report) mark(m ledger.Record) {
	if m.Load.Status == contract.Duplicate {
		r.Duplicates++
	} else {
		r.Retried++
	}
}

func (r *Report) again(list []contract.Object) {
	r.AgainCount = len(list)
	for _, o := range list[:min(len(list), listed)] {
		r.Again = append(r.Again, lake.URI(o))
	}
}

func (s *state) problem(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.report.Problems) == listed {
		s.report.More++
		return
	}
	s.report.Problems = append(s.report.Problems, fmt.Sprintf(format, args...))
}

// chains finds what certificates say of chains that no chain shows: two with one place, and rows that are published
// without a certificate.
func (s *state) chains() {
	published := map[string]bool{}
	for i, c := range s.all {
		published[contract.ManifestKey(c.segment, c.load)] = true
		if i > 0 && c.link != nil && s.all[i-1].segment == c.segment && number(s.all[i-1].link) == c.link.Number {
			s.problem("loads %s and %s have the same number %d in the chain of segment %s", s.all[i-1].load, c.load,
				c.link.Number, c.segment)
		}
	}
	for key := range s.manifests {
		if !published[key] {
			s.problem("%s publishes rows, but their certificate is missing", key)
		}
	}
	slices.Sort(s.report.Problems)
}
