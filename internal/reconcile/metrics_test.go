package reconcile

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/emf"
)

// A step that is repeated counts its load once.
func TestMetricsOfALoad(t *testing.T) {
	for _, c := range []struct {
		steps []contract.Step
		want  map[contract.Metric]float64
	}{
		{[]contract.Step{contract.Certify, contract.Publish, contract.Publish}, map[contract.Metric]float64{
			contract.LoadsPublished: 1, contract.LoadSeconds: 3600.002,
		}},
		{[]contract.Step{contract.Fail, contract.Fail}, map[contract.Metric]float64{contract.LoadsFailed: 1}},
	} {
		w, r := newWorld(2)
		w.done()
		w.now = w.load().Received.Add(time.Hour)
		var out bytes.Buffer
		r.Metrics = &emf.Emitter{Stack: "dev", Out: &out, Now: r.Now}
		for _, step := range c.steps {
			w.step(t, r, step, "why")
		}
		var line map[string]any
		if err := json.Unmarshal(out.Bytes(), &line); err != nil { // more than one line is an error, too
			t.Fatalf("%v: %v: %s", c.steps, err, &out)
		}
		if line["segment"] != "things" || line["load"] != "L" {
			t.Errorf("%v: %v", c.steps, line)
		}
		for m, want := range c.want {
			if line[m.Name] != want {
				t.Errorf("%v: %s is %v, want %v", c.steps, m.Name, line[m.Name], want)
			}
		}
	}
}
