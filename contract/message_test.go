package contract

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

const chunkMessage = `{
  "v": 1,
  "load": "c9e0b6dd766eeb21086dcb730f0d86fb",
  "segment": "trips",
  "catalog": "catalog/0123.json",
  "object": {"bucket": "landing", "key": "trips/a b+ü.csv", "versionId": "v1", "size": 1000, "etag": "e"},
  "compression": "none",
  "columns": [2, -1, 0],
  "width": 3,
  "loadDate": "2026-01-31",
  "chunk": 4,
  "attempt": 2,
  "start": 400,
  "end": 500,
  "from": 0
}`

func TestParseChunkMessage(t *testing.T) {
	got, err := ParseChunkMessage(chunkMessage)
	if err != nil {
		t.Fatal(err)
	}
	from := int64(0)
	want := ChunkMessage{
		Version: 1, Load: "c9e0b6dd766eeb21086dcb730f0d86fb", Segment: "trips", Catalog: "catalog/0123.json",
		Object:      Object{Bucket: "landing", Key: "trips/a b+ü.csv", VersionID: "v1", Size: 1000, ETag: "e"},
		Compression: Plain, Columns: []int{2, -1, 0}, Width: 3, LoadDate: "2026-01-31",
		Chunk: 4, Attempt: 2, Start: 400, End: 500, From: &from,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	// A proven start of 0 differs from none.
	body, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ParseChunkMessage(string(body)); err != nil || again.From == nil || *again.From != 0 {
		t.Errorf("from 0 was lost in transit: %+v, %v", again, err)
	}
	want.From = nil
	if body, err = json.Marshal(want); err != nil || strings.Contains(string(body), "from") {
		t.Errorf("a missing start was encoded: %s, %v", body, err)
	}
}

func TestParseChunkMessageRefuses(t *testing.T) {
	var fields map[string]any
	if err := json.Unmarshal([]byte(chunkMessage), &fields); err != nil {
		t.Fatal(err)
	}
	with := func(name string, value any) string {
		changed := map[string]any{}
		for k, v := range fields {
			changed[k] = v
		}
		if changed[name] = value; value == nil {
			delete(changed, name)
		}
		body, err := json.Marshal(changed)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	for _, c := range []struct{ body, want string }{
		{"", "chunk message"},
		{"{}x", "chunk message"},
		{"[]", "chunk message"},
		{with("v", 2), "version 2, this code reads 1 to 1"},
		{with("v", nil), "version 0"},
		{with("v", -1), "version -1"},
		{with("load", nil), "required"},
		{with("segment", ""), "required"},
		{with("catalog", nil), "required"},
		{with("object", map[string]any{"bucket": "landing"}), "required"},
		{with("attempt", nil), "required"},
		{with("attempt", 0), "required"},
		{with("start", "four hundred"), "chunk message"},
	} {
		if _, err := ParseChunkMessage(c.body); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.body, err, c.want)
		}
	}
	// Fields are added within a version: unknown ones are not a reason to refuse.
	if _, err := ParseChunkMessage(with("priority", "high")); err != nil {
		t.Errorf("an added field was refused: %v", err)
	}
}

func TestSplittable(t *testing.T) {
	for c, want := range map[Compression]bool{Plain: true, Gzip: false, Zstd: false} {
		if c.Splittable() != want {
			t.Errorf("%s: splittable is %t", c, !want)
		}
	}
}

func TestFinalStatuses(t *testing.T) {
	for s, want := range map[Status]bool{Received: false, Running: false, Certified: false, Published: true,
		Failed: true, Duplicate: true} {
		if s.Final() != want {
			t.Errorf("%s: final is %t", s, !want)
		}
	}
}

// The workflow's definition reads these documents by name.
func TestWorkflowDocuments(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{WorkflowInput{1, "L"}, `{"v":1,"load":"L"}`},
		{StepRequest{1, "L", Fail, "why", time.Time{}}, `{"v":1,"load":"L","step":"fail","cause":"why"}`},
		{StepRequest{Version: 1, Load: "L", Step: Reconcile, Started: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)},
			`{"v":1,"load":"L","step":"reconcile","started":"2026-01-31T12:00:00Z"}`},
		{StepRequest{Version: 1, Load: "L", Step: Dispatch}, `{"v":1,"load":"L","step":"dispatch"}`},
		// The workflow's Choice and Wait need all of the fields, zero or not.
		{StepResponse{Load: "L", Action: ActionDone}, `{"load":"L","action":"done","waitSeconds":0,"cause":""}`},
		{StepResponse{"L", ActionWait, 7, ""}, `{"load":"L","action":"wait","waitSeconds":7,"cause":""}`},
	} {
		got, err := json.Marshal(c.v)
		if err != nil || string(got) != c.want {
			t.Errorf("%T: got %s, %v\nwant %s", c.v, got, err, c.want)
		}
	}
	want := "dispatch reconcile certify publish fail / wait certify fail done"
	if got := fmt.Sprint(Dispatch, " ", Reconcile, " ", Certify, " ", Publish, " ", Fail, " / ", ActionWait, " ",
		ActionCertify, " ", ActionFail, " ", ActionDone); got != want {
		t.Errorf("got %s", got)
	}
}

func TestQueueOfALane(t *testing.T) {
	s := Segment{Queue: "functions"}
	for _, l := range []Lane{"", Functions, Workers} {
		if got := s.QueueOf(l); got != "functions" {
			t.Errorf("without workers, lane %q: %s", l, got)
		}
	}
	s.Workers = "workers"
	for l, want := range map[Lane]string{"": "functions", Functions: "functions", Workers: "workers"} {
		if got := s.QueueOf(l); got != want {
			t.Errorf("lane %q: %s", l, got)
		}
	}
}

func TestCodecs(t *testing.T) {
	levels := map[Codec]int{"": 3, Zstd1: 1, Zstd3: 3, Zstd9: 9}
	for c, want := range levels {
		if got := c.Level(); got != want {
			t.Errorf("%q is level %d, want %d", c, got, want)
		}
	}
	for _, c := range Codecs {
		var got Codec
		if err := got.UnmarshalText([]byte(c)); err != nil || got != c {
			t.Errorf("%s reads as %q, %v", c, got, err)
		}
	}
	if err := new(Codec).UnmarshalText([]byte("gzip")); err == nil {
		t.Error("gzip is taken")
	}
}
