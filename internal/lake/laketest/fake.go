// Package laketest provides an in-memory object store for tests, and the conformance suite that it and the real lake
// pass.
package laketest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"dip/contract"
	"dip/internal/fault"
	"dip/internal/intercept"
	"dip/internal/lake"
)

// Op is an operation on the fake, as its hooks see it.
type Op struct {
	Name        string // of the method; a Stream's operation is its first Read
	Bucket, Key string
	Version     string
	From, To    int64  // of the bytes read: [From, To)
	ContentType string // of the object put
	Write       bool
}

// Fake is an in-memory object store with the rules of the real lake. Any bucket that is named exists and is versioned.
// It is safe for concurrent use.
type Fake struct {
	intercept.Hooks[Op]
	// Wrap, when set, wraps every stream: to count reads, cut a stream short, or return a byte at a time.
	Wrap func(io.Reader) io.Reader
	// Now is the clock of new versions.
	Now func() time.Time
	// Page is the maximum number of versions in a page of a listing.
	Page int

	bucket string
	*store
}

// store is what fakes share that are handles on the same buckets.
type store struct {
	mu      sync.Mutex
	objects map[string][]version // by bucket/key, oldest first
	puts    int
	streams int
}

type version struct {
	lake.Listed
	content []byte
	sum     string // recorded by PutOnce; "" if something else wrote the object
	deleted bool   // a delete marker
}

// New makes an empty store whose outputs go to bucket.
func New(bucket string) *Fake {
	return &Fake{bucket: bucket, Now: time.Now, Page: 1000, store: &store{objects: map[string][]version{}}}
}

// With is another process's handle on the same buckets, with hooks of its own.
func (f *Fake) With(hooks intercept.Hooks[Op]) *Fake {
	return &Fake{Hooks: hooks, Wrap: f.Wrap, Now: f.Now, Page: f.Page, bucket: f.bucket, store: f.store}
}

// Put stores a version of an object, as a client other than the lake does, and returns its name and size.
func (f *Fake) Put(bucket, key string, content []byte) contract.Object {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.put(bucket, key, version{content: bytes.Clone(content)})
}

// Delete adds a delete marker and returns its name.
func (f *Fake) Delete(bucket, key string) contract.Object {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.put(bucket, key, version{deleted: true})
}

func (f *Fake) put(bucket, key string, v version) contract.Object {
	f.puts++
	v.Listed = lake.Listed{Modified: f.Now(), Object: contract.Object{
		Bucket: bucket, Key: key, VersionID: "v" + strconv.Itoa(f.puts),
		Size: int64(len(v.content)), ETag: lake.Hash(v.content)[:32],
	}}
	f.objects[bucket+"/"+key] = append(f.objects[bucket+"/"+key], v)
	return v.Object
}

// Corrupt changes the content of an object's newest version, as no store ever should.
func (f *Fake) Corrupt(bucket, key string, edit func([]byte) []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	versions := f.objects[bucket+"/"+key]
	newest := &versions[len(versions)-1] // or the test is wrong
	newest.content = edit(bytes.Clone(newest.content))
	newest.Size = int64(len(newest.content))
}

// Contents returns the contents of a bucket's objects by key.
func (f *Fake) Contents(bucket string) map[string]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	contents := map[string]string{}
	for path, versions := range f.objects {
		if key, ok := strings.CutPrefix(path, bucket+"/"); ok && !versions[len(versions)-1].deleted {
			contents[key] = string(versions[len(versions)-1].content)
		}
	}
	return contents
}

// Streams is the number of open streams.
func (f *Fake) Streams() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.streams
}

// Bucket is the bucket that outputs go to.
func (f *Fake) Bucket() string { return f.bucket }

// find returns a version of an object, or the newest one; a missing one is a permanent error.
func (f *Fake) find(bucket, key, id string) (*version, error) {
	versions := f.objects[bucket+"/"+key]
	for i := range slices.Backward(versions) {
		v := &versions[i]
		switch {
		case id != "" && v.VersionID != id:
			continue
		case v.deleted:
			return nil, fault.Permanent(fmt.Errorf("s3://%s/%s is deleted", bucket, key))
		}
		return v, nil
	}
	o := contract.Object{Bucket: bucket, Key: key, VersionID: id}
	return nil, fault.Permanent(fmt.Errorf("no object %s", lake.URI(o)))
}

func (f *Fake) do(ctx context.Context, op Op, do func() error) error {
	return f.Do(ctx, op, func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		return do()
	})
}

// PutOnce writes an output unless it exists. Unlike S3 it checks the hash against the content.
func (f *Fake) PutOnce(ctx context.Context, key, contentType string, body io.ReadSeeker, sha256Hex string) error {
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("put %s: rewind: %w", key, err)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	if sum := lake.Hash(content); sum != sha256Hex {
		return fmt.Errorf("put %s: the content's SHA-256 is %s, not %s", key, sum, sha256Hex)
	}
	op := Op{Name: "PutOnce", Bucket: f.bucket, Key: key, To: int64(len(content)), ContentType: contentType, Write: true}
	return f.do(ctx, op, func() error {
		there, err := f.find(f.bucket, key, "")
		switch {
		case err != nil:
			f.put(f.bucket, key, version{content: content, sum: sha256Hex})
		case there.sum != sha256Hex:
			return fault.Permanent(fmt.Errorf("s3://%s/%s %w: sha256 %s, want %s",
				f.bucket, key, lake.ErrExists, there.sum, sha256Hex))
		}
		return nil
	})
}

// Get reads a whole object of the output bucket.
func (f *Fake) Get(ctx context.Context, key string) (content []byte, err error) {
	err = f.do(ctx, Op{Name: "Get", Bucket: f.bucket, Key: key}, func() error {
		v, err := f.find(f.bucket, key, "")
		if err != nil {
			return fmt.Errorf("get: %w", err)
		}
		content = bytes.Clone(v.content)
		return nil
	})
	return content, err
}

// Head completes an object's size, ETag and version.
func (f *Fake) Head(ctx context.Context, o contract.Object) (contract.Object, error) {
	err := f.do(ctx, Op{Name: "Head", Bucket: o.Bucket, Key: o.Key, Version: o.VersionID}, func() error {
		v, err := f.find(o.Bucket, o.Key, o.VersionID)
		if err != nil {
			return fmt.Errorf("head: %w", err)
		}
		o = v.Object
		return nil
	})
	return o, err
}

// ReadRange reads the bytes [from, to) of an object version. Fewer bytes than asked for, and another size than o says,
// are errors.
func (f *Fake) ReadRange(ctx context.Context, o contract.Object, from, to int64) ([]byte, error) {
	data, err := f.read(ctx, "ReadRange", o, from, to)
	return bytes.Clone(data), err
}

// read returns part of a version's content, which must not be modified.
func (f *Fake) read(ctx context.Context, name string, o contract.Object, from, to int64) (data []byte, err error) {
	if from >= to {
		return nil, nil
	}
	op := Op{Name: name, Bucket: o.Bucket, Key: o.Key, Version: o.VersionID, From: from, To: to}
	err = f.do(ctx, op, func() error {
		v, err := f.find(o.Bucket, o.Key, o.VersionID)
		size := int64(0)
		if err == nil {
			size = int64(len(v.content))
		}
		switch {
		case err != nil:
			return fmt.Errorf("read: %w", err)
		case from < 0 || from >= size:
			return fault.Permanent(fmt.Errorf("read %s from byte %d of %d", lake.URI(o), from, size))
		case size != o.Size:
			return fault.Permanent(fmt.Errorf("read %s: the object has %d bytes, its event said %d", lake.URI(o), size, o.Size))
		case to > size:
			return fmt.Errorf("read %s: %d of %d bytes: %w", lake.URI(o), size-from, to-from, io.ErrUnexpectedEOF)
		}
		data = v.content[from:to]
		return nil
	})
	if err != nil {
		return nil, err
	}
	return data, nil
}

// Stream reads an object version from an offset to its end. The caller closes it.
func (f *Fake) Stream(ctx context.Context, o contract.Object, from int64) io.ReadCloser {
	return f.StreamTo(ctx, o, from, o.Size)
}

// StreamTo is Stream: what is fetched ahead is nobody's business here.
func (f *Fake) StreamTo(ctx context.Context, o contract.Object, from, _ int64) io.ReadCloser {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.streams++
	s := &stream{ctx: ctx, fake: f, object: o, from: from}
	if f.Wrap == nil {
		return s
	}
	return wrapped{f.Wrap(s), s}
}

type wrapped struct {
	io.Reader
	io.Closer
}

// stream reads its object at the first Read.
type stream struct {
	ctx    context.Context
	fake   *Fake
	object contract.Object
	from   int64
	data   *bytes.Reader
	err    error
	closed bool
}

func (s *stream) Read(p []byte) (int, error) {
	if s.data == nil && s.err == nil {
		var data []byte
		data, s.err = s.fake.read(s.ctx, "Stream", s.object, s.from, s.object.Size)
		s.data = bytes.NewReader(data)
	}
	if s.err == nil {
		s.err = s.ctx.Err()
	}
	if s.err != nil {
		return 0, s.err
	}
	return s.data.Read(p)
}

func (s *stream) Close() error {
	s.fake.mu.Lock()
	defer s.fake.mu.Unlock()
	if !s.closed {
		s.closed = true
		s.fake.streams--
	}
	return nil
}

// Previous is the version of an object right before o, and whether it has the same content.
func (f *Fake) Previous(ctx context.Context, o contract.Object) (before contract.Object, same bool, err error) {
	err = f.do(ctx, Op{Name: "Previous", Bucket: o.Bucket, Key: o.Key, Version: o.VersionID}, func() error {
		versions := f.objects[o.Bucket+"/"+o.Key]
		for i := 1; i < len(versions); i++ {
			if old := versions[i-1]; versions[i].VersionID == o.VersionID && !old.deleted {
				before, same = old.Object, bytes.Equal(old.content, versions[i].content)
			}
		}
		return nil
	})
	return before, same && err == nil, err
}

// List lists the current objects of the output bucket below a prefix, in the order of their keys.
func (f *Fake) List(ctx context.Context, prefix string, visit func(o contract.Object) error) error {
	var list []contract.Object
	err := f.do(ctx, Op{Name: "List", Bucket: f.bucket, Key: prefix}, func() error {
		for _, path := range slices.Sorted(maps.Keys(f.objects)) {
			newest := f.objects[path][len(f.objects[path])-1]
			if strings.HasPrefix(path, f.bucket+"/"+prefix) && !newest.deleted {
				list = append(list, newest.Object)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, o := range list {
		if err := visit(o); err != nil {
			return err
		}
	}
	return nil
}

// Versions lists the object versions of a bucket after a marker, page by page, without delete markers.
func (f *Fake) Versions(ctx context.Context, bucket string, after lake.Marker,
	visit func(page []lake.Listed, next lake.Marker) error) error {
	for {
		var page []lake.Listed
		var next lake.Marker
		err := f.do(ctx, Op{Name: "Versions", Bucket: bucket}, func() error {
			page, next = f.page(bucket, after)
			return nil
		})
		if err != nil {
			return err
		}
		if err := visit(page, next); err != nil || next == (lake.Marker{}) {
			return err
		}
		after = next
	}
}

// page is the next page of a listing, in which the newest version of a key comes first.
func (f *Fake) page(bucket string, after lake.Marker) (page []lake.Listed, next lake.Marker) {
	for _, path := range slices.Sorted(maps.Keys(f.objects)) {
		key, ok := strings.CutPrefix(path, bucket+"/")
		if !ok || key < after.Key {
			continue
		}
		skip := key == after.Key
		for _, v := range slices.Backward(f.objects[path]) {
			switch {
			case skip:
				skip = v.VersionID != after.Version
			case !v.deleted && len(page) == f.Page:
				last := page[len(page)-1]
				return page, lake.Marker{Key: last.Key, Version: last.VersionID}
			case !v.deleted:
				page = append(page, v.Listed)
			}
		}
	}
	return page, lake.Marker{}
}
