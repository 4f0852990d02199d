package catalog_test

import (
	"errors"
	"strings"
	"testing"

	"dip/contract"
	"dip/internal/catalog"
	"dip/internal/fault"
	"dip/internal/lake/laketest"
)

func TestReaderReadsACatalogOnce(t *testing.T) {
	key, data, err := contract.Catalog{
		Version:  contract.Version,
		Segments: map[string]contract.Segment{"things": {Dialect: contract.Dialect{Encoding: contract.NDJSON}, Queue: "q"}},
	}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	errReset := errors.New("reset")
	lake, reads := laketest.New("lake"), 0
	lake.Put("lake", key, data)
	lake.Before = func(laketest.Op) error {
		if reads++; reads == 1 {
			return errReset
		}
		return nil
	}
	r := &catalog.Reader{Lake: lake}
	if _, err := r.Catalog(t.Context(), key); !errors.Is(err, errReset) || fault.IsPermanent(err) {
		t.Errorf("got %v", err)
	}
	for range 3 { // a failure is not cached
		segment, err := r.Segment(t.Context(), key, "things")
		if err != nil || segment.Queue != "q" || reads != 2 {
			t.Errorf("%+v after %d reads, %v", segment, reads, err)
		}
	}
	if _, err := r.Segment(t.Context(), key, "other"); !fault.IsPermanent(err) ||
		!strings.Contains(err.Error(), `"other"`) {
		t.Errorf("a segment that the catalog lacks: %v", err)
	}
	other := contract.CatalogPrefix + "0123.json"
	lake.Put("lake", other, data)
	if _, err := r.Catalog(t.Context(), other); reads != 3 || !fault.IsPermanent(err) ||
		!strings.Contains(err.Error(), other) {
		t.Errorf("content under a wrong key was accepted after %d reads: %v", reads, err)
	}
}

func TestReaderRefusesWhatItCannotRead(t *testing.T) {
	for data, want := range map[string]string{
		"{":                     "segment catalog " + contract.CatalogKey([]byte("{")),
		`{"v":2,"segments":{}}`: "version 2, this code reads up to 1",
	} {
		lake := laketest.New("lake")
		lake.Put("lake", contract.CatalogKey([]byte(data)), []byte(data))
		r := &catalog.Reader{Lake: lake}
		_, err := r.Catalog(t.Context(), contract.CatalogKey([]byte(data)))
		if !fault.IsPermanent(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", data, err)
		}
	}
}
