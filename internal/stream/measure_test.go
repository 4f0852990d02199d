package stream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/emf"
	"dip/internal/fault"
	"dip/internal/intercept"
	"dip/internal/ledger/ledgertest"
)

func TestOverdueIntervals(t *testing.T) {
	end := time.Date(2026, 1, 31, 23, 58, 0, 0, time.UTC)
	s := contract.Stream{IntervalSeconds: 60, DueSeconds: 600}
	for after, want := range map[time.Duration]int{
		0: 0, 10*time.Minute - 1: 0, 10 * time.Minute: 1, 11*time.Minute - 1: 1, 11 * time.Minute: 2, 70 * time.Minute: 61,
	} {
		if got := overdue(&contract.Interval{Start: end.Add(-time.Minute), End: end}, s, end.Add(after)); got != want {
			t.Errorf("%s after the end: %d, want %d", after, got, want)
		}
	}
	if got := overdue(nil, s, end); got != 0 {
		t.Errorf("without an open interval: %d", got)
	}
}

// Each run says how far it has come, one that fails too.
func TestMetricsOfACloser(t *testing.T) {
	w := calm(t)
	var out bytes.Buffer
	run := func() (report Report, values map[string]float64, err error) {
		out.Reset()
		c := w.newCloser()
		c.Metrics = &emf.Emitter{Stack: "dev", Out: &out, Now: c.Processor.Now}
		report, err = c.Close(t.Context())
		values = map[string]float64{}
		for line := range strings.Lines(out.String()) {
			var members map[string]any
			if err := json.Unmarshal([]byte(line), &members); err != nil || members["segment"] != "readings" {
				t.Fatalf("%s: %v", line, err)
			}
			for name, v := range members {
				if n, ok := v.(float64); ok {
					values[name] += n
				}
			}
		}
		return report, values, err
	}
	s := w.stream.shards[0]
	w.send(3)
	w.now = w.now.Add(20 * time.Minute)
	_, values, err := run() // puts the marker
	if want := map[string]float64{"OverdueIntervals": 10, "Closings": 1}; err != nil || fmt.Sprint(values) !=
		fmt.Sprint(want) {
		t.Errorf("%v, %v, want %v", values, err, want)
	}
	if err := w.newWitness().Handle(t.Context(), event(s, s.records)); err != nil {
		t.Fatal(err)
	}
	report, values, err := run()
	n := float64(len(report.Certified))
	if err != nil || n == 0 || values["RecordsRerun"] != 3 || // no processor has run
		values["LoadsPublished"] != n || values["RecordsIn"] != 3 || values["RecordsOut"] != 3 ||
		values["RecordsQuarantined"] != 0 || values["BytesIn"] == 0 || values["LoadSeconds"] == 0 ||
		values["OverdueIntervals"] != 0 || values["Watermark"] != w.now.Sub(report.Through).Seconds() {
		t.Errorf("%+v: %v, %v", report, values, err)
	}
	w.settings.IntervalSeconds = 120
	w.deploy("longer")
	report, values, err = run()
	if !fault.IsPermanent(err) || !strings.Contains(err.Error(), "set stream.interval back") || values["Closings"] != 0 ||
		values["Watermark"] == 0 {
		t.Errorf("%+v: %v, %v", report, values, err)
	}
}

// Closers may overlap: an interval that both publish counts once.
func TestAnIntervalIsMeasuredOnce(t *testing.T) {
	w := calm(t)
	s := w.stream.shards[0]
	w.send(3)
	w.now = w.now.Add(20 * time.Minute)
	if _, err := w.newCloser().Close(t.Context()); err != nil { // puts the marker
		t.Fatal(err)
	}
	if err := w.newWitness().Handle(t.Context(), event(s, s.records)); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	measured := func() *Closer {
		c := w.newCloser()
		c.Metrics = &emf.Emitter{Stack: "dev", Out: &out, Now: c.Processor.Now}
		return c
	}
	slow, overtaken := measured(), false
	slow.Ledger = w.ledger.With(intercept.Hooks[ledgertest.Op]{Before: func(op ledgertest.Op) error {
		if op.Name != "Publish" || overtaken {
			return nil
		}
		overtaken = true
		_, err := measured().Close(t.Context())
		return err
	}})
	if _, err := slow.Close(t.Context()); err != nil || !overtaken {
		t.Fatal(err, overtaken)
	}
	if n := strings.Count(out.String(), `"RecordsIn":3`); n != 1 {
		t.Errorf("the interval with the records counts %d times: %s", n, &out)
	}
}

// A batch that fails in part is no error of its function: only the metric says so.
func TestMetricsOfAProcessor(t *testing.T) {
	w := calm(t)
	s := w.stream.shards[0]
	for name, c := range map[string]struct {
		ledger ProcessorLedger
		want   string
	}{
		"done": {w.ledger, `"ChunkSeconds":0,"ChunksAcknowledged":1`},
		"failed": {w.ledger.With(intercept.Hooks[ledgertest.Op]{
			Before: func(ledgertest.Op) error { return errDied },
		}), `"ChunkErrors":1`},
	} {
		var out bytes.Buffer
		p := w.newProcessor()
		p.Ledger, p.Metrics = c.ledger, &emf.Emitter{Stack: "dev", Out: &out, Now: p.Now}
		if _, err := p.Handle(t.Context(), event(s, w.send(3))); err != nil {
			t.Fatal(err)
		}
		if strings.Count(out.String(), "\n") != 1 || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: %s, want %s", name, out.String(), c.want)
		}
	}
}
