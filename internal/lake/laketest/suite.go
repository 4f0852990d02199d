package laketest

import (
	"context"
	"io"
	"testing"

	"dip/contract"
	"dip/internal/lake"
)

// Lake has all methods of a lake. *lake.Lake is the real one, *Fake the one in memory.
//
// Every method may be repeated: a second write of the same output has no effect. Errors that no retry cures are marked
// fault.Permanent: an object or version that is missing or deleted, a range that begins past an object's end or whose
// object has another size than stated, and a key that already holds other content. A retry may cure any other error,
// such as fewer bytes than asked for.
type Lake interface {
	Bucket() string
	PutOnce(ctx context.Context, key, contentType string, body io.ReadSeeker, sha256Hex string) error
	Get(ctx context.Context, key string) ([]byte, error)
	Head(ctx context.Context, o contract.Object) (contract.Object, error)
	Stream(ctx context.Context, o contract.Object, from int64) io.ReadCloser
	ReadRange(ctx context.Context, o contract.Object, from, to int64) ([]byte, error)
	List(ctx context.Context, prefix string, visit func(o contract.Object) error) error
	Previous(ctx context.Context, o contract.Object) (before contract.Object, same bool, err error)
	Versions(ctx context.Context, bucket string, after lake.Marker,
		visit func(page []lake.Listed, next lake.Marker) error) error
}

// Subject is an empty lake under test, and what others do to its objects. Its bucket and those named landing and other
// exist, are versioned, and belong to the test; Name returns their real names.
type Subject struct {
	Lake
	Name   func(bucket string) string
	Put    func(bucket, key string, content []byte) contract.Object // with its version
	Delete func(bucket, key string) contract.Object                 // the delete marker
}

var scenarios = []struct {
	name string
	run  func(*testing.T, Subject)
}{
	{"PutOnce", putOnce},
	{"PutOnce rewinds", putOnceRewinds},
	{"PutOnce over a foreign object", putOnceBesideAForeignObject},
	{"PutOnce by several writers", severalWriters},
	{"Get", get},
	{"Head", head},
	{"ReadRange", readRange},
	{"ReadRange past the end", readRangePastTheEnd},
	{"Stream", streaming},
	{"Stream that fails", streamThatFails},
	{"a wrong size", wrongSize},
	{"missing objects", notThere},
	{"List", listing},
	{"Versions", versions},
	{"Previous", previous},
	{"a context that has ended", endedContext},
	{"random operations", randomOperations},
}

// Conform checks that the lakes that open returns follow the rules. Each scenario opens its own.
func Conform(t *testing.T, open func(*testing.T) Subject) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) { s.run(t, open(t)) })
	}
}
