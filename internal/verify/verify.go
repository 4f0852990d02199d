// Package verify proves a certificate again from scratch: it reads the input with a plain sequential reader and the
// outputs with Apache Arrow, and shares no reading or writing code with what made them. What a value means is defined
// by package tableschema alone.
package verify

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"io"
	"strings"

	"dip/contract"
	"dip/internal/fault"
	"dip/tableschema"
)

// Lake reads objects. Errors that no retry cures, such as a deleted object, are permanent (package fault).
type Lake interface {
	Get(ctx context.Context, key string) ([]byte, error)
	// Head completes size and ETag of the version that o names.
	Head(ctx context.Context, o contract.Object) (contract.Object, error)
	Stream(ctx context.Context, o contract.Object, from int64) io.ReadCloser
	Bucket() string
}

// Options of a verification.
type Options struct {
	Lake        Lake
	Certificate contract.Certificate
	SHA256      string // of the certificate's file, hex
	// PublicKey is the key that the certificate must be signed with; nil: its signature is not checked.
	PublicKey *ecdsa.PublicKey
	// Ledger is the certificate built from the ledger; nil offline. Only the ledger knows who worked on a chunk, and
	// when.
	Ledger *contract.Certificate
	// Stream is what an interval's archive is compared with; nil: it is not.
	Stream Stream
	// Unpublished says that the load has no manifest yet.
	Unpublished bool
	Progress    func(done, total int64) // bytes read of input and outputs; may be nil
}

// Report is what a verification found.
type Report struct {
	Load        string `json:"load"`
	Verified    bool   `json:"verified"`
	RowsIn      int64  `json:"rowsIn"`      // records that the sequential reader saw
	RowsOut     int64  `json:"rowsOut"`     // rows that the Parquet files hold
	Quarantined int64  `json:"quarantined"` // records that the quarantine files hold
	Checks      int    `json:"checks"`      // comparisons made
	// Signature is what was found of the certificate's signature.
	Signature Signature `json:"signature"`
	Key       string    `json:"key,omitempty"` // fingerprint of the key that signed
	Stream    *Retained `json:"stream,omitempty"`
	Problems  []string  `json:"problems,omitempty"`
}

// tally sums up one chunk's records.
type tally struct {
	out, bad       int64
	in, badLines   int64 // lines of all records, and of those that do not fit
	rawOut, rawBad sum
	rows           sum // values of the records that fit
	rejects        sum // byte ranges and bytes of those that do not
	skipped        contract.Skipped
}

type verification struct {
	Options
	report  Report
	segment contract.Segment
	schema  *tableschema.Schema
	dialect contract.Dialect
	columns []int // CSV: of the schema's fields, by the input's own header
	tallies []tally
	done    int64
	total   int64
}

// maxProblems bounds a report; a certificate for other data would list every record.
const maxProblems = 50

func (v *verification) check(holds bool, format string, args ...any) {
	v.report.Checks++
	if !holds && len(v.report.Problems) < maxProblems {
		v.report.Problems = append(v.report.Problems, fmt.Sprintf(format, args...))
	}
}

// Certificate proves a certificate again. The report lists every mismatch and every missing or damaged object; the
// error says what could not be read this time.
func Certificate(ctx context.Context, o Options) (Report, error) {
	v := &verification{Options: o, report: Report{Load: o.Certificate.Load}}
	v.total = o.Certificate.Input.Size + o.Certificate.Totals.BytesOut
	v.ledger()
	v.arithmetic()
	input := v.input
	if o.Certificate.Stream != nil {
		input = v.archived
	}
	for _, read := range []func(context.Context) error{
		v.signature, v.link, v.definition, v.manifest, input, v.chunks,
	} {
		err := read(ctx)
		if fault.IsPermanent(err) {
			v.check(false, "%v", err)
			break
		}
		if err != nil {
			return v.report, err
		}
	}
	v.report.Verified = len(v.report.Problems) == 0
	return v.report, nil
}

// manifest compares what is published with the certificate: the Parquet objects in order.
func (v *verification) manifest(ctx context.Context) error {
	if v.Unpublished {
		return nil
	}
	c := v.Certificate
	data, err := v.Lake.Get(ctx, contract.ManifestKey(c.Segment, c.Load))
	if err != nil {
		return fmt.Errorf("read the manifest: %w", err)
	}
	v.check(string(data) == listed(c, v.Lake.Bucket()), "the manifest does not list the certificate's outputs")
	return nil
}

// listed is the manifest that a certificate's outputs make.
func listed(c contract.Certificate, bucket string) string {
	var lines strings.Builder
	for _, k := range c.Chunks {
		for _, o := range k.Outputs {
			fmt.Fprintf(&lines, "s3://%s/%s\n", bucket, o.Key)
		}
	}
	return lines.String()
}

// counted reports progress.
type counted struct {
	io.Reader
	v *verification
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.v.done += int64(n)
	if c.v.Progress != nil {
		c.v.Progress(c.v.done, c.v.total)
	}
	return n, err
}
