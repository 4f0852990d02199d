package lake

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// fake is as much of S3 as the lake uses. before, when set, may answer a request itself and say so.
type fake struct {
	t      *testing.T
	before func(w http.ResponseWriter, r *http.Request) bool

	mu       sync.Mutex
	objects  map[string][]object // versions by /bucket/key, oldest first
	requests []string
	page     int // versions in one page of a listing
}

type object struct {
	version string
	content []byte
	header  http.Header
	deleted bool
}

var modified = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func start(t *testing.T) (*fake, *Lake) {
	f := &fake{t: t, objects: map[string][]object{}, page: 1000}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	client := s3.New(s3.Options{
		BaseEndpoint: &server.URL, Region: "us-east-1", UsePathStyle: true, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
	})
	return f, New(client, "lake")
}

func (f *fake) put(path string, o object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.objects[path] = append(f.objects[path], o)
}

func (f *fake) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.requests...)
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.requests = append(f.requests, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+r.Header.Get("Range")))
	f.mu.Unlock()
	if f.before != nil && f.before(w, r) {
		return
	}
	switch {
	case r.Method == http.MethodPut:
		f.store(w, r)
	case r.URL.Query().Has("versions"):
		f.list(w, r)
	default:
		f.get(w, r)
	}
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>refused</Message></Error>", code)
}

func (f *fake) store(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(r.Body)
	if err != nil {
		f.t.Errorf("read %s: %v", r.URL.Path, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Header.Get("If-None-Match") == "*" && len(f.objects[r.URL.Path]) > 0 {
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	f.objects[r.URL.Path] = append(f.objects[r.URL.Path], object{version: "v1", content: content, header: r.Header})
}

func (f *fake) get(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	versions := f.objects[r.URL.Path]
	f.mu.Unlock()
	var found *object
	for i := range versions {
		if want := r.URL.Query().Get("versionId"); want == "" || want == versions[i].version {
			found = &versions[i]
		}
	}
	switch {
	case found == nil && r.URL.Query().Has("versionId"):
		refuse(w, http.StatusNotFound, "NoSuchVersion")
		return
	case found == nil:
		refuse(w, http.StatusNotFound, "NoSuchKey")
		return
	case found.deleted:
		w.Header().Set("X-Amz-Delete-Marker", "true")
		refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed")
		return
	}
	for name, values := range found.header {
		if strings.HasPrefix(name, "X-Amz-Meta-") {
			w.Header()[name] = values
		}
	}
	w.Header().Set("X-Amz-Version-Id", found.version)
	w.Header().Set("ETag", `"e-`+found.version+`"`)
	content := found.content
	if span := r.Header.Get("Range"); span != "" {
		var from, to int
		if _, err := fmt.Sscanf(span, "bytes=%d-%d", &from, &to); err != nil {
			f.t.Errorf("range %q: %v", span, err)
		}
		if from >= len(content) {
			refuse(w, http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
			return
		}
		content = content[from:min(to+1, len(content))]
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		w.WriteHeader(http.StatusPartialContent)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	if r.Method == http.MethodHead {
		return
	}
	w.Write(content)
}

type listedVersion struct {
	Key          string
	VersionID    string `xml:"VersionId"`
	ETag         string
	LastModified string
	Size         int
}

type marker struct {
	Key          string
	VersionID    string `xml:"VersionId"`
	LastModified string
}

type listing struct {
	XMLName                          xml.Name `xml:"ListVersionsResult"`
	IsTruncated                      bool
	NextKeyMarker, NextVersionMarker string `xml:",omitempty"`
	EncodingType                     string `xml:",omitempty"`
	Version                          []listedVersion
	DeleteMarker                     []marker
}

// list gives every object one version a page position: key-marker is the number of versions that were listed.
func (f *fake) list(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	from, err := strconv.Atoi("0" + r.URL.Query().Get("key-marker"))
	if err != nil {
		f.t.Errorf("key-marker: %v", err)
	}
	var result listing
	encoded := r.URL.Query().Get("encoding-type")
	result.EncodingType = encoded
	bucket, i := strings.TrimSuffix(r.URL.Path, "/")+"/", 0
	for _, path := range sortedKeys(f.objects) {
		key, ok := strings.CutPrefix(path, bucket)
		if !ok {
			continue
		}
		for _, o := range f.objects[path] {
			if i++; i <= from || i > from+f.page {
				continue
			}
			at := modified.Format(time.RFC3339)
			name := key
			if encoded == "url" {
				name = url.QueryEscape(key)
			}
			if o.deleted {
				result.DeleteMarker = append(result.DeleteMarker, marker{name, o.version, at})
			} else {
				result.Version = append(result.Version, listedVersion{name, o.version, `"e-` + o.version + `"`, at, len(o.content)})
			}
		}
	}
	if result.IsTruncated = i > from+f.page; result.IsTruncated {
		result.NextKeyMarker = strconv.Itoa(from + f.page)
	}
	if err := xml.NewEncoder(w).Encode(result); err != nil {
		f.t.Errorf("encode listing: %v", err)
	}
}
