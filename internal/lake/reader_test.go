package lake

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"dip/contract"
	"dip/internal/fault"
)

func land(f *S3, size int) (contract.Object, []byte) {
	content := make([]byte, size)
	rand.NewChaCha8([32]byte{1}).Read(content)
	o := f.Put(f.Name("landing"), "trips/a", content)
	f.Put(f.Name("landing"), "trips/a", []byte("overwritten meanwhile"))
	return o, content
}

func readAll(t *testing.T, r io.ReadCloser) ([]byte, error) {
	t.Helper()
	data, err := io.ReadAll(r)
	return data, errors.Join(err, r.Close())
}

func TestStreamReadsThePinnedVersionInOrder(t *testing.T) {
	f, l := Start(t)
	o, content := land(f, 3*partSize+5)
	for _, from := range []int64{0, 1, partSize - 1, 3 * partSize, o.Size - 1, o.Size} {
		if got, err := readAll(t, l.Stream(t.Context(), o, from)); err != nil || !bytes.Equal(got, content[from:]) {
			t.Fatalf("from %d: %d bytes, want %d; %v", from, len(got), len(content)-int(from), err)
		}
	}
}

// Ranges never go past the object's size, meet each other, and none is empty.
func TestStreamRanges(t *testing.T) {
	f, l := Start(t)
	o, _ := land(f, 2*partSize+3)
	if _, err := readAll(t, l.Stream(t.Context(), o, 7)); err != nil {
		t.Fatal(err)
	}
	path := "GET /" + o.Bucket + "/trips/a "
	want := []string{path + "bytes=16777221-33554434", path + "bytes=7-16777220"}
	if got := slices.Sorted(slices.Values(f.seen())); !slices.Equal(got, want) {
		t.Errorf("asked for %q, want %q", got, want)
	}
	o.Size = 0
	if got, err := readAll(t, l.Stream(t.Context(), o, 0)); err != nil || len(got) != 0 || len(f.seen()) != 2 {
		t.Errorf("an empty object: %q, %v, %d requests", got, err, len(f.seen()))
	}
}

// A reader that stops soon after an offset asks for one range for each 16 MiB up to there, and for little beyond it.
func TestStreamToAnOffset(t *testing.T) {
	f, l := Start(t)
	o, content := land(f, 2*partSize+3*overSize)
	const from, soon = 5, 5 + 2*partSize
	r := l.StreamTo(t.Context(), o, from, soon)
	front := make([]byte, 2*partSize+overhang)
	if _, err := io.ReadFull(r, front); err != nil || len(f.seen()) != 2 {
		t.Errorf("%d requests up to %d bytes after the offset, %v: %q", len(f.seen()), overhang, err, f.seen())
	}
	rest, err := readAll(t, r)
	if err != nil || !bytes.Equal(append(front, rest...), content[from:]) {
		t.Errorf("%d bytes, %v", len(front)+len(rest), err)
	}
	if got := f.seen()[2:]; len(got) != 3 || !strings.HasSuffix(got[0], "bytes=33619973-34668548") {
		t.Errorf("beyond it, %q", got)
	}
}

// Memory and connections are bounded: ahead+1 ranges at once, however long the object.
func TestStreamFetchesAheadWithinBounds(t *testing.T) {
	f, l := Start(t)
	o, content := land(f, 4*partSize)
	var arrived atomic.Int32
	together := make(chan struct{})
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if arrived.Add(1) == ahead+1 {
			close(together)
		}
		<-together // the first ones are answered only once all of them are under way
		return false
	}
	r := l.Stream(t.Context(), o, 0).(*Reader)
	first := make([]byte, 1)
	if _, err := io.ReadFull(r, first); err != nil {
		t.Fatal(err)
	}
	if r.next != (ahead+1)*partSize {
		t.Errorf("after one byte %d bytes were asked for, want %d", r.next, (ahead+1)*partSize)
	}
	rest, err := readAll(t, r)
	if err != nil || !bytes.Equal(append(first, rest...), content) {
		t.Errorf("%d bytes, %v", 1+len(rest), err)
	}
}

func TestStreamSurfacesTheErrorOfAPart(t *testing.T) {
	f, l := Start(t)
	o, content := land(f, 4*partSize)
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.Header.Get("Range"), "bytes=33554432-") {
			refuse(w, http.StatusInternalServerError, "InternalError")
			return true
		}
		return false
	}
	r := l.Stream(t.Context(), o, 0)
	got, err := io.ReadAll(r)
	if err == nil || fault.IsPermanent(err) || !strings.Contains(err.Error(), "bytes=33554432-50331647") ||
		!bytes.Equal(got, content[:2*partSize]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if n, again := r.Read(make([]byte, 1)); n != 0 || !errors.Is(again, err) {
		t.Errorf("read after the error: %d, %v", n, again)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestCloseCancelsTheReadsUnderWay(t *testing.T) {
	f, l := Start(t)
	o, _ := land(f, 4*partSize)
	asked, ended := make(chan struct{}, 10), make(chan struct{}, 10)
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		asked <- struct{}{}
		<-r.Context().Done() // the client hung up
		ended <- struct{}{}
		return true
	}
	r := l.Stream(t.Context(), o, 0)
	failed := make(chan error)
	go func() {
		_, err := r.Read(make([]byte, 1))
		failed <- err
	}()
	for range ahead + 1 {
		<-asked
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for range ahead + 1 {
		<-ended
	}
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the read that was under way: %v", err)
	}
}

func TestAnEmptyRangeIsNotAskedFor(t *testing.T) {
	f, l := Start(t)
	o, _ := land(f, 10)
	if got, err := l.ReadRange(t.Context(), o, 5, 5); err != nil || got != nil || len(f.seen()) != 0 {
		t.Errorf("%q, %v, %q", got, err, f.seen())
	}
}
