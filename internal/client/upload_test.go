package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// fakeStore is an in-memory store of uploads.
type fakeStore struct {
	mu        sync.Mutex
	parts     map[int32][]byte
	object    []byte
	metadata  map[string]string
	aborted   bool
	failPart  int32
	onPart    func()
	versionID *string

	conditions []string                               // of the writes
	heads      []func() (*s3.HeadObjectOutput, error) // answers, in order; after the last one, there is no object
	fail       func() error                           // what writes fail with, though they took effect
}

func newStore() *fakeStore {
	return &fakeStore{parts: map[int32][]byte{}, versionID: aws.String("v1"), fail: func() error { return nil }}
}

func (f *fakeStore) HeadObject(
	context.Context, *s3.HeadObjectInput, ...func(*s3.Options),
) (*s3.HeadObjectOutput, error) {
	if len(f.heads) == 0 {
		return nil, answer(http.StatusNotFound)
	}
	head := f.heads[0]
	f.heads = f.heads[1:]
	return head()
}

func (f *fakeStore) condition(ifNoneMatch, ifMatch *string) {
	f.conditions = append(f.conditions, aws.ToString(ifNoneMatch)+"|"+aws.ToString(ifMatch))
}

// answer is the SDK's error for a status.
func answer(status int) error {
	return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
		Err:      errors.New(http.StatusText(status)),
	}}
}

func (f *fakeStore) PutObject(
	_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error,
) {
	data, err := io.ReadAll(in.Body)
	f.object, f.metadata = data, in.Metadata
	f.condition(in.IfNoneMatch, in.IfMatch)
	return &s3.PutObjectOutput{VersionId: f.versionID, ETag: aws.String("e")}, errors.Join(err, f.fail())
}

func (f *fakeStore) CreateMultipartUpload(
	_ context.Context, in *s3.CreateMultipartUploadInput, _ ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error,
) {
	f.metadata = in.Metadata
	return &s3.CreateMultipartUploadOutput{UploadId: aws.String("u")}, nil
}

func (f *fakeStore) UploadPart(
	ctx context.Context, in *s3.UploadPartInput, _ ...func(*s3.Options)) (*s3.UploadPartOutput, error,
) {
	data, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if *in.PartNumber == f.failPart {
		return nil, errors.New("no space left")
	}
	if int64(len(data)) != *in.ContentLength || in.ChecksumAlgorithm != types.ChecksumAlgorithmCrc32 {
		return nil, errors.New("part without its length or checksum")
	}
	f.parts[*in.PartNumber] = data
	if f.onPart != nil {
		f.onPart()
	}
	return &s3.UploadPartOutput{ETag: aws.String("p"), ChecksumCRC32: aws.String("c")}, ctx.Err()
}

func (f *fakeStore) CompleteMultipartUpload(_ context.Context, in *s3.CompleteMultipartUploadInput,
	_ ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error) {
	for i, p := range in.MultipartUpload.Parts {
		if *p.PartNumber != int32(i+1) || aws.ToString(p.ChecksumCRC32) != "c" {
			return nil, errors.New("parts out of order or without checksum")
		}
		f.object = append(f.object, f.parts[*p.PartNumber]...)
	}
	f.condition(in.IfNoneMatch, in.IfMatch)
	return &s3.CompleteMultipartUploadOutput{VersionId: f.versionID}, f.fail()
}

func (f *fakeStore) AbortMultipartUpload(
	ctx context.Context, _ *s3.AbortMultipartUploadInput, _ ...func(*s3.Options)) (*s3.AbortMultipartUploadOutput, error,
) {
	f.aborted = true
	return &s3.AbortMultipartUploadOutput{}, ctx.Err()
}

func content(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	return data
}

func writeFile(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.csv")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPutKeepsEveryByte(t *testing.T) {
	for name, size := range map[string]int{"empty": 0, "small": 5, "one part": partSize, "one more byte": partSize +
		1, "three parts": 2*partSize + 77} {
		t.Run(name, func(t *testing.T) {
			data := content(size)
			path := writeFile(t, data)
			for _, put := range []func(Upload, *fakeStore) (int64, error){
				func(u Upload, f *fakeStore) (int64, error) {
					o, err := u.PutFile(t.Context(), f, path)
					return o.Size, err
				},
				func(u Upload, f *fakeStore) (int64, error) {
					o, err := u.PutStream(t.Context(), f, bytes.NewReader(data))
					return o.Size, err
				},
			} {
				f := newStore()
				var sent atomic.Int64
				n, err := put(Upload{Bucket: "b", Key: "k", Metadata: map[string]string{"a": "b"},
					Sent: func(n int64) { sent.Add(n) }}, f)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(f.object, data) || n != int64(size) || sent.Load() != int64(size) || f.metadata["a"] != "b" {
					t.Errorf("object %d bytes, size %d, sent %d, metadata %v: want %d", len(f.object), n, sent.Load(), f.metadata,
						size)
				}
			}
		})
	}
}

func TestFailedPutLeavesNothingBehind(t *testing.T) {
	path := writeFile(t, content(3*partSize))
	changed := newStore()
	changed.onPart = func() {
		if err := os.Chtimes(path, time.Now(), time.Now().Add(time.Hour)); err != nil {
			t.Error(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	interrupted := newStore()
	interrupted.onPart = cancel
	failing := newStore()
	failing.failPart = 2
	for name, c := range map[string]struct {
		ctx   context.Context
		store *fakeStore
		want  string
	}{
		"part fails":   {t.Context(), failing, "part 2: no space left"},
		"interrupted":  {ctx, interrupted, "context canceled"},
		"file changes": {t.Context(), changed, "changed while it was read"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Upload{Bucket: "b", Key: "k"}.PutFile(c.ctx, c.store, path)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
			if !c.store.aborted || c.store.object != nil {
				t.Errorf("aborted %v, object %d bytes", c.store.aborted, len(c.store.object))
			}
		})
	}
}

func TestPutNeedsVersions(t *testing.T) {
	f := newStore()
	f.versionID = nil
	if _, err := (Upload{Bucket: "b", Key: "k"}).PutStream(t.Context(), f, strings.NewReader("x")); err == nil {
		t.Error("an object without a version has no load id")
	}
}

func TestPutRefusesWhatIsNoFile(t *testing.T) {
	if _, err := (Upload{Bucket: "b", Key: "k"}).PutFile(t.Context(), newStore(), t.TempDir()); err == nil ||
		!strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("error %v", err)
	}
}
