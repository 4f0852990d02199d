package plan

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"dip/contract"
)

func TestChoose(t *testing.T) {
	const limit = 100 << 20
	functions := contract.Segment{FunctionMB: 100, Workers: "workers"}
	workers := contract.Segment{FunctionMB: 100, Workers: "workers", Lane: contract.Workers}
	unlimited := contract.Segment{Workers: "workers", Lane: contract.Functions}
	bare := contract.Segment{FunctionMB: 100, Lane: contract.Workers} // a stack without a cluster
	for _, c := range []struct {
		name                string
		segment             contract.Segment
		restage, splittable bool
		content, chunk      int64
		want                Route
	}{
		{"ordinary chunks are the functions'", functions, true, true, 9 * limit, limit, Route{Lane: contract.Functions}},
		{"or the workers'", workers, true, true, 9 * limit, limit, Route{Lane: contract.Workers}},
		{"chunks that are too much for a function", functions, true, true, 9 * limit, limit + 1,
			Route{Lane: contract.Workers}},
		{"a function without a limit", unlimited, true, true, 9 * limit, 9 * limit, Route{Lane: contract.Functions}},
		{"no workers to go to", bare, false, true, 9 * limit, 9 * limit, Route{Lane: contract.Functions}},
		{"one piece that a function takes", functions, true, false, limit, 0, Route{Lane: contract.Functions}},
		{"one piece, of a segment of the workers", workers, true, false, limit, 0, Route{Lane: contract.Workers}},
		{"one piece that is too much", functions, true, false, limit + 1, limit,
			Route{Lane: contract.Functions, Restage: true}},
		{"of which the pieces are too much, too", functions, true, false, 9 * limit, limit + 1,
			Route{Lane: contract.Workers, Restage: true}},
		{"one piece that is too much, where nothing restages", functions, false, false, limit + 1, limit,
			Route{Lane: contract.Workers}},
		{"nor has workers", bare, false, false, limit + 1, limit, Route{Lane: contract.Functions}},
		{"one piece of any size without a limit", unlimited, true, false, 9 * limit, limit, Route{Lane: contract.Functions}},
		{"a stack that restages but has no workers of this segment", bare, true, false, 9 * limit, limit,
			Route{Lane: contract.Functions, Restage: true}},
	} {
		if got := Choose(c.segment, c.restage, c.splittable, c.content, c.chunk); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestPredict(t *testing.T) {
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	// EncodeAll states the content's size in the frame.
	stated := encoder.EncodeAll([]byte(strings.Repeat("a", 9_000)), nil)[:zstd.HeaderMaxSize]
	for _, c := range []struct {
		name        string
		compression contract.Compression
		size        int64
		seen        seen
		want        int64
	}{
		{"gzip, as assumed", contract.Gzip, 1000, seen{stored: 100, content: 300}, 5000},
		{"gzip that compresses better", contract.Gzip, 1000, seen{stored: 100, content: 2000}, 20_000},
		{"gzip of which nothing was read", contract.Gzip, 1000, seen{}, 5000},
		{"an input that is known to its end", contract.Gzip, 1000, seen{stored: 1000, content: 777, whole: true}, 777},
		{"zstd, as assumed", contract.Zstd, 1000, seen{start: []byte{0x28, 0xb5}, stored: 100, content: 300}, 6000},
		{"zstd that states its size", contract.Zstd, 1000, seen{start: stated, stored: 100, content: 300}, 9000},
		{"zstd whose first frame is a small part", contract.Zstd, 10_000, seen{start: stated, stored: 100, content: 300},
			60_000},
		{"zstd that begins with a skippable frame", contract.Zstd, 1000,
			seen{start: []byte{0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 1, 1, 1}}, 6000},
		{"gzip does not state it as zstd does", contract.Gzip, 1000, seen{start: stated}, 5000},
	} {
		if got := predict(c.compression, c.size, c.seen); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// A load whose input cannot be cut and is too much for a function is planned without chunks: they come.
func TestPlanOfARestagedLoad(t *testing.T) {
	content := []byte("id,note\n")
	for i := range 150_000 { // more than 2 MiB
		content = fmt.Appendf(content, "%d,%x\n", i, i*i)
	}
	for _, c := range []struct {
		name, restage string
		want          Route
		chunks        int
	}{
		{"with a cluster", "queue", Route{Lane: contract.Functions, Restage: true}, 0},
		{"without one", "", Route{Lane: contract.Functions}, 1},
	} {
		w, s := start(t, gzipped(t, string(content)))
		w.pin(heavy(t, w.catalog, c.restage))
		got, err := s.Handle(t.Context(), contract.WorkflowInput{Version: 1, Load: "L"})
		if err != nil || got.Action != contract.ActionWait {
			t.Fatalf("%s: %+v, %v", c.name, got, err)
		}
		load, chunks := w.stands()
		plan := load.Plan
		if (Route{plan.Lane, plan.Restage}) != c.want || plan.Chunks != c.chunks || len(chunks) != c.chunks ||
			plan.Body != 8 {
			t.Errorf("%s: %+v, %d chunks", c.name, plan, len(chunks))
		}
	}
}

// heavy makes functions of the segment things take 1 MiB at most.
func heavy(t *testing.T, data []byte, restage string) []byte {
	t.Helper()
	return changed(t, data, func(c *contract.Catalog) {
		things := c.Segments["things"]
		things.FunctionMB = 1
		c.Segments["things"], c.Restage = things, restage
	})
}

func changed(t *testing.T, data []byte, change func(*contract.Catalog)) []byte {
	t.Helper()
	var c contract.Catalog
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	change(&c)
	_, other, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return other
}
