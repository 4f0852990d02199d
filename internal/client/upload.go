package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"dip/contract"
)

// Limits of a multipart upload: a part is at least 5 MiB, and there are at most 10,000 ("Amazon S3 multipart upload
// limits"). AWS advises 8 to 16 MB; beyond 160 GB the limit on parts requires larger ones.
const (
	partSize   = 16 << 20
	maxParts   = 10_000
	parallel   = 4
	abortAfter = 30 * time.Second
)

// ObjectStore is the part of S3 that uploads need. *s3.Client implements it.
type ObjectStore interface {
	HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	CreateMultipartUpload(context.Context, *s3.CreateMultipartUploadInput,
		...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error)
	UploadPart(context.Context, *s3.UploadPartInput, ...func(*s3.Options)) (*s3.UploadPartOutput, error)
	CompleteMultipartUpload(context.Context, *s3.CompleteMultipartUploadInput,
		...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error)
	AbortMultipartUpload(context.Context, *s3.AbortMultipartUploadInput,
		...func(*s3.Options)) (*s3.AbortMultipartUploadOutput, error)
}

// Upload is one object being uploaded to the landing bucket.
type Upload struct {
	Bucket, Key string
	Metadata    map[string]string
	// Sent is called with the number of bytes of each part that arrived, from several goroutines at once.
	Sent func(bytes int64)
}

// PutFile uploads a file. Every part carries a CRC-32 that S3 checks. If the file changes while it is read, the upload
// fails and leaves nothing behind.
func (u Upload) PutFile(ctx context.Context, store ObjectStore, path string) (contract.Object, error) {
	f, err := os.Open(path)
	if err != nil {
		return contract.Object{}, fmt.Errorf("put: %w", err)
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return contract.Object{}, fmt.Errorf("put: %w", err)
	}
	if !before.Mode().IsRegular() {
		return contract.Object{}, fmt.Errorf("put %s: not a regular file; pipes go through standard input: -", path)
	}
	size := before.Size()
	parts := &fileParts{file: f, size: size, part: max(partSize, roundUp(ceilDiv(size, maxParts), 1<<20))}
	unchanged := func() error {
		after, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("put %s: %w", path, err)
		}
		if after.Size() != size || !after.ModTime().Equal(before.ModTime()) {
			return fmt.Errorf("put %s: the file changed while it was read", path)
		}
		return nil
	}
	return u.put(ctx, store, parts, unchanged)
}

// PutStream uploads r until its end: at most 10,000 parts of 16 MiB, 156 GiB.
func (u Upload) PutStream(ctx context.Context, store ObjectStore, r io.Reader) (contract.Object, error) {
	return u.put(ctx, store, &streamParts{r: r}, func() error { return nil })
}

// parts cuts an input into parts. next returns an empty part at the end.
type parts interface {
	next() (body io.ReadSeeker, size int64, err error)
	all() bool // the last part that next returned reaches the end of the input
}

type fileParts struct {
	file             *os.File
	size, part, done int64
}

func (p *fileParts) next() (io.ReadSeeker, int64, error) {
	n := min(p.part, p.size-p.done)
	body := io.NewSectionReader(p.file, p.done, n)
	p.done += n
	return body, n, nil
}

func (p *fileParts) all() bool { return p.done >= p.size }

type streamParts struct {
	r     io.Reader
	count int
	ended bool
}

func (p *streamParts) next() (io.ReadSeeker, int64, error) {
	if p.ended {
		return bytes.NewReader(nil), 0, nil
	}
	if p.count == maxParts {
		return nil, 0, fmt.Errorf("put: standard input exceeds %d parts of %d bytes: put it as a file", maxParts, partSize)
	}
	data := make([]byte, partSize)
	n, err := io.ReadFull(p.r, data)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		p.ended = true
	case err != nil:
		return nil, 0, fmt.Errorf("put: read the input: %w", err)
	}
	p.count++
	return bytes.NewReader(data[:n]), int64(n), nil
}

func (p *streamParts) all() bool { return p.ended }

func (u Upload) put(ctx context.Context, store ObjectStore, p parts, unchanged func() error) (contract.Object, error) {
	first, size, err := p.next()
	if err != nil {
		return contract.Object{}, err
	}
	once, err := u.once(ctx, store)
	if err != nil {
		return contract.Object{}, err
	}
	var o contract.Object
	if p.all() {
		o, err = u.single(ctx, store, first, size, once, unchanged)
	} else {
		o, err = u.multipart(ctx, store, first, size, p, once, unchanged)
	}
	if err != nil {
		return o, err
	}
	if o.VersionID == "" {
		return o, fmt.Errorf("put s3://%s/%s: no version id returned: is the landing bucket versioned?", o.Bucket, o.Key)
	}
	return o, nil
}

func (u Upload) single(ctx context.Context, store ObjectStore, body io.ReadSeeker, size int64, once once,
	unchanged func() error) (contract.Object, error) {
	o := contract.Object{Bucket: u.Bucket, Key: u.Key, Size: size}
	data, err := io.ReadAll(body)
	if err != nil {
		return o, fmt.Errorf("put: read the input: %w", err)
	}
	if int64(len(data)) != size {
		return o, fmt.Errorf("put: the input ended after %d of %d bytes", len(data), size)
	}
	if err := unchanged(); err != nil {
		return o, err
	}
	out, err := store.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &u.Bucket, Key: &u.Key, Body: bytes.NewReader(data), ContentLength: &size,
		Metadata:          once.metadata,
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
		IfNoneMatch:       once.ifNoneMatch, IfMatch: once.ifMatch,
	})
	if err != nil {
		return u.arrived(ctx, store, o, once, fmt.Errorf("put s3://%s/%s: %w", u.Bucket, u.Key, err))
	}
	u.sent(size)
	o.VersionID, o.ETag = aws.ToString(out.VersionId), aws.ToString(out.ETag)
	return o, nil
}

func (u Upload) multipart(ctx context.Context, store ObjectStore, body io.ReadSeeker, size int64, p parts, once once,
	unchanged func() error) (o contract.Object, err error) {
	o = contract.Object{Bucket: u.Bucket, Key: u.Key}
	created, err := store.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &u.Bucket, Key: &u.Key, Metadata: once.metadata, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
	})
	if err != nil {
		return o, fmt.Errorf("put s3://%s/%s: begin: %w", u.Bucket, u.Key, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, u.abort(ctx, store, created.UploadId))
		}
	}()
	done, size, err := u.sendParts(ctx, store, created.UploadId, body, size, p)
	if err != nil {
		return o, err
	}
	if err := unchanged(); err != nil {
		return o, err
	}
	out, err := store.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &u.Bucket, Key: &u.Key, UploadId: created.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: done},
		IfNoneMatch:     once.ifNoneMatch, IfMatch: once.ifMatch,
	})
	if err != nil {
		o.Size = size
		return u.arrived(ctx, store, o, once, fmt.Errorf("put s3://%s/%s: complete: %w", u.Bucket, u.Key, err))
	}
	o.Size, o.VersionID, o.ETag = size, aws.ToString(out.VersionId), aws.ToString(out.ETag)
	return o, nil
}

// sendParts sends the given first part and the rest. It returns the parts and the total size.
func (u Upload) sendParts(ctx context.Context, store ObjectStore, id *string, body io.ReadSeeker, size int64,
	p parts) ([]types.CompletedPart, int64, error) {
	var done []*types.CompletedPart
	total := int64(0)
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	var readErr error
	for size > 0 && gctx.Err() == nil {
		part := &types.CompletedPart{PartNumber: aws.Int32(int32(len(done) + 1))}
		done = append(done, part)
		total += size
		data, n := body, size
		group.Go(func() error {
			out, err := store.UploadPart(gctx, &s3.UploadPartInput{
				Bucket: &u.Bucket, Key: &u.Key, UploadId: id, PartNumber: part.PartNumber,
				Body: data, ContentLength: &n, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
			})
			if err != nil {
				return fmt.Errorf("put s3://%s/%s: part %d: %w", u.Bucket, u.Key, *part.PartNumber, err)
			}
			part.ETag, part.ChecksumCRC32 = out.ETag, out.ChecksumCRC32
			u.sent(n)
			return nil
		})
		if body, size, readErr = p.next(); readErr != nil {
			break
		}
	}
	if err := errors.Join(group.Wait(), readErr); err != nil {
		return nil, 0, err
	}
	if err := ctx.Err(); err != nil {
		return nil, 0, fmt.Errorf("put s3://%s/%s: %w", u.Bucket, u.Key, context.Cause(ctx))
	}
	completed := make([]types.CompletedPart, len(done))
	for i, part := range done {
		completed[i] = *part
	}
	return completed, total, nil
}

// abort deletes the parts of a failed upload, even if it failed because its context ended.
func (u Upload) abort(ctx context.Context, store ObjectStore, id *string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortAfter)
	defer cancel()
	if _, err := store.AbortMultipartUpload(ctx,
		&s3.AbortMultipartUploadInput{Bucket: &u.Bucket, Key: &u.Key, UploadId: id}); err != nil {
		return fmt.Errorf("abort the upload of s3://%s/%s; a lifecycle rule removes its parts later: %w", u.Bucket, u.Key,
			err)
	}
	return nil
}

func (u Upload) sent(n int64) {
	if u.Sent != nil {
		u.Sent(n)
	}
}

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }

func roundUp(n, to int64) int64 { return ceilDiv(n, to) * to }
