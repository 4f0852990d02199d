package stream

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/interval"
)

// dip redrive reads what the closer's function answers.
func TestTheCommandLineReadsAReport(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	r := Report{Certified: []string{"a"}, Waiting: &contract.Interval{Start: at, End: at.Add(time.Minute)},
		State: interval.Overdue, Problems: []string{"p"}, Through: at}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var c client.Closed
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	want := client.Closed{Certified: r.Certified, Waiting: r.Waiting, State: string(r.State), Problems: r.Problems,
		Through: r.Through}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("%+v, want %+v", c, want)
	}
}
