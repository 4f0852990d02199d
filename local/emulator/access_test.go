package emulator_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"dip/local/emulator"
	"dip/local/emulator/emulatortest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// owner is the endpoint of the shared emulator and its owner's key.
func owner(t *testing.T) (string, emulator.Key) {
	t.Helper()
	cfg := emulatortest.Config(t)
	c, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return *cfg.BaseEndpoint, emulator.Key{ID: c.AccessKeyID, Secret: c.SecretAccessKey}
}

// identity is a request that asks STS who signs it.
func identity(t *testing.T, endpoint string, change func(*http.Request)) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if change != nil {
		change(req)
	}
	return req
}

const whoAmI = "Action=GetCallerIdentity&Version=2011-06-15"

// The emulator runs code, and every page in a browser can reach its port.
func TestForeignRequestsAreRefused(t *testing.T) {
	t.Parallel()
	endpoint, key := owner(t)
	stranger := emulator.Key{ID: "AKIAABCDEFGHIJKLMNOP", Secret: key.Secret}
	for name, c := range map[string]struct {
		key    emulator.Key
		change func(*http.Request)
		want   string
	}{
		"unknown key":  {stranger, nil, "InvalidClientTokenId"},
		"wrong secret": {emulator.Key{ID: key.ID, Secret: "x"}, nil, "SignatureDoesNotMatch"},
		"origin": {key, func(r *http.Request) { r.Header.Set("Origin", "https://example.com") },
			"requests of web pages"},
		"origin of a file": {key, func(r *http.Request) { r.Header.Set("Origin", "null") },
			"requests of web pages"},
		"browser": {key, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "none") },
			"requests of web pages"},
		"foreign host": {key, func(r *http.Request) { r.Host = "example.com" }, "example.com"},
		"host of a rebinder": {key, func(r *http.Request) { r.Host = "127.0.0.1.example.com" + r.URL.Host[9:] },
			"example.com"},
		"other port":    {key, func(r *http.Request) { r.Host = "127.0.0.1:1" }, "127.0.0.1:1"},
		"host like AWS": {key, func(r *http.Request) { r.Host = "evilamazonaws.com" }, "evilamazonaws.com"},
	} {
		_, err := c.key.Send(identity(t, endpoint, c.change), "sts", "us-east-1", []byte(whoAmI))
		var status *emulator.StatusError
		if !errors.As(err, &status) || status.Code != http.StatusForbidden || !strings.Contains(status.Text, c.want) {
			t.Errorf("%s: got %v, want 403 with %q", name, err, c.want)
		}
	}
	if _, err := key.Send(identity(t, endpoint, nil), "sts", "us-east-1", []byte(whoAmI)); err != nil {
		t.Errorf("the owner is refused: %v", err)
	}
}

func TestUnsignedRequestsAreRefused(t *testing.T) {
	t.Parallel()
	endpoint, _ := owner(t)
	for _, c := range []struct{ method, path string }{
		{"GET", "/"}, {"OPTIONS", "/"}, {"POST", "/moto-api/reset"}, {"GET", "/latest/meta-data/"},
		{"GET", "/_local/changes?since=-1"}, {"GET", "/_local/calls"}, {"PUT", "/_local/runner"},
		{"GET", "/_local/code/a/b/c/d"}, {"POST", "/2015-03-31/functions/f/invocations"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, endpoint+c.path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("%s %s: %s, want 403", c.method, c.path, res.Status)
		}
		for name := range res.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s %s: the response has %s", c.method, c.path, name)
			}
		}
	}
}

// Nothing that a signature covers can be changed.
func TestChangedRequestsAreRefused(t *testing.T) {
	t.Parallel()
	endpoint, key := owner(t)
	for name, change := range map[string]func(*http.Request){
		"path":   func(r *http.Request) { r.URL.Path = "/x" },
		"query":  func(r *http.Request) { r.URL.RawQuery = "x=1" },
		"method": func(r *http.Request) { r.Method = http.MethodPut },
		"header": func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
		"date":   func(r *http.Request) { r.Header.Set("X-Amz-Date", "20260101T000000Z") },
		"body":   func(r *http.Request) { r.Body = http.NoBody; r.ContentLength = 0 },
	} {
		var sent *http.Request
		capture(t, key, identity(t, endpoint, nil), func(r *http.Request) { sent = r })
		change(sent)
		res, err := http.DefaultTransport.RoundTrip(sent)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("another %s: %s, want 403", name, res.Status)
		}
	}
}

// capture signs a request as Send does.
func capture(t *testing.T, key emulator.Key, req *http.Request, take func(*http.Request)) {
	t.Helper()
	body := strings.NewReader(whoAmI)
	signed, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), req.Method, req.URL.String(), body)
	if err != nil {
		t.Fatal(err)
	}
	signed.Header = req.Header
	const sum = "ab821ae955788b0e33ebd34c208442ccfc2d406e2edc5e7a39bd6458fbb4f843" // SHA-256 of whoAmI
	err = v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}, signed,
		sum, "sts", "us-east-1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	take(signed)
}

// A role's key is good for AWS's services and tells whose it is, but not for what belongs to the owner.
func TestKeysOfRoles(t *testing.T) {
	t.Parallel()
	endpoint, key := owner(t)
	const role = "arn:aws:iam::123456789012:role/reader"
	own, err := emulator.AssumeRole(t.Context(), endpoint, key, role, "me")
	if err != nil {
		t.Fatal(err)
	}
	text, err := own.Send(identity(t, endpoint, nil), "sts", "us-east-1", []byte(whoAmI))
	if err != nil || !strings.Contains(string(text), "assumed-role/reader/me") {
		t.Errorf("the role is %s, %v", text, err)
	}
	if err := emulator.Register(t.Context(), endpoint, own, "http://127.0.0.1:1", ""); err == nil {
		t.Error("a role registered a runner")
	}
	if _, err := emulator.Calls(t.Context(), endpoint, own); err == nil {
		t.Error("a role read the calls of all roles")
	}
}

// EKS asks STS what a presigned request, the token of `aws eks get-token`, says, under the name that it was signed for.
func TestPresignedRequests(t *testing.T) {
	t.Parallel()
	endpoint, key := owner(t)
	const url = "https://sts.us-east-1.amazonaws.com/?" + whoAmI + "&X-Amz-Expires=60"
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-K8s-Aws-Id", "dip")
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // SHA-256 of nothing
	signed, _, err := v4.NewSigner().PresignHTTP(t.Context(),
		aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}, req, empty, "sts", "us-east-1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for cluster, want := range map[string]int{"dip": http.StatusOK, "other": http.StatusForbidden} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
			endpoint+"/?"+signed[strings.Index(signed, "?")+1:], nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "sts.us-east-1.amazonaws.com"
		req.Header.Set("X-K8s-Aws-Id", cluster)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("cluster %s: %s, want %d", cluster, res.Status, want)
		}
	}
}

// The SDK encodes what is in a key in its own way, and so must the check of its signature.
func TestSignaturesOfOddRequests(t *testing.T) {
	t.Parallel()
	client := s3Client(t)
	bucket := aws.String("odd-requests")
	must[*s3.CreateBucketOutput](t)(client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket}))
	for _, key := range []string{"a b+c ü ☃ %41.csv", "a//b/../c", "x=1&y=2?z#f", "~-_.!*'()@:,;$", `"\|{}`} {
		must[*s3.PutObjectOutput](t)(client.PutObject(t.Context(),
			&s3.PutObjectInput{Bucket: bucket, Key: &key, Body: strings.NewReader("x"),
				Metadata: map[string]string{"a": " b   c "}}))
		must[*s3.ListObjectsV2Output](t)(client.ListObjectsV2(t.Context(),
			&s3.ListObjectsV2Input{Bucket: bucket, Prefix: &key, StartAfter: aws.String(url.QueryEscape(key))}))
	}
}
