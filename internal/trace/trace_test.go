package trace_test

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"dip/internal/trace"
	"dip/internal/trace/tracetest"
)

var id = regexp.MustCompile(`"id":"[0-9a-f]{16}"`)

func TestSubsegment(t *testing.T) {
	r, next := tracetest.Start(t)
	now := time.UnixMilli(1_700_000_000_250)
	r.Now = func() time.Time { now = now.Add(time.Second); return now }
	for _, unsampled := range []string{"", "Root=1-a-b;Parent=c;Sampled=0", "Parent=c;Sampled=1", "Root=1-a-b;Sampled=1"} {
		r.Start(tracetest.Invocation(t.Context(), unsampled), "not sampled", nil)(nil)
	}
	ctx := tracetest.Invocation(t.Context(), tracetest.Header+";Lineage=1:a:0")
	now = time.UnixMilli(1_700_000_000_250)
	r.Start(ctx, "chunk", map[string]string{"load": "3f2a"})(errors.New("failed"))

	head, body, _ := strings.Cut(next(), "\n")
	if head != `{"format": "json", "version": 1}` || !json.Valid([]byte(body)) {
		t.Errorf("got %s\n%s", head, body)
	}
	want := `{"name":"chunk","id":"","trace_id":"1-5759e988-bd862e3fe1be46a994272793","parent_id":"53995c3f42cd8ad8",` +
		`"type":"subsegment","start_time":1700000001.25,"end_time":1700000002.25,"annotations":{"load":"3f2a"},"fault":true}`
	if got := id.ReplaceAllString(body, `"id":""`); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Outside of Lambda, and in functions without tracing, nothing is recorded and nothing fails.
func TestWithoutDaemon(t *testing.T) {
	trace.New("").Start(t.Context(), "chunk", nil)(nil)
	if trace.Header(t.Context()) != "" {
		t.Error("a context without a header has one")
	}
}
