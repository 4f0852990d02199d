package laketest

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"dip/internal/lake"
)

func TestFakeConforms(t *testing.T) {
	Conform(t, func(*testing.T) Subject {
		f := New("lake")
		return Subject{Lake: f, Name: func(bucket string) string { return bucket }, Put: f.Put, Delete: f.Delete}
	})
}

// S3 keeps any hash that it is sent; the fake detects a wrong one.
func TestWrongHash(t *testing.T) {
	err := New("lake").PutOnce(t.Context(), "k", "text/plain", strings.NewReader("rows"), "00")
	if err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Error(err)
	}
}

func TestHooksAndStreams(t *testing.T) {
	f := New("lake")
	o := f.Put("landing", "a", []byte("0123456789"))
	var log []string
	f.Before = func(op Op) error {
		log = append(log, op.Name+" "+op.Bucket+"/"+op.Key)
		return nil
	}
	reset := errors.New("reset")
	f.Wrap = func(r io.Reader) io.Reader { return io.MultiReader(io.LimitReader(r, 4), iotest.ErrReader(reset)) }
	s := f.Stream(t.Context(), o, 2)
	if len(log) != 0 || f.Streams() != 1 {
		t.Errorf("before the first read: %q, %d streams", log, f.Streams())
	}
	if data, err := io.ReadAll(s); string(data) != "2345" || !errors.Is(err, reset) {
		t.Errorf("%q, %v", data, err)
	}
	if err := s.Close(); err != nil || f.Streams() != 0 || !slices.Equal(log, []string{"Stream landing/a"}) {
		t.Errorf("%v, %d streams, %q", err, f.Streams(), log)
	}
	f.After = func(op Op) error { return reset } // it was written, but the writer does not know
	if err := f.PutOnce(t.Context(), "k", "text/plain", strings.NewReader("rows"),
		lake.Hash([]byte("rows"))); !errors.Is(err, reset) {
		t.Error(err)
	}
	f.Corrupt("landing", "a", bytes.ToUpper)
	f.Delete("landing", "b")
	if got := f.Contents("lake"); !maps.Equal(got, map[string]string{"k": "rows"}) || len(f.Contents("landing")) != 1 {
		t.Errorf("got %q", got)
	}
}

func TestPagesOfAListing(t *testing.T) {
	f := New("lake")
	f.Page = 2
	for _, key := range []string{"c", "a", "b"} {
		f.Put("landing", key, nil)
	}
	var got []string
	err := f.Versions(t.Context(), "landing", lake.Marker{}, func(page []lake.Listed, _ lake.Marker) error {
		got = append(got, "|")
		for _, v := range page {
			got = append(got, v.Key)
		}
		return nil
	})
	if err != nil || !slices.Equal(got, []string{"|", "a", "b", "|", "c"}) {
		t.Errorf("%q, %v", got, err)
	}
}
