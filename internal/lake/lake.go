// Package lake reads inputs from, and writes outputs to, S3.
//
// Writes are write-once: an output's key is derived from what it holds, and a writer that finds its own output there
// has nothing to do. Reads are pinned to an object's version.
package lake

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"

	"dip/contract"
	"dip/internal/fault"
)

// Lake is access to S3. Its methods may be called by several goroutines at once.
type Lake struct {
	client *s3.Client
	bucket string // of outputs
}

// New makes a Lake that writes to bucket.
func New(client *s3.Client, bucket string) *Lake { return &Lake{client: client, bucket: bucket} }

// Bucket is the bucket that outputs go to.
func (l *Lake) Bucket() string { return l.bucket }

// metaSHA256 is the metadata key under which an output's hash is kept. Versions of this code that did not send
// checksums recognize their own objects by it.
const metaSHA256 = "sha256"

// ErrExists reports a key that already holds other content.
var ErrExists = errors.New("exists with other content")

// PutOnce writes an output unless it is there already. S3 is sent the SHA-256, stores nothing that has another one, and
// keeps it. An existing object with the same SHA-256 is a success, one with another content a permanent error that is
// ErrExists: two different results must never share a key.
func (l *Lake) PutOnce(ctx context.Context, key, contentType string, body io.ReadSeeker, sha256Hex string) error {
	const tries = 5 // a 409 means that another write of the same key is in flight
	sum, err := hex.DecodeString(sha256Hex)
	if err != nil || len(sum) != sha256.Size {
		return fmt.Errorf("put %s: %q is not a SHA-256", key, sha256Hex)
	}
	class, err := storageClass(body)
	if err != nil {
		return fmt.Errorf("put %s: rewind: %w", key, err)
	}
	for range tries {
		if _, err = body.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("put %s: rewind: %w", key, err)
		}
		_, err = l.client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &l.bucket, Key: &key, Body: body, ContentType: &contentType,
			IfNoneMatch:       aws.String("*"),
			StorageClass:      class,
			ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
			ChecksumSHA256:    aws.String(base64.StdEncoding.EncodeToString(sum)),
			Metadata:          map[string]string{metaSHA256: sha256Hex},
		}, signedWith(sum))
		switch status(err) {
		case http.StatusPreconditionFailed:
			return l.sameContent(ctx, key, sha256Hex)
		case http.StatusConflict:
			continue
		}
		break
	}
	if err != nil {
		return fmt.Errorf("put s3://%s/%s: %w", l.bucket, key, err)
	}
	return nil
}

// signedWith signs a request with the SHA-256 of its body, for which the SDK would read the whole body first.
func signedWith(sum []byte) func(*s3.Options) {
	return s3.WithAPIOptions(func(stack *middleware.Stack) error {
		return stack.Build.Add(middleware.BuildMiddlewareFunc("KnownPayloadHash", func(
			ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler,
		) (middleware.BuildOutput, middleware.Metadata, error) {
			return next.HandleBuild(v4.SetPayloadHash(ctx, hex.EncodeToString(sum)), in)
		}), middleware.Before)
	})
}

// tiered is the size from which Intelligent-Tiering moves an object, bytes ("How S3 Intelligent-Tiering works").
const tiered = 128 << 10

// storageClass puts large outputs into Intelligent-Tiering at once: the lifecycle's transition on day 0 would cost a
// request more for each.
func storageClass(body io.Seeker) (types.StorageClass, error) {
	size, err := body.Seek(0, io.SeekEnd)
	if size >= tiered {
		return types.StorageClassIntelligentTiering, err
	}
	return "", err
}

func (l *Lake) sameContent(ctx context.Context, key, sha256Hex string) error {
	head, err := l.client.HeadObject(ctx,
		&s3.HeadObjectInput{Bucket: &l.bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		return fmt.Errorf("compare with existing s3://%s/%s: %w", l.bucket, key, err)
	}
	got := head.Metadata[metaSHA256]
	if proven, err := base64.StdEncoding.DecodeString(aws.ToString(head.ChecksumSHA256)); err == nil && len(proven) > 0 {
		got = hex.EncodeToString(proven)
	}
	if got != sha256Hex {
		return fault.Permanent(fmt.Errorf("s3://%s/%s %w: sha256 %s, want %s", l.bucket, key, ErrExists, got, sha256Hex))
	}
	return nil
}

// Get reads a whole object of the output bucket: catalogs, certificates, manifests.
func (l *Lake) Get(ctx context.Context, key string) ([]byte, error) {
	out, err := l.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &l.bucket, Key: &key})
	if err != nil {
		return nil, classify(fmt.Errorf("get s3://%s/%s: %w", l.bucket, key, err))
	}
	defer out.Body.Close()
	data, err := io.ReadAll(out.Body)
	if err != nil {
		return nil, fmt.Errorf("read s3://%s/%s: %w", l.bucket, key, err)
	}
	return data, nil
}

// Head completes an object's size and ETag (without its quotes) from S3, for the version it names.
func (l *Lake) Head(ctx context.Context, o contract.Object) (contract.Object, error) {
	in := &s3.HeadObjectInput{Bucket: &o.Bucket, Key: &o.Key}
	if o.VersionID != "" {
		in.VersionId = &o.VersionID
	}
	head, err := l.client.HeadObject(ctx, in)
	if err != nil {
		return o, classify(fmt.Errorf("head %s: %w", URI(o), err))
	}
	o.Size, o.ETag = aws.ToInt64(head.ContentLength), strings.Trim(aws.ToString(head.ETag), `"`)
	if o.VersionID == "" {
		o.VersionID = aws.ToString(head.VersionId)
	}
	return o, nil
}

// Hash gives the hex SHA-256 of data, as PutOnce wants it.
func Hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// URI names an object for people.
func URI(o contract.Object) string {
	if o.VersionID == "" {
		return fmt.Sprintf("s3://%s/%s", o.Bucket, o.Key)
	}
	return fmt.Sprintf("s3://%s/%s?versionId=%s", o.Bucket, o.Key, o.VersionID)
}

func status(err error) int {
	var re *awshttp.ResponseError
	if errors.As(err, &re) {
		return re.HTTPStatusCode()
	}
	return 0
}

// classify marks as permanent the errors that no retry cures.
func classify(err error) error {
	switch status(err) {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestedRangeNotSatisfiable:
		return fault.Permanent(err)
	}
	return err
}
