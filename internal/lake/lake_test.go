package lake

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"dip/contract"
	"dip/internal/fault"
)

// What the suite of laketest cannot see: requests, and answers that S3 gives on bad days.

func TestPutOnceSaysWhatItPuts(t *testing.T) {
	f, l := Start(t)
	key := "data/a.parquet"
	if err := l.PutOnce(t.Context(), key, "application/x", strings.NewReader("rows"), Hash([]byte("rows"))); err != nil {
		t.Fatal(err)
	}
	head, err := f.HeadObject(t.Context(),
		&s3.HeadObjectInput{Bucket: &l.bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	if err != nil || *head.ContentType != "application/x" || head.Metadata["sha256"] != Hash([]byte("rows")) {
		t.Errorf("got %+v, %v", head, err)
	}
	// S3 refuses a body that does not have the checksum that is sent along.
	const checksum = "vFHp5l154ckLpUSrLq4QRMzfjBr3pVm6N1y6Qnb32Z4="
	if aws.ToString(head.ChecksumSHA256) != checksum {
		t.Errorf("S3 keeps the SHA-256 %q, want %q", aws.ToString(head.ChecksumSHA256), checksum)
	}
}

// counted counts the bytes that are read of a body.
type counted struct {
	*strings.Reader
	n int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

func (c *counted) WriteTo(w io.Writer) (int64, error) {
	n, err := c.Reader.WriteTo(w)
	c.n += int(n)
	return n, err
}

// Its SHA-256 is known: the signature does not take a read of its own.
func TestABodyIsReadOnce(t *testing.T) {
	_, l := Start(t)
	body := &counted{Reader: strings.NewReader(strings.Repeat("rows", 1<<18))}
	hash := Hash([]byte(strings.Repeat("rows", 1<<18)))
	if err := l.PutOnce(t.Context(), "once", "text/plain", body, hash); err != nil {
		t.Fatal(err)
	}
	if body.n != 1<<20 {
		t.Errorf("%d bytes of a body of %d were read", body.n, 1<<20)
	}
}

func TestLargeOutputsAreTieredAtOnce(t *testing.T) {
	f, l := Start(t)
	for size, want := range map[int]types.StorageClass{tiered: types.StorageClassIntelligentTiering, tiered - 1: ""} {
		key, data := fmt.Sprint(size), strings.Repeat("x", size)
		if err := l.PutOnce(t.Context(), key, "text/plain", strings.NewReader(data), Hash([]byte(data))); err != nil {
			t.Fatal(err)
		}
		head, err := f.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &l.bucket, Key: &key})
		if err != nil || head.StorageClass != want || *head.ContentLength != int64(size) {
			t.Errorf("%d bytes: %+v, %v", size, head, err)
		}
	}
}

// The checksum that S3 computed counts, not the writer's; an object written without a checksum is recognized by its
// metadata.
func TestPutOnceComparesWhatIsThere(t *testing.T) {
	f, l := Start(t)
	hash := Hash([]byte("rows"))
	put := func(key, content string, o s3.PutObjectInput) {
		o.Bucket, o.Key, o.Body, o.Metadata = &l.bucket, &key, strings.NewReader(content), map[string]string{"sha256": hash}
		if _, err := f.PutObject(t.Context(), &o); err != nil {
			t.Fatal(err)
		}
	}
	put("old", "rows", s3.PutObjectInput{})
	if err := l.PutOnce(t.Context(), "old", "text/plain", strings.NewReader("rows"), hash); err != nil {
		t.Errorf("an object without a checksum: %v", err)
	}
	put("claimed", "others", s3.PutObjectInput{ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
	err := l.PutOnce(t.Context(), "claimed", "text/plain", strings.NewReader("rows"), hash)
	if !fault.IsPermanent(err) || !strings.Contains(err.Error(), Hash([]byte("others"))) {
		t.Errorf("an object that claims to be another: %v", err)
	}
	for _, sum := range []string{"", "00", hash[1:], "x" + hash[1:]} {
		if err := l.PutOnce(t.Context(), "k", "text/plain", strings.NewReader("rows"), sum); err == nil ||
			!strings.Contains(err.Error(), "is not a SHA-256") {
			t.Errorf("the hash %q: %v", sum, err)
		}
	}
}

func TestPutOnceRetriesAConflict(t *testing.T) {
	f, l := Start(t)
	conflicts := 3
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if conflicts == 0 {
			return false
		}
		conflicts--
		refuse(w, http.StatusConflict, "ConditionalRequestConflict")
		return true
	}
	body := strings.NewReader("rows")
	if err := l.PutOnce(t.Context(), "k", "text/plain", body, Hash([]byte("rows"))); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Get(t.Context(), "k"); err != nil || string(got) != "rows" {
		t.Errorf("the body was not sent again from its start: %q, %v", got, err)
	}
	conflicts = 1000
	err := l.PutOnce(t.Context(), "k2", "text/plain", body, Hash([]byte("rows")))
	if err == nil || fault.IsPermanent(err) || conflicts != 995 {
		t.Errorf("conflicts without end: %v (permanent: %t), %d tries", err, fault.IsPermanent(err), 1000-conflicts)
	}
}

func TestPutOnceFailures(t *testing.T) {
	f, l := Start(t)
	status := http.StatusServiceUnavailable
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			refuse(w, status, "Refused")
		}
		return r.Method == http.MethodPut
	}
	err := l.PutOnce(t.Context(), "k", "text/plain", strings.NewReader("rows"), Hash([]byte("rows")))
	if err == nil || fault.IsPermanent(err) || !strings.Contains(err.Error(), "put s3://"+l.bucket+"/k") {
		t.Errorf("a refused write: %v", err)
	}
	// The conflicting object is gone before it is compared: the next attempt writes.
	status = http.StatusPreconditionFailed
	err = l.PutOnce(t.Context(), "k", "text/plain", strings.NewReader("rows"), Hash([]byte("rows")))
	if err == nil || fault.IsPermanent(err) {
		t.Errorf("a vanished object: %v", err)
	}
}

// Missing permissions are a deployment error that can be mended: they do not fail the load.
func TestRefusalsMayBeCured(t *testing.T) {
	f, l := Start(t)
	o := f.Put(f.Name("landing"), "a", []byte("0123456789"))
	for _, status := range []int{http.StatusForbidden, http.StatusInternalServerError, http.StatusServiceUnavailable} {
		f.before = func(w http.ResponseWriter, _ *http.Request) bool {
			refuse(w, status, "Refused")
			return true
		}
		_, head := l.Head(t.Context(), o)
		_, got := l.Get(t.Context(), "a")
		_, ranged := l.ReadRange(t.Context(), o, 0, 5)
		_, streamed := readAll(t, l.Stream(t.Context(), o, 0))
		put := l.PutOnce(t.Context(), "a", "text/plain", strings.NewReader("rows"), Hash([]byte("rows")))
		list := l.Versions(t.Context(), o.Bucket, Marker{}, func([]Listed, Marker) error { return nil })
		for what, err := range map[string]error{"head": head, "get": got, "range": ranged, "stream": streamed, "put": put,
			"list": list} {
			if err == nil || fault.IsPermanent(err) || !strings.Contains(err.Error(), "s3://") {
				t.Errorf("%s, %d: %v (permanent: %t)", what, status, err, fault.IsPermanent(err))
			}
		}
	}
}

func TestBodiesThatAreCutOff(t *testing.T) {
	f, l := Start(t)
	contentRange, asked := "bytes %d-9/10", []string(nil)
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		start := 0
		if span := r.Header.Get("Range"); span != "" {
			asked = append(asked, span)
			fmt.Sscanf(span, "bytes=%d-", &start)
			w.Header().Set("Content-Range", strings.ReplaceAll(contentRange, "%d", strconv.Itoa(start)))
			w.Header().Set("Content-Length", strconv.Itoa(10-start))
			w.WriteHeader(http.StatusPartialContent)
		} else {
			w.Header().Set("Content-Length", "10")
		}
		w.Write([]byte("0123456789")[start : start+1])
		return true
	}
	if _, err := l.Get(t.Context(), "catalog/1.json"); err == nil || fault.IsPermanent(err) {
		t.Errorf("get: %v", err)
	}
	_, err := l.ReadRange(t.Context(), contract.Object{Bucket: "landing", Key: "a", Size: 10}, 0, 10)
	if err == nil || fault.IsPermanent(err) || !strings.Contains(err.Error(), "4 of 10 bytes") ||
		!slices.Equal(asked, []string{"bytes=0-9", "bytes=1-9", "bytes=2-9", "bytes=3-9"}) {
		t.Errorf("range: %v, asked for %q", err, asked)
	}
	contentRange = "bytes 5-9/10"
	if _, err := l.ReadRange(t.Context(), contract.Object{Bucket: "landing", Key: "a", Size: 10}, 0, 10); err == nil ||
		!strings.Contains(err.Error(), "does not begin at byte 0") {
		t.Errorf("another range than was asked for: %v", err)
	}
	for _, contentRange = range []string{"", "bytes 0-9/*", "bytes 0-9"} {
		_, err := l.ReadRange(t.Context(), contract.Object{Bucket: "landing", Key: "a", Size: 10}, 0, 10)
		if err == nil || fault.IsPermanent(err) || !strings.Contains(err.Error(), "has no total") {
			t.Errorf("Content-Range %q: %v", contentRange, err)
		}
	}
}

// A listing comes in pages, and its keys encoded: XML cannot hold them all.
func TestPagesOfVersions(t *testing.T) {
	f, l := Start(t)
	var want []string
	for i := range 5 {
		want = append(want, fmt.Sprintf("trips/%d <&+%%41 ü", i))
		f.Put(f.Name("landing"), want[i], nil)
	}
	f.before = func(_ http.ResponseWriter, r *http.Request) bool {
		query := r.URL.Query()
		if query.Get("encoding-type") != "url" {
			t.Errorf("asked for %s", r.URL)
		}
		query.Set("max-keys", "2")
		r.URL.RawQuery = query.Encode()
		f.sign(r)
		return false
	}
	pages, got := 0, []string(nil)
	err := l.Versions(t.Context(), f.Name("landing"), Marker{}, func(page []Listed, _ Marker) error {
		pages++
		for _, v := range page {
			got = append(got, v.Key)
		}
		return nil
	})
	if err != nil || pages != 3 || !slices.Equal(got, want) {
		t.Errorf("%d pages, %v, got %q", pages, err, got)
	}
	stop := errors.New("stop")
	err = l.Versions(t.Context(), f.Name("landing"), Marker{}, func([]Listed, Marker) error { return stop })
	if !errors.Is(err, stop) || len(f.seen()) != 4 {
		t.Errorf("the listing continues: %v, %q", err, f.seen())
	}
}

// S3 encodes a blank as a plus sign, which the emulator does not, and what XML cannot hold.
func TestListedKeysAreDecoded(t *testing.T) {
	f, l := Start(t)
	f.before = func(w http.ResponseWriter, _ *http.Request) bool {
		fmt.Fprint(w, "<ListVersionsResult><EncodingType>url</EncodingType><Version><Key>a+b%2Bc%2541%01</Key>"+
			"<VersionId>v</VersionId><ETag>&quot;e&quot;</ETag><Size>3</Size></Version></ListVersionsResult>")
		return true
	}
	var got []Listed
	err := l.Versions(t.Context(), "landing", Marker{}, func(page []Listed, _ Marker) error {
		got = append(got, page...)
		return nil
	})
	want := contract.Object{Bucket: "landing", Key: "a b+c%41\x01", VersionID: "v", Size: 3, ETag: "e"}
	if err != nil || len(got) != 1 || got[0].Object != want {
		t.Errorf("%v, got %+v", err, got)
	}
}

// A connection that breaks in the middle of a body costs a further request for the rest, not the chunk's attempt.
func TestBrokenBodiesAreContinued(t *testing.T) {
	f, l := Start(t)
	o := f.Put(f.Name("landing"), "a", []byte("0123456789"))
	breaks := 2
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if breaks == 0 {
			return false
		}
		breaks--
		start := 0
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &start)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-8/10", start))
		w.Header().Set("Content-Length", strconv.Itoa(9-start))
		w.WriteHeader(http.StatusPartialContent)
		w.Write([]byte("0123456789")[start : start+3])
		return true
	}
	got, err := l.ReadRange(t.Context(), o, 1, 9)
	if err != nil || string(got) != "12345678" || breaks != 0 {
		t.Errorf("got %q, %v; %d breaks are left", got, err, breaks)
	}
}

func TestURI(t *testing.T) {
	o := contract.Object{Bucket: "b", Key: "k", VersionID: "v"}
	if got := URI(o); got != "s3://b/k?versionId=v" {
		t.Error(got)
	}
	if o.VersionID = ""; URI(o) != "s3://b/k" {
		t.Error(URI(o))
	}
}
