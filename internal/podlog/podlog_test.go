package podlog

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// logs has one group. It refuses what PutLogEvents refuses.
type logs struct {
	t        *testing.T
	streams  map[string][]string // lines by stream
	requests int
	failing  error
	last     int64
}

func (l *logs) CreateLogStream(
	_ context.Context, in *cloudwatchlogs.CreateLogStreamInput, _ ...func(*cloudwatchlogs.Options),
) (*cloudwatchlogs.CreateLogStreamOutput, error) {
	if _, made := l.streams[*in.LogStreamName]; made {
		return nil, &types.ResourceAlreadyExistsException{}
	}
	l.streams[*in.LogStreamName] = []string{}
	return &cloudwatchlogs.CreateLogStreamOutput{}, nil
}

func (l *logs) PutLogEvents(
	ctx context.Context, in *cloudwatchlogs.PutLogEventsInput, _ ...func(*cloudwatchlogs.Options),
) (*cloudwatchlogs.PutLogEventsOutput, error) {
	if l.failing != nil {
		return nil, l.failing
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if _, made := l.streams[*in.LogStreamName]; !made || *in.LogGroupName != "group" {
		return nil, &types.ResourceNotFoundException{}
	}
	size := 0
	for _, e := range in.LogEvents {
		if *e.Message == "" || *e.Timestamp < l.last {
			l.t.Errorf("event %q at %d, after %d", *e.Message, *e.Timestamp, l.last)
		}
		l.last = *e.Timestamp
		size += len(*e.Message) + 26
		l.streams[*in.LogStreamName] = append(l.streams[*in.LogStreamName], *e.Message)
	}
	if len(in.LogEvents) == 0 || len(in.LogEvents) > 10_000 || size > 1_048_576 {
		l.t.Errorf("a request of %d events, %d bytes", len(in.LogEvents), size)
	}
	l.requests++
	return &cloudwatchlogs.PutLogEventsOutput{}, nil
}

func writer(t *testing.T) (*Writer, *logs, *bytes.Buffer) {
	l, out := &logs{t: t, streams: map[string][]string{}}, &bytes.Buffer{}
	return &Writer{Out: out, Client: l, Group: "group", Stream: "pod", Now: time.Now}, l, out
}

func (w *Writer) must(t *testing.T, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if n, err := w.Write([]byte(line)); n != len(line) || err != nil {
			t.Fatalf("write: %d, %v", n, err)
		}
	}
}

func TestLinesGoToOutputAndStream(t *testing.T) {
	w, l, out := writer(t)
	l.streams["pod"] = nil // the stream is there, as after the restart of a container
	w.must(t, "a\n", "\n", "b\n")
	if err := w.send(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out.String() != "a\n\nb\n" || !slices.Equal(l.streams["pod"], []string{"a", "b"}) {
		t.Errorf("output %q, stream %q", out, l.streams)
	}
}

func TestManyLinesTakeSeveralRequests(t *testing.T) {
	w, l, _ := writer(t)
	long := strings.Repeat("x", maxLine+100)
	w.must(t, long, long, long, long, long)
	for range 10_001 {
		w.must(t, "y\n")
	}
	if err := w.send(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := l.streams["pod"]; len(got) != 10_006 || len(got[0]) != maxLine || l.requests < 3 || w.bytes != 0 {
		t.Errorf("%d lines, the first of %d bytes, in %d requests; %d bytes wait", len(got), len(got[0]), l.requests, w.bytes)
	}
}

func TestLinesWaitWhileCloudWatchFails(t *testing.T) {
	w, l, out := writer(t)
	l.failing = errors.New("unreachable")
	w.must(t, "a\n")
	if err := w.send(t.Context()); err == nil {
		t.Fatal("no error")
	}
	line := strings.Repeat("x", maxLine-overhead)
	for range maxWaits / maxLine {
		w.must(t, line)
	}
	if w.bytes > maxWaits || w.dropped != 1 {
		t.Errorf("%d bytes wait, %d lines were dropped", w.bytes, w.dropped)
	}
	l.failing = nil
	if err := w.send(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := l.streams["pod"]
	if got[0] != "a" || len(got) != maxWaits/maxLine+1 || !strings.Contains(got[len(got)-1], `"lines":1`) {
		t.Errorf("%d lines from %.10q on, the last %.80q", len(got), got[0], got[len(got)-1])
	}
	if strings.Count(out.String(), line) != maxWaits/maxLine {
		t.Error("lines are missing in the pod's own output")
	}
}

// A clock that is set back puts no events out of order: CloudWatch would refuse the whole request.
func TestTimestampsDoNotDecrease(t *testing.T) {
	w, l, _ := writer(t)
	now := time.UnixMilli(2000)
	w.Now = func() time.Time { return now }
	w.must(t, "a\n")
	now = time.UnixMilli(1000)
	w.must(t, "b\n")
	if err := w.send(t.Context()); err != nil || l.last != 2000 {
		t.Errorf("%v, the last at %d", err, l.last)
	}
}

func TestRunSendsAtTicksWhenFullAndAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, l, out := writer(t)
		tick := make(chan time.Time)
		w.Tick = tick
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); w.Run(ctx) }()
		synctest.Wait()

		w.must(t, "a\n")
		synctest.Wait()
		if l.requests != 0 {
			t.Error("a line is sent at once")
		}
		tick <- time.Now()
		synctest.Wait()
		if l.requests != 1 {
			t.Errorf("%d requests after a tick", l.requests)
		}
		for range 3 {
			w.must(t, strings.Repeat("x", maxLine))
		}
		synctest.Wait()
		if l.requests != 2 {
			t.Errorf("%d requests when one is full", l.requests)
		}
		l.failing = errors.New("unreachable")
		w.must(t, "b\n")
		tick <- time.Now()
		synctest.Wait()
		if !strings.Contains(out.String(), "log lines are not in CloudWatch") {
			t.Errorf("nobody says that lines are missing: %s", out)
		}
		l.failing = nil
		w.must(t, "last\n")
		cancel()
		<-done
		if got := l.streams["pod"]; got[len(got)-1] != "last" || got[len(got)-2] != "b" {
			t.Errorf("the last lines are %q", got[len(got)-2:])
		}
	})
}
