package simulate

import (
	"math"
	"testing"
	"time"
)

func TestScaleScalesBytes(t *testing.T) {
	w := burst(3, 40, 20*time.Hour)
	for _, factor := range []float64{0.25, 1, 2.5, 10, 1e5} {
		scaled := w.Scale(factor)
		want := float64(w.Bytes()) * factor
		if got := float64(scaled.Bytes()); math.Abs(got-want) > 0.3*want/min(1, factor) || scaled.Span != w.Span {
			t.Errorf("%vx: %v bytes, want %v", factor, got, want)
		}
		if len(scaled.Loads) > mostLoads {
			t.Errorf("%vx: %d loads", factor, len(scaled.Loads))
		}
		for i, a := range scaled.Loads {
			if a.At < 0 || a.At >= w.Span || i > 0 && a.At < scaled.Loads[i-1].At {
				t.Fatalf("%vx: load %d arrives at %s", factor, i, a.At)
			}
		}
	}
	if n := len(w.Scale(10).Loads); n != 400 {
		t.Errorf("%d loads", n)
	}
}

func TestParseWhatIf(t *testing.T) {
	for text, want := range map[string]WhatIf{
		"10x": {Factor: 10}, "0.5x": {Factor: 0.5}, "1TB/day": {PerDay: 1e12}, "1PB/day": {PerDay: 1e15},
		"500MB/hour": {PerDay: 12e9}, "2 GB/day": {PerDay: 2e9},
	} {
		if got, err := ParseWhatIf(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "-1x", "10", "1TB", "1TB/week", "0GB/day", "NaNx", "1e9x"} {
		if got, err := ParseWhatIf(text); err == nil {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func TestWhatIfApplies(t *testing.T) {
	w := burst(3, 40, 20*time.Hour)
	scaled, err := WhatIf{PerDay: 1e12}.Apply(w, nil)
	if err != nil || math.Abs(scaled.PerDay()-1e12) > 3e10 {
		t.Errorf("%v bytes a day, %v", scaled.PerDay(), err)
	}
	nothing := Workload{Span: day}
	if _, err := (WhatIf{Factor: 2}).Apply(nothing, nil); err == nil {
		t.Error("twice nothing is something")
	}
	assumed, err := WhatIf{PerDay: 1e12}.Apply(nothing, []string{"a", "b"})
	if err != nil || len(assumed.Loads) != 100 || math.Abs(assumed.PerDay()-1e12) > 1e6 {
		t.Errorf("%d loads, %v bytes a day, %v", len(assumed.Loads), assumed.PerDay(), err)
	}
}

func TestBusiestPart(t *testing.T) {
	w := Workload{Span: day}
	for i := range 100 {
		at := time.Duration(i) * 10 * time.Minute
		if i >= 50 && i < 60 { // ten loads within ten minutes
			at = 500*time.Minute + time.Duration(i-50)*time.Minute
		}
		w.Loads = append(w.Loads, Arrival{Segment: "trips", At: at, Bytes: 10})
	}
	w.sort()
	one := func(Arrival) int { return 1 }
	if all := w.busiest(100, one); len(all.Loads) != 100 || all.Span != day {
		t.Errorf("%d loads in %s", len(all.Loads), all.Span)
	}
	part := w.busiest(10, one)
	if len(part.Loads) != 10 || part.Loads[0].At != 0 || part.Loads[9].At > 10*time.Minute || part.Span > time.Hour {
		t.Errorf("%d loads in %s: %v", len(part.Loads), part.Span, part.Loads)
	}
	if part := w.busiest(1, func(Arrival) int { return 5 }); len(part.Loads) != 1 {
		t.Errorf("%d loads", len(part.Loads))
	}
}

func TestMeasure(t *testing.T) {
	var samples []Sample
	for i := range 100 { // 100 MB/s on a whole vCPU, seen with half of one
		bytes := int64(10e6 + i*1e6)
		samples = append(samples, Sample{Bytes: bytes, Seconds: 0.2 + float64(bytes)/50e6, VCPU: 0.5})
	}
	samples = append(samples, Sample{Bytes: 0, Seconds: 9, VCPU: 1}, Sample{Bytes: 5, VCPU: 1})
	p := Measure(samples)
	if p.Measured != 100 || math.Abs(p.PerByte*100e6-1) > 0.01 {
		t.Errorf("%+v", p)
	}
	if got := p.Mean(100e6, 1).Seconds(); math.Abs(got-1.2) > 0.02 {
		t.Errorf("%v", got)
	}
	if got := p.Mean(100e6, 0.25).Seconds(); math.Abs(got-4.2) > 0.05 {
		t.Errorf("%v with a quarter of a vCPU", got)
	}
	sum := 0.0
	for _, f := range p.Spread {
		sum += f
	}
	if math.Abs(sum/float64(len(p.Spread))-1) > 1e-9 {
		t.Errorf("the spread's mean is %v", sum/float64(len(p.Spread)))
	}
	if p := Measure(nil); p.Measured != 0 || p.PerByte != AssumedPace().PerByte {
		t.Errorf("%+v", p)
	}
}

// Draws are spread evenly over the measured factors.
func TestDraws(t *testing.T) {
	p := spread()
	counts := map[time.Duration]int{}
	for i := range 10_000 {
		counts[p.draw(1, i/100, i%100, 80e6, 1)]++
	}
	for _, f := range []float64{0.6, 1, 1.8} {
		if n := counts[p.of(80e6, 1, f)]; n < 1800 || n > 2200 {
			t.Errorf("factor %v: %d of 10,000 draws", f, n)
		}
	}
}
