package runner

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func TestQueuePartialFailures(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	name := w.createFunction(t, nil)
	dead, deadARN := w.queue(t, "dead", "30", "", 0)
	url, arn := w.queue(t, "work", "1", deadARN, 2)
	w.send(t, url, "ok1", "bad1", "flaky", "ok2", "bad2", "ok3")
	w.mapping(t, name, arn, func(in *lambda.CreateEventSourceMappingInput) { in.BatchSize = aws.Int32(10) })

	got := w.waitMessages(t, dead, 2)
	slices.Sort(got)
	if !slices.Equal(got, []string{"bad1", "bad2"}) {
		t.Errorf("dead letters %q", got)
	}
	w.waitDepth(t, url, "0")
}

func TestQueueWholeBatchFails(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"panic", "exit", "unknown", "fail"} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			w := theWorld(t)
			name := w.createFunction(t, nil)
			dead, deadARN := w.queue(t, "dead", "30", "", 0)
			url, arn := w.queue(t, "work", "1", deadARN, 1)
			w.send(t, url, "ok", body)
			w.mapping(t, name, arn, nil)
			if got := w.waitMessages(t, dead, 2); len(got) != 2 {
				t.Errorf("dead letters %q: the good message of a failed batch has to come back too", got)
			}
		})
	}
}

func TestQueueMaximumConcurrency(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	name := w.createFunction(t, func(in *lambda.CreateFunctionInput) { in.Timeout = aws.Int32(1) })
	url, arn := w.queue(t, "work", "30", "", 0)
	w.send(t, url, "hang", "hang", "hang", "hang", "hang", "hang")
	w.mapping(t, name, arn, func(in *lambda.CreateEventSourceMappingInput) {
		in.BatchSize = aws.Int32(1)
		in.ScalingConfig = &types.ScalingConfig{MaximumConcurrency: aws.Int32(2)}
	})
	runs := w.waitInvocations(t, name, "six timeouts", func(list []Invocation) bool { return ended(list) == 6 })
	running, most := 0, 0
	for _, r := range runs {
		if r.Ended {
			running--
			if r.Error != errTimeout {
				t.Errorf("%+v", r)
			}
		} else {
			running++
		}
		most = max(most, running)
	}
	if most != 2 {
		t.Errorf("%d at once, want 2", most)
	}
}

func TestKillBusyInstance(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	name := w.createFunction(t, nil)
	url, arn := w.queue(t, "work", "1", "", 0)
	w.send(t, url, "hang")
	w.mapping(t, name, arn, nil)
	w.waitInvocations(t, name, "a start", func(list []Invocation) bool { return len(list) == 1 })
	pid, ok := w.Kill(name)
	if !ok {
		t.Fatal("nothing to kill")
	}
	runs := w.waitInvocations(t, name, "another start", func(list []Invocation) bool { return len(list) >= 3 })
	if runs[0].PID != pid || runs[1].Error != errExit || runs[2].PID == pid {
		t.Errorf("%+v", runs)
	}
}

func TestBatchFailures(t *testing.T) {
	t.Parallel()
	inBatch := func(id string) bool { return id == "a" || id == "b" }
	for response, want := range map[string][]string{
		``: nil, `null`: nil, `{}`: nil, `{"batchItemFailures":[]}`: nil, `{"batchItemFailures":null}`: nil,
		`{"other":1}`: nil,
		`{"batchItemFailures":[{"itemIdentifier":"a"}]}`:                        {"a"},
		`{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"a"}]}`: {"a"},
		`{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"a"}]}`: {"a", "b"},
	} {
		got, err := batchFailures([]byte(response), inBatch)
		if err != nil || len(got) != len(want) || slices.ContainsFunc(want, func(id string) bool { return !got[id] }) {
			t.Errorf("%s: %v, %v", response, got, err)
		}
	}
	for _, response := range []string{
		`"text"`, `[1]`, `{`, `{"batchItemFailures":[{"itemIdentifier":""}]}`,
		`{"batchItemFailures":[{"itemIdentifier":null}]}`,
		`{"batchItemFailures":[{"ItemIdentifier":"a"}]}`, `{"batchItemFailures":[{"itemIdentifier":"c"}]}`,
		`{"batchItemFailures":[{}]}`,
		`{"batchItemFailures":{"itemIdentifier":"a"}}`, `{"batchItemFailures":[{"itemIdentifier":5}]}`,
	} {
		if got, err := batchFailures([]byte(response), inBatch); err == nil {
			t.Errorf("%s: %v instead of an error", response, got)
		}
	}
}

func TestChooseVersion(t *testing.T) {
	t.Parallel()
	a := alias{version: "1", weights: map[string]float64{"2": 0.25}}
	for draw, want := range map[float64]string{0: "2", 0.249: "2", 0.25: "1", 0.999: "1"} {
		if got := chooseVersion(a, draw); got != want {
			t.Errorf("draw %v: version %s, want %s", draw, got, want)
		}
	}
}
