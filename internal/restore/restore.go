// Package restore rebuilds the ledger from a copy of the buckets alone, and proves every certificate of the copy.
//
// The lake says what was certified and published: certificates, manifests, catalogs, closings and archives of streams.
// The landing bucket says what was put. What neither says is not rebuilt, and not needed: a load that was under way, or
// had failed, is an object without a certificate, which the sweeper has loaded again; the acknowledgements of an open
// interval are made again from its archive.
package restore

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"dip/contract"
	"dip/internal/lake"
	"dip/internal/ledger"
	"dip/internal/verify"
)

// Lake is the copy of the lake bucket. Its Head and Stream also read inputs in the copy of the landing bucket.
type Lake interface {
	verify.Lake
	List(ctx context.Context, prefix string, visit func(o contract.Object) error) error
}

// Landing is the copy of the landing bucket.
type Landing interface {
	Versions(ctx context.Context, bucket string, after lake.Marker,
		visit func(page []lake.Listed, next lake.Marker) error) error
	Previous(ctx context.Context, o contract.Object) (before contract.Object, same bool, err error)
}

// Table is the ledger that is written: *ledger.Ledger.
type Table interface {
	Empty(ctx context.Context) error
	Restore(ctx context.Context, r ledger.Record) error
	RestoreHead(ctx context.Context, segment string, h ledger.Head) error
	Append(ctx context.Context, segment string, b contract.Archived) (bool, error)
}

// Drill rebuilds a ledger.
type Drill struct {
	Lake      Lake
	Landing   Landing
	Bucket    string           // name of the copy of the landing bucket
	Table     Table            // nil: nothing is written
	PublicKey *ecdsa.PublicKey // nil: signatures are not checked
	// Progress is told of bytes that were read to prove certificates; may be nil.
	Progress func(done, total int64)
}

// summary is what the rebuilding of the ledger needs of each certificate.
type summary struct {
	key      string
	segment  string
	load     string
	sha256   string
	link     *contract.Link
	input    contract.Object
	catalog  string
	interval bool
	expired  bool  // of an interval: its archive is no longer kept
	bytes    int64 // that are read to prove it

	certificate contract.Certificate // while it is proven
}

// state is a drill under way.
type state struct {
	Drill
	original  string // name of the lake bucket that was copied
	manifests map[string]bool
	envelopes map[string]bool
	closings  map[string][]string // keys by segment and load
	all       []summary           // of a segment after the other, the newest first
	landing   landing
	archives  archives
	done      atomic.Int64
	total     int64

	mu     sync.Mutex
	report Report
}

// Run carries the drill out. The report says what contradicts; the error what could not be read or written this time:
// then the table is not complete, and a new one has to be used.
func (d Drill) Run(ctx context.Context) (Report, error) {
	s := &state{Drill: d, manifests: map[string]bool{}, envelopes: map[string]bool{}, closings: map[string][]string{},
		archives: newArchives()}
	s.report.Lake, s.report.Landing = d.Lake.Bucket(), d.Bucket
	if d.Table != nil {
		if err := d.Table.Empty(ctx); err != nil {
			return s.report, err
		}
	}
	for _, step := range []func(context.Context) error{
		s.list, s.origin, s.readAll, s.readLanding, s.frozen, s.archive, s.prove, s.mark, s.heads,
	} {
		if err := step(ctx); err != nil {
			return s.report, err
		}
	}
	s.report.Complete = len(s.report.Problems) == 0
	return s.report, nil
}

// list finds what the lake holds besides rows.
func (s *state) list(ctx context.Context) error {
	for prefix, take := range map[string]func(o contract.Object){
		contract.ManifestPrefix: func(o contract.Object) { s.manifests[o.Key] = true },
		contract.ArchivePrefix:  s.archives.list,
		contract.CertificatePrefix: func(o contract.Object) {
			if strings.HasSuffix(o.Key, ".dsse.json") {
				s.envelopes[o.Key] = true
			} else {
				s.all = append(s.all, summary{key: o.Key})
			}
		},
		contract.CoverPrefix: func(o contract.Object) {
			if strings.HasPrefix(path.Base(o.Key), "closing-") {
				of := strings.TrimPrefix(path.Dir(o.Key), strings.TrimSuffix(contract.CoverPrefix, "/")+"/")
				s.closings[of] = append(s.closings[of], o.Key)
			}
		},
	} {
		err := s.Lake.List(ctx, prefix, func(o contract.Object) error {
			take(o)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// origin finds the name that the lake had when its manifests were written.
func (s *state) origin(ctx context.Context) error {
	s.original = s.Lake.Bucket()
	for key := range s.manifests {
		data, err := s.Lake.Get(ctx, key)
		if err != nil {
			return err
		}
		if bucket, _, ok := strings.Cut(strings.TrimPrefix(string(data), "s3://"), "/"); ok {
			s.original = bucket
			return nil
		}
	}
	return nil
}

// reads is how many small objects are read at once.
const reads = 16

// readAll reads all certificates.
func (s *state) readAll(ctx context.Context) error {
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(reads)
	for i := range s.all {
		group.Go(func() error {
			c, sum, err := s.read(gctx, s.all[i].key)
			if err != nil {
				return err
			}
			s.all[i] = summary{key: s.all[i].key, segment: c.Segment, load: c.Load, sha256: sum, link: c.Link, input: c.Input,
				catalog: c.Catalog, interval: c.Stream != nil, expired: !s.archives.hold(c.Stream),
				bytes: c.Input.Size + c.Totals.BytesOut}
			if key := contract.CertificateKey(c.Segment, c.Load); key != s.all[i].key {
				s.problem("%s is the certificate of load %s of segment %s", s.all[i].key, c.Load, c.Segment)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if c.Stream != nil {
				s.archives.add(c.Segment, c.Stream)
			}
			s.total += s.all[i].bytes
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	slices.SortFunc(s.all, func(a, b summary) int {
		return cmp.Or(cmp.Compare(a.segment, b.segment), cmp.Compare(number(b.link), number(a.link)),
			cmp.Compare(a.load, b.load))
	})
	s.chains()
	s.retained()
	return nil
}

// retained tells archives that have expired from those that are missing: the oldest ones expire, and none between
// others.
func (s *state) retained() {
	kept := map[string]bool{} // by segment: an older interval has its archive
	for i := range slices.Backward(s.all) {
		c := &s.all[i]
		kept[c.segment] = kept[c.segment] || c.interval && !c.expired
		c.expired = c.expired && !kept[c.segment]
	}
}

func number(l *contract.Link) int64 {
	if l == nil {
		return 0
	}
	return l.Number
}

// read reads a certificate, and gives its file's SHA-256.
func (s *state) read(ctx context.Context, key string) (c contract.Certificate, sum string, err error) {
	data, err := s.Lake.Get(ctx, key)
	if err != nil {
		return c, "", err
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, "", fmt.Errorf("read %s: %w", key, err)
	}
	return c, lake.Hash(data), nil
}

func (s *state) readLanding(ctx context.Context) (err error) {
	if s.landing, err = readLanding(ctx, s.Landing, s.Bucket); err != nil {
		return err
	}
	s.landing.claim(s.all)
	return nil
}

// workers is how many certificates are proven at once.
func workers() int { return runtime.GOMAXPROCS(0) }

// copied is the copy under the names that certificates have: of the lake, and of one input.
type copied struct {
	Lake
	original string
	input    contract.Object  // as the certificate names it
	is       *contract.Object // in the copy; nil: it is not there
}

// Bucket is the name of the bucket that was copied: manifests and signatures name it.
func (c copied) Bucket() string { return c.original }

// Head completes an object. The ETag of an input is the certificate's: that of an encrypted object differs from copy to
// copy, and the content is compared in any case.
func (c copied) Head(ctx context.Context, o contract.Object) (contract.Object, error) {
	if c.is != nil && o.Bucket == c.input.Bucket && o.Key == c.input.Key && o.VersionID == c.input.VersionID {
		is, err := c.Lake.Head(ctx, *c.is)
		is.ETag = c.input.ETag
		return is, err
	}
	return c.Lake.Head(ctx, c.here(o))
}

// Stream reads an object.
func (c copied) Stream(ctx context.Context, o contract.Object, from int64) io.ReadCloser {
	return c.Lake.Stream(ctx, c.here(o), from)
}

func (c copied) here(o contract.Object) contract.Object {
	if o.Bucket == c.original {
		o.Bucket = c.Lake.Bucket()
	}
	return o
}
