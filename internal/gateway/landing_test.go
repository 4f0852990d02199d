package gateway

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// storage answers each request of S3 with a status and a text, and keeps it.
type storage struct {
	status int
	answer string
	asked  *http.Request
	body   string
}

func (s *storage) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked, s.body = r, ""
	if r.Body != nil {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		s.body = string(data)
	}
	return &http.Response{StatusCode: s.status, Request: r, Header: http.Header{"Content-Type": {"application/xml"}},
		Body: io.NopCloser(strings.NewReader(s.answer))}, nil
}

func (s *storage) bucket() *Bucket {
	return NewBucket(s3.New(s3.Options{Region: "us-east-1", HTTPClient: &http.Client{Transport: s}, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), BaseEndpoint: aws.String("http://s3"),
		Retryer: aws.NopRetryer{}}), "landing")
}

// A URL is for one part with one content: its checksum is signed, and not only a parameter, which S3 does not check.
func TestPartsAreSignedWithTheirContent(t *testing.T) {
	address, headers, err := (&storage{}).bucket().Sign(t.Context(), "events/a", "u", 7, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if !strings.Contains(q.Get("X-Amz-SignedHeaders"), "x-amz-checksum-sha256") || q.Get("partNumber") != "7" ||
		q.Get("uploadId") != "u" || q.Get("X-Amz-Expires") != "3600" || u.Path != "/landing/events/a" {
		t.Errorf("signed %s", address)
	}
	if got := headers[http.CanonicalHeaderKey("x-amz-checksum-sha256")]; got != strings.Repeat("A", 43)+"=" {
		t.Errorf("headers are %v", headers)
	}
}

// Completing never replaces an object, and tells why it did not.
func TestCompletion(t *testing.T) {
	for code, want := range map[string]error{
		"": nil, "PreconditionFailed": ErrTaken, "ConditionalRequestConflict": ErrTaken, "NoSuchUpload": ErrParts,
		"InvalidPart": ErrParts, "InternalError": errors.ErrUnsupported,
	} {
		s := &storage{status: 200, answer: "<CompleteMultipartUploadResult/>"}
		if code != "" {
			s = &storage{status: 412, answer: "<Error><Code>" + code + "</Code></Error>"}
		}
		err := s.bucket().Complete(t.Context(), "events/a", "u", []Part{{"tag", make([]byte, 32)}})
		known := errors.Is(err, ErrTaken) || errors.Is(err, ErrParts)
		if (err == nil) != (want == nil) || want != nil && !errors.Is(err, want) && (known || want != errors.ErrUnsupported) {
			t.Errorf("%q: %v, want %v", code, err, want)
		}
		if s.asked.Header.Get("If-None-Match") != "*" || !strings.Contains(s.body, "<ChecksumSHA256>") {
			t.Errorf("%q: %v %s", code, s.asked.Header, s.body)
		}
	}
}

func TestChecksumOfAnObject(t *testing.T) {
	s := &storage{status: 404}
	if _, there, err := s.bucket().Checksum(t.Context(), "a"); there || err != nil {
		t.Errorf("nothing: %t, %v", there, err)
	}
	if s.asked.Header.Get("X-Amz-Checksum-Mode") != "ENABLED" {
		t.Errorf("asked %v", s.asked.Header)
	}
	s.status = 403
	if _, _, err := s.bucket().Checksum(t.Context(), "a"); err == nil {
		t.Error("a denial is no answer")
	}
}
