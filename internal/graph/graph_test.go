package graph

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var to = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func at(hours float64) time.Time { return to.Add(-time.Duration(hours * float64(time.Hour))) }

// day is a day of two segments, one of which did nothing.
func day() *History {
	h := New("dev", at(24), to, []string{"trips", "events", "idle"})
	trips, events := h.Segment("trips"), h.Segment("events")
	for i := range 20 {
		h.AddBytes("trips", at(float64(i)), int64(i+1)*50_000_000)
		trips.Loads = append(trips.Loads, Load{Received: at(float64(i)), Seconds: float64(10 + i*i), Failed: i == 7})
		trips.Chunks = append(trips.Chunks, 0.3+float64(i)/4, 1.2)
	}
	h.AddBytes("events", at(3), 900_000_000)
	events.Loads, events.Chunks = []Load{{Received: at(3), Seconds: 95}}, []float64{0.7, 12}
	for i := range 30 {
		trips.Age = append(trips.Age, Sample{at(float64(30-i) / 2), float64(i * 7 % 90)})
	}
	return h
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
	}
}

func pageOf(t *testing.T, h *History) string {
	t.Helper()
	var b strings.Builder
	if err := HTML(&b, h); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestText(t *testing.T) {
	golden(t, "day.txt", Text(day(), 100))
	golden(t, "empty.txt", Text(New("dev", at(24), to, []string{"trips"}), 100))
}

func TestPage(t *testing.T) {
	golden(t, "day.html", pageOf(t, day()))
}

// The page loads nothing, fits both colour schemes, and says so where there is nothing to draw.
func TestPageStandsAlone(t *testing.T) {
	text := pageOf(t, New("<dev>", at(24), to, []string{"<b>", "trips"}))
	for _, never := range []string{"http", "src=", "@import", "<script", "<b>", "<dev>"} {
		if strings.Contains(text, never) {
			t.Errorf("the page has %s", never)
		}
	}
	for _, want := range []string{"prefers-color-scheme: dark", "Nothing was received.", "No load has ended.",
		"No chunks.", "CloudWatch has no data."} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(pageOf(t, New("dev", at(24), to, nil)), "<figure>") {
		t.Error("a stack without segments has a chart")
	}
}

// Ten thousand chunks make a page of the size of one.
func TestPageOfManyChunks(t *testing.T) {
	h := day()
	small := len(pageOf(t, h))
	for i := range 10_000 {
		h.Segment("trips").Chunks = append(h.Segment("trips").Chunks, float64(i%50)/10+0.1)
	}
	if large := len(pageOf(t, h)); large > small+2000 {
		t.Errorf("%d bytes, without them %d", large, small)
	}
}

func TestSteps(t *testing.T) {
	for hours, want := range map[float64]time.Duration{
		0.5: time.Minute, 1: 2 * time.Minute, 24: 30 * time.Minute, 24 * 7: 3 * time.Hour, 24 * 90: 7 * 24 * time.Hour,
		24 * 3650: 7 * 24 * time.Hour,
	} {
		h := New("dev", at(hours), to, []string{"a"})
		if h.Step != want || h.From.After(at(hours)) || h.From.Truncate(h.Step) != h.From {
			t.Errorf("%v hours: steps of %s from %s, want %s", hours, h.Step, h.From, want)
		}
		h.AddBytes("a", at(hours), 1)
		h.AddBytes("a", to, 2)
		h.AddBytes("a", to.Add(time.Nanosecond), 4)
		h.AddBytes("b", to, 8)
		b := h.Segments[0].Bytes
		if b[0] != 1 || b[len(b)-1] != 2 || hours < 24*365 && len(b) > mostSteps+1 {
			t.Errorf("%v hours: %v", hours, b)
		}
	}
}

func TestLine(t *testing.T) {
	if got := Line([]float64{0, 0.001, 4, 8, math.NaN()}, 8); got != " ▁▄█·" {
		t.Errorf("%q", got)
	}
	if got := Line([]float64{0, 0}, 0); got != "  " {
		t.Errorf("%q", got)
	}
}

func TestQuantile(t *testing.T) {
	values := []float64{5, 1, 4, 2, 3}
	for q, want := range map[float64]float64{0: 1, 0.5: 3, 0.95: 5, 1: 5} {
		if got := quantile(values, q); got != want {
			t.Errorf("%v: %v, want %v", q, got, want)
		}
	}
	if quantile(nil, 0.5) != 0 {
		t.Error("none have a median")
	}
}

func TestBins(t *testing.T) {
	limits, counts := bins([]Segment{{Chunks: []float64{0.2, 0.21, 3}}, {}, {Chunks: []float64{0.5}}})
	if !slices.Equal(limits, []float64{0.2, 0.5, 1, 2, 5}) {
		t.Errorf("limits %v", limits)
	}
	for i, want := range [][]int{{1, 1, 0, 0, 1}, {0, 0, 0, 0, 0}, {0, 1, 0, 0, 0}} {
		if !slices.Equal(counts[i], want) {
			t.Errorf("%d: %v, want %v", i, counts[i], want)
		}
	}
	if limits, _ := bins([]Segment{{}}); limits != nil {
		t.Errorf("without values: %v", limits)
	}
	if limits, counts := bins([]Segment{{Chunks: []float64{0}}}); len(limits) == 0 || counts[0][0] != 1 {
		t.Errorf("a chunk that took no time: %v %v", limits, counts)
	}
}

func TestNiceSeconds(t *testing.T) {
	for most, want := range map[float64][]float64{
		0: {0, 0.1}, 0.3: {0, 0.1, 0.2, 0.3}, 95: {0, 30, 60, 90, 120}, 371: {0, 120, 240, 360, 480},
		30 * 86400: {0, 6 * 86400, 12 * 86400, 18 * 86400, 24 * 86400, 30 * 86400},
	} {
		got := niceSeconds(most)
		if len(got) != len(want) || math.Abs(got[len(got)-1]-want[len(want)-1]) > 1e-9 {
			t.Errorf("%v: %v, want %v", most, got, want)
		}
	}
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Minute: "1m", 30 * time.Minute: "30m", time.Hour: "1h", 10 * time.Hour: "10h", 168 * time.Hour: "168h",
	} {
		if got := short(d); got != want {
			t.Errorf("%s: %s", d, got)
		}
	}
}

func TestNice(t *testing.T) {
	for most, want := range map[float64][]float64{
		0: {0, 0.2, 0.4, 0.6, 0.8, 1}, 10: {0, 2, 4, 6, 8, 10}, 12: {0, 5, 10, 15}, 95: {0, 20, 40, 60, 80, 100},
	} {
		got := nice(most)
		if len(got) != len(want) || math.Abs(got[len(got)-1]-want[len(want)-1]) > 1e-9 {
			t.Errorf("%v: %v, want %v", most, got, want)
		}
	}
}
