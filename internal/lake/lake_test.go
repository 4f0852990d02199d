package lake

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"dip/contract"
	"dip/internal/fault"
)

func sortedKeys(m map[string][]object) []string { return slices.Sorted(maps.Keys(m)) }

func TestPutOnce(t *testing.T) {
	f, l := start(t)
	content := "rows"
	if err := l.PutOnce(t.Context(), "data/a.parquet", "application/x", strings.NewReader(content), Hash([]byte(content))); err != nil {
		t.Fatal(err)
	}
	stored := f.objects["/lake/data/a.parquet"]
	if len(stored) != 1 || string(stored[0].content) != content || stored[0].header.Get("Content-Type") != "application/x" {
		t.Fatalf("stored %+v", stored)
	}
	// A retry finds its own work, whether or not it was told that the first try succeeded.
	if err := l.PutOnce(t.Context(), "data/a.parquet", "application/x", strings.NewReader(content), Hash([]byte(content))); err != nil {
		t.Errorf("the same content: %v", err)
	}
	err := l.PutOnce(t.Context(), "data/a.parquet", "application/x", strings.NewReader("other"), Hash([]byte("other")))
	if !fault.IsPermanent(err) || !strings.Contains(err.Error(), "s3://lake/data/a.parquet exists with other content") {
		t.Errorf("other content: %v", err)
	}
	if got := f.objects["/lake/data/a.parquet"]; len(got) != 1 || string(got[0].content) != content {
		t.Errorf("the object was overwritten: %+v", got)
	}
}

// An object that something else wrote carries no hash: it is not ours.
func TestPutOnceDoesNotTakeAForeignObjectForItsOwn(t *testing.T) {
	f, l := start(t)
	f.put("/lake/k", object{version: "v1", content: []byte("rows")})
	if err := l.PutOnce(t.Context(), "k", "text/plain", strings.NewReader("rows"), Hash([]byte("rows"))); !fault.IsPermanent(err) {
		t.Errorf("got %v", err)
	}
}

func TestPutOnceRetriesAConflict(t *testing.T) {
	f, l := start(t)
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
	if got := f.objects["/lake/k"]; len(got) != 1 || string(got[0].content) != "rows" {
		t.Errorf("the body was not sent again from its start: %+v", got)
	}
	conflicts = 1000
	err := l.PutOnce(t.Context(), "k2", "text/plain", body, Hash([]byte("rows")))
	if err == nil || fault.IsPermanent(err) || conflicts != 995 {
		t.Errorf("conflicts without end: %v (permanent: %t), %d tries", err, fault.IsPermanent(err), 1000-conflicts)
	}
}

func TestPutOnceFailures(t *testing.T) {
	f, l := start(t)
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			refuse(w, http.StatusServiceUnavailable, "SlowDown")
		}
		return r.Method == http.MethodPut
	}
	err := l.PutOnce(t.Context(), "k", "text/plain", strings.NewReader("rows"), "00")
	if err == nil || fault.IsPermanent(err) || !strings.Contains(err.Error(), "put s3://lake/k") {
		t.Errorf("a refused write: %v", err)
	}
	// What stood in the way of the write is gone when it is compared: whoever comes next writes.
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
		}
		return r.Method == http.MethodPut
	}
	err = l.PutOnce(t.Context(), "k", "text/plain", strings.NewReader("rows"), "00")
	if err == nil || fault.IsPermanent(err) {
		t.Errorf("a vanished object: %v", err)
	}
	if err := l.PutOnce(t.Context(), "k", "text/plain", noSeek{strings.NewReader("rows")}, "00"); err == nil || !strings.Contains(err.Error(), "rewind") {
		t.Errorf("a body that cannot be rewound: %v", err)
	}
}

type noSeek struct{ *strings.Reader }

func (noSeek) Seek(int64, int) (int64, error) { return 0, errors.New("file already closed") }

func TestGet(t *testing.T) {
	f, l := start(t)
	f.put("/lake/catalog/1.json", object{version: "v1", content: []byte("{}")})
	if got, err := l.Get(t.Context(), "catalog/1.json"); err != nil || string(got) != "{}" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := l.Get(t.Context(), "catalog/2.json"); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "get s3://lake/catalog/2.json") {
		t.Errorf("a missing object stays missing: %v", err)
	}
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Length", "100")
		w.Write([]byte("{"))
		return true
	}
	if _, err := l.Get(t.Context(), "catalog/1.json"); err == nil || fault.IsPermanent(err) {
		t.Errorf("a body that was cut off: %v", err)
	}
}

func TestHead(t *testing.T) {
	f, l := start(t)
	f.put("/landing/trips/a b+ü.csv", object{version: "v1", content: []byte("old")})
	f.put("/landing/trips/a b+ü.csv", object{version: "v2", content: []byte("newer")})
	o := contract.Object{Bucket: "landing", Key: "trips/a b+ü.csv", VersionID: "v1"}
	want := contract.Object{Bucket: "landing", Key: o.Key, VersionID: "v1", Size: 3, ETag: "e-v1"}
	if got, err := l.Head(t.Context(), o); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	o.VersionID = ""
	want = contract.Object{Bucket: "landing", Key: o.Key, VersionID: "v2", Size: 5, ETag: "e-v2"}
	if got, err := l.Head(t.Context(), o); err != nil || got != want {
		t.Errorf("without a version: got %+v, %v", got, err)
	}
	o.VersionID = "v3"
	if _, err := l.Head(t.Context(), o); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "head s3://landing/trips/a b+ü.csv?versionId=v3") {
		t.Errorf("an unknown version: %v", err)
	}
}

func TestVersions(t *testing.T) {
	f, l := start(t)
	f.page = 2
	f.put("/landing/trips/a", object{version: "1", content: []byte("a")})
	f.put("/landing/trips/a", object{version: "2", content: []byte("aa")})
	f.put("/landing/trips/a", object{version: "3", deleted: true})
	f.put("/landing/trips/b+c %41\x01", object{version: "1", content: []byte("bbb")})
	f.put("/landing/trips/d", object{version: "9"})
	f.put("/other/x", object{version: "1"})
	var got []Listed
	pages := 0
	err := l.Versions(t.Context(), "landing", func(page []Listed) error {
		pages++
		got = append(got, page...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	listed := func(key, version string, size int64) Listed {
		return Listed{contract.Object{Bucket: "landing", Key: key, VersionID: version, Size: size, ETag: "e-" + version}, modified}
	}
	want := []Listed{listed("trips/a", "1", 1), listed("trips/a", "2", 2), listed("trips/b+c %41\x01", "1", 3), listed("trips/d", "9", 0)}
	if !slices.Equal(got, want) || pages != 3 {
		t.Errorf("%d pages, got %+v", pages, got)
	}
	stop := errors.New("stop")
	if err := l.Versions(t.Context(), "landing", func([]Listed) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the visitor's error was lost: %v", err)
	}
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		refuse(w, http.StatusForbidden, "AccessDenied")
		return true
	}
	if err := l.Versions(t.Context(), "landing", func([]Listed) error { return nil }); err == nil || !strings.Contains(err.Error(), "s3://landing") {
		t.Errorf("got %v", err)
	}
}
