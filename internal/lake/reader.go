package lake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"dip/contract"
	"dip/internal/fault"
)

// Part sizes of ranged reads. AWS advises ranges of 8 to 16 MB, and one connection gives 85 to 90 MB/s ("Performance
// guidelines for Amazon S3"): two ahead of the one in use keep a core busy.
const (
	partSize = 16 << 20
	ahead    = 2
	// A reader that stops soon after an offset reads this much beyond it with the last part before it, and then in parts
	// of overSize, one at a time: most last records are shorter.
	overhang = 64 << 10
	overSize = 1 << 20
)

// Reader reads one version of an object from an offset to its end, in order, with ranges fetched ahead. Memory is
// bounded by (ahead+1) parts. It is not safe for concurrent use.
type Reader struct {
	ctx    context.Context
	cancel context.CancelFunc
	lake   *Lake
	object contract.Object
	next   int64 // offset of the next range to ask for
	soon   int64 // nothing is fetched ahead beyond it
	size   int64 // of the parts before it
	queue  []chan part
	part   []byte // what is left of the part in use
	used   []byte // the part in use
	spare  [][]byte
	err    error
}

type part struct {
	data []byte
	err  error
}

// Stream reads an object version from an offset to its end, with ranges fetched ahead. The caller closes it.
func (l *Lake) Stream(ctx context.Context, o contract.Object, from int64) io.ReadCloser {
	return l.StreamTo(ctx, o, from, o.Size)
}

// StreamTo is Stream for a reader that stops soon after an offset: nothing far beyond that is fetched ahead. It takes
// one request for each 16 MiB up to there, and most often no other.
func (l *Lake) StreamTo(ctx context.Context, o contract.Object, from, soon int64) io.ReadCloser {
	ctx, cancel := context.WithCancel(ctx)
	parts := max(1, (soon-from+partSize-1)/partSize)
	soon = min(soon+overhang, o.Size)
	return &Reader{ctx: ctx, cancel: cancel, lake: l, object: o, next: from, soon: soon,
		size: (soon - from + parts - 1) / parts}
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	for len(r.part) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.fetchAhead()
		if len(r.queue) == 0 {
			r.err = io.EOF
			continue
		}
		got := <-r.queue[0]
		r.queue = r.queue[1:]
		if r.used != nil {
			r.spare = append(r.spare, r.used)
		}
		r.part, r.used, r.err = got.data, got.data, got.err
	}
	n := copy(p, r.part)
	r.part = r.part[n:]
	return n, nil
}

// Close stops the reads under way.
func (r *Reader) Close() error {
	r.cancel()
	return nil
}

func (r *Reader) fetchAhead() {
	for len(r.queue) <= ahead && r.next < r.object.Size {
		from, to := r.next, min(r.next+r.size, r.soon)
		if r.next >= r.soon {
			if len(r.queue) > 0 {
				return
			}
			to = min(r.next+overSize, r.object.Size)
		}
		r.next = to
		done, data := make(chan part, 1), r.buffer(int(to-from))
		r.queue = append(r.queue, done)
		go func() {
			err := r.lake.readFull(r.ctx, r.object, from, data)
			if err != nil {
				data = nil
			}
			done <- part{data, err}
		}()
	}
}

// buffer gives memory for a part: that of one that was read, if it is large enough.
func (r *Reader) buffer(n int) []byte {
	if last := len(r.spare) - 1; last >= 0 && cap(r.spare[last]) >= n {
		b := r.spare[last][:n]
		r.spare = r.spare[:last]
		return b
	}
	return make([]byte, n)
}

// A connection may break in the middle of a body, long after the SDK has stopped retrying: what is missing is asked for
// again, bodyTries times in all.
const (
	bodyTries = 4
	bodyPause = 100 * time.Millisecond // after the first, and twice as long after each further one
)

// ReadRange reads the bytes [from, to) of an object version. Fewer bytes than asked for are an error. A size that
// differs from o's is a permanent one: a reader that stops at a wrong size takes a part for the whole.
func (l *Lake) ReadRange(ctx context.Context, o contract.Object, from, to int64) ([]byte, error) {
	if from >= to {
		return nil, nil
	}
	data := make([]byte, to-from)
	if err := l.readFull(ctx, o, from, data); err != nil {
		return nil, err
	}
	return data, nil
}

func (l *Lake) readFull(ctx context.Context, o contract.Object, from int64, data []byte) error {
	got := 0
	for try, pause := 1, bodyPause; ; try, pause = try+1, 2*pause {
		n, err := l.readBody(ctx, o, from+int64(got), data[got:])
		got += n
		var broken *brokenError
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &broken):
			return err
		case try == bodyTries || ctx.Err() != nil:
			return fmt.Errorf("get %s bytes=%d-%d: %d of %d bytes: %w", URI(o), from, from+int64(len(data))-1, got, len(data),
				err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// brokenError says that a body ended early.
type brokenError struct{ error }

func (e *brokenError) Unwrap() error { return e.error }

// readBody fills data from an offset on. After a brokenError, n bytes of it are good.
func (l *Lake) readBody(ctx context.Context, o contract.Object, from int64, data []byte) (n int, err error) {
	span := fmt.Sprintf("bytes=%d-%d", from, from+int64(len(data))-1)
	in := &s3.GetObjectInput{Bucket: &o.Bucket, Key: &o.Key, Range: &span}
	if o.VersionID != "" {
		in.VersionId = &o.VersionID
	}
	out, err := l.client.GetObject(ctx, in)
	if err != nil {
		return 0, classify(fmt.Errorf("get %s %s: %w", URI(o), span, err))
	}
	defer out.Body.Close()
	if err := checkRange(o, from, aws.ToString(out.ContentRange)); err != nil {
		return 0, fmt.Errorf("get %s %s: %w", URI(o), span, err)
	}
	n, err = io.ReadFull(out.Body, data)
	switch {
	case err == nil:
		return n, nil
	case int64(n) == aws.ToInt64(out.ContentLength): // the object ends here
		return n, fmt.Errorf("get %s %s: %d of %d bytes: %w", URI(o), span, n, len(data), err)
	}
	return n, &brokenError{err}
}

// checkRange compares where a part begins, and the object's size, with a Content-Range such as "bytes 0-99/1234".
func checkRange(o contract.Object, from int64, contentRange string) error {
	span, total, _ := strings.Cut(contentRange, "/")
	size, err := strconv.ParseInt(total, 10, 64)
	switch {
	case err != nil:
		return fmt.Errorf("the response's Content-Range %q has no total", contentRange)
	case size != o.Size:
		return fault.Permanent(fmt.Errorf("the object has %d bytes, its event said %d", size, o.Size))
	case !strings.HasPrefix(span, fmt.Sprintf("bytes %d-", from)):
		return fmt.Errorf("the response's Content-Range %q does not begin at byte %d", contentRange, from)
	}
	return nil
}
