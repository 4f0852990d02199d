package catalog_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"dip/contract"
	"dip/internal/catalog"
	"dip/internal/fault"
)

// shelf holds one object under every key.
type shelf struct {
	data  []byte
	err   error
	reads int
}

func (s *shelf) Get(context.Context, string) ([]byte, error) {
	s.reads++
	return s.data, s.err
}

func TestReaderReadsACatalogOnce(t *testing.T) {
	key, data, err := contract.Catalog{
		Version: contract.Version, Segments: map[string]contract.Segment{"things": {Dialect: contract.Dialect{Encoding: contract.NDJSON}, Queue: "q"}},
	}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	errReset := errors.New("reset")
	s := &shelf{err: errReset}
	r := &catalog.Reader{Lake: s}
	if _, err := r.Catalog(t.Context(), key); !errors.Is(err, errReset) || fault.IsPermanent(err) {
		t.Errorf("got %v", err)
	}
	s.data, s.err = data, nil // a failure is not cached
	for range 3 {
		segment, err := r.Segment(t.Context(), key, "things")
		if err != nil || segment.Queue != "q" || s.reads != 2 {
			t.Errorf("%+v after %d reads, %v", segment, s.reads, err)
		}
	}
	if _, err := r.Segment(t.Context(), key, "other"); !fault.IsPermanent(err) || !strings.Contains(err.Error(), `"other"`) {
		t.Errorf("a segment that the catalog lacks: %v", err)
	}
	other := contract.CatalogPrefix + "0123.json"
	if _, err := r.Catalog(t.Context(), other); s.reads != 3 || !fault.IsPermanent(err) || !strings.Contains(err.Error(), other) {
		t.Errorf("content under a wrong key was accepted after %d reads: %v", s.reads, err)
	}
}

func TestReaderRefusesWhatItCannotRead(t *testing.T) {
	for data, want := range map[string]string{
		"{":                     "segment catalog " + contract.CatalogKey([]byte("{")),
		`{"v":2,"segments":{}}`: "version 2, this code reads up to 1",
	} {
		r := &catalog.Reader{Lake: &shelf{data: []byte(data)}}
		_, err := r.Catalog(t.Context(), contract.CatalogKey([]byte(data)))
		if !fault.IsPermanent(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", data, err)
		}
	}
}
