package lake

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"dip/contract"
	"dip/local/emulator/emulatortest"
)

func TestMain(m *testing.M) { emulatortest.Main(m) }

// S3 is the emulator's S3 behind a proxy that notes the requests of the lake under test. before, when set, may answer
// one itself and say so.
type S3 struct {
	*s3.Client // past the proxy
	before     func(w http.ResponseWriter, r *http.Request) bool

	t        *testing.T
	suffix   string // of the test's buckets
	key      aws.CredentialsProvider
	proxy    *httputil.ReverseProxy
	mu       sync.Mutex
	requests []string
}

var started atomic.Int64

// Start makes a lake of the test's own. Its buckets are versioned, as the infrastructure makes them.
func Start(t *testing.T) (*S3, *Lake) {
	t.Helper()
	config := emulatortest.Config(t)
	target, err := url.Parse(*config.BaseEndpoint)
	if err != nil {
		t.Fatal(err)
	}
	pathStyle := func(o *s3.Options) { o.UsePathStyle = true }
	f := &S3{
		t: t, Client: s3.NewFromConfig(config, pathStyle), proxy: httputil.NewSingleHostReverseProxy(target),
		suffix: fmt.Sprintf("-%d", started.Add(1)), key: config.Credentials,
	}
	for _, bucket := range []string{"landing", "lake", "other"} {
		name := f.Name(bucket)
		if _, err := f.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
			t.Fatal(err)
		}
		_, err := f.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
			Bucket: &name, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	through, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	// Not as another endpoint: the host is signed, and the emulator serves its own alone.
	config.HTTPClient = &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(through)}}
	config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return f, New(s3.NewFromConfig(config, pathStyle), f.Name("lake"))
}

// ServeHTTP notes a request and passes it on.
func (f *S3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.requests = append(f.requests, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+r.Header.Get("Range")))
	f.mu.Unlock()
	if f.before == nil || !f.before(w, r) {
		f.proxy.ServeHTTP(w, r)
	}
}

// sign signs a request again that was changed on its way.
func (f *S3) sign(r *http.Request) {
	key, err := f.key.Retrieve(f.t.Context())
	if err == nil {
		r.Header.Del("Authorization")
		err = v4.NewSigner().SignHTTP(f.t.Context(), key, r, r.Header.Get("X-Amz-Content-Sha256"), "s3", "us-east-1", time.Now())
	}
	if err != nil {
		f.t.Error(err)
	}
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>refused</Message></Error>", code)
}

func (f *S3) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

// Name is what a bucket is really called.
func (f *S3) Name(bucket string) string { return bucket + f.suffix }

// Put puts a version of an object.
func (f *S3) Put(bucket, key string, content []byte) contract.Object {
	f.t.Helper()
	out, err := f.PutObject(f.t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(content)})
	if err != nil {
		f.t.Fatal(err)
	}
	return contract.Object{
		Bucket: bucket, Key: key, VersionID: *out.VersionId, Size: int64(len(content)), ETag: strings.Trim(*out.ETag, `"`),
	}
}

// Delete puts a delete marker.
func (f *S3) Delete(bucket, key string) contract.Object {
	f.t.Helper()
	out, err := f.DeleteObject(f.t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		f.t.Fatal(err)
	}
	return contract.Object{Bucket: bucket, Key: key, VersionID: *out.VersionId}
}
