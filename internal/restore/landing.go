package restore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"dip/contract"
	"dip/internal/lake"
	"dip/internal/ledger"
)

// version is one version of an object in the copy of the landing bucket.
type version struct {
	lake.Listed
	load string // whose input it is; "": of no certificate
	same bool   // the version right before it has the same content
}

func (v version) id() string { return contract.LoadID(v.Object) }

// landing is the copy of the landing bucket: the versions of each key, newest first.
type landing map[string][]*version

func readLanding(ctx context.Context, from Landing, bucket string) (landing, error) {
	all := landing{}
	err := from.Versions(ctx, bucket, lake.Marker{}, func(page []lake.Listed, _ lake.Marker) error {
		for _, v := range page {
			if !contract.FolderMarker(v.Object) {
				all[v.Key] = append(all[v.Key], &version{Listed: v})
			}
		}
		return nil
	})
	return all, err
}

// claim finds the inputs of certificates for sure: the same version, or, in a copy whose versions have ids of their
// own, one of the same key, size and ETag, the newest first. Certificates come newest first, too.
func (l landing) claim(certificates []summary) {
	for _, same := range []func(contract.Object, contract.Object) bool{
		func(v, in contract.Object) bool { return v.VersionID == in.VersionID && v.Size == in.Size },
		func(v, in contract.Object) bool { return v.ETag == in.ETag && v.Size == in.Size },
	} {
		for _, c := range certificates {
			if c.interval || l.of(c) != nil {
				continue
			}
			for _, v := range l[c.input.Key] {
				if v.load == "" && same(v.Object, c.input) {
					v.load = c.load
					break
				}
			}
		}
	}
}

// of is the version that is a certificate's input; nil: none is.
func (l landing) of(c summary) *version {
	for _, v := range l[c.input.Key] {
		if v.load == c.load {
			return v
		}
	}
	return nil
}

// candidates may be a certificate's input, by key and size alone: ETags of encrypted objects differ from copy to copy.
func (l landing) candidates(c summary) (list []*version) {
	for _, v := range l[c.input.Key] {
		if v.load == "" && v.Size == c.input.Size {
			list = append(list, v)
		}
	}
	return list
}

// compare finds out which versions repeat the one before them, of the keys where that matters.
func (l landing) compare(ctx context.Context, from Landing) error {
	for _, versions := range l {
		if !slices.ContainsFunc(versions, func(v *version) bool { return v.load == "" }) {
			continue
		}
		for i, v := range versions[:len(versions)-1] {
			if v.Size != versions[i+1].Size {
				continue
			}
			_, same, err := from.Previous(ctx, v.Object)
			if err != nil {
				return err
			}
			v.same = same
		}
	}
	return nil
}

// marked is what is recorded of inputs without a certificate of their own.
type marked struct {
	records []ledger.Record
	again   []contract.Object // without a load: the sweeper has them loaded
}

// mark records the versions of which no other load may be made, or rows would be doubled:
//
//   - A version of the copy that is a certified input under another id is a duplicate of its load.
//   - So is one that repeats the certified version before it, in a segment that skips such repetitions.
//   - One that a certified version after it repeats had failed: putting it again was the retry. Where versions have
//     other ids than the originals, nobody knows which of them it was: all others are duplicates.
//   - Of several that repeat each other, and of which none is certified, the first is loaded.
//
// All others are loaded again. rules has what applies to a segment.
func (l landing) mark(rules map[string]rule) marked {
	var m marked
	for _, key := range slices.Sorted(maps.Keys(l)) {
		r := rules[contract.SegmentOf(key)]
		before := "" // load of the versions so far that have the same content
		certified := false
		for i, v := range slices.Backward(l[key]) {
			if !v.same {
				before, certified = "", false
			}
			switch next := l.retry(key, i); {
			case v.load == v.id():
			case v.load != "":
				m.duplicate(v, r, v.load)
			case before != "" && r.skipSame:
				m.duplicate(v, r, before)
			case !certified && next != nil && next.load == next.id():
				m.failed(v, r, next.load)
				continue
			case !certified && next != nil:
				m.duplicate(v, r, next.load)
				continue
			default:
				m.again = append(m.again, v.Object)
			}
			if before == "" {
				before = cmp.Or(v.load, v.id())
			}
			if v.load != "" {
				before, certified = v.load, true
			}
		}
	}
	return m
}

// retry is the first certified version that repeats version i of a key; nil: there is none.
func (l landing) retry(key string, i int) *version {
	for j := i - 1; j >= 0 && l[key][j].same; j-- {
		if l[key][j].load != "" {
			return l[key][j]
		}
	}
	return nil
}

// rule is what the newest certificate of a segment says of its inputs.
type rule struct {
	catalog  string
	skipSame bool
}

func (m *marked) add(v *version, r rule, status contract.Status, of, reason string) {
	at := v.Modified.UTC().Truncate(time.Millisecond)
	m.records = append(m.records, ledger.Record{Load: ledger.Load{
		ID: v.id(), Segment: contract.SegmentOf(v.Key), Object: v.Object, Catalog: r.catalog, Received: at, Updated: at,
		Status: status, Of: of, Reason: reason,
	}})
}

func (m *marked) duplicate(v *version, r rule, of string) { m.add(v, r, contract.Duplicate, of, "") }

func (m *marked) failed(v *version, r rule, next string) {
	m.add(v, r, contract.Failed, "", fmt.Sprintf("why is not known since the ledger was restored; its content was put "+
		"again, and is certified as load %s", next))
}
