package workflow

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"dip/components/componenttest"
)

var functions = Functions{
	Splitter:   "arn:aws:lambda:us-east-1:123456789012:function:splitter:live",
	Reconciler: "arn:aws:lambda:us-east-1:123456789012:function:reconciler:live",
}

func TestDefinition(t *testing.T) {
	text, err := Definition(functions)
	if err != nil {
		t.Fatal(err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, []byte(text), "", "  "); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	componenttest.Golden(t, "testdata/definition.json", pretty.Bytes())
	again, err := Definition(functions)
	if err != nil || again != text {
		t.Error("the same functions give another text")
	}
}

// ARNs of China and of GovCloud begin otherwise.
func TestDefinitionIsOfItsPartition(t *testing.T) {
	text, err := Definition(Functions{Splitter: "arn:aws-cn:lambda:cn-north-1:1:function:s", Reconciler: "arn:aws-cn:x"})
	if err != nil || strings.Contains(text, "arn:aws:") || !strings.Contains(text, "arn:aws-cn:states:::lambda:invoke") {
		t.Errorf("%v: %s", err, text)
	}
}

// Every task ends, and is repeated for half an hour while its function is throttled: with full jitter, a delay is half
// of its bound on average.
func TestTasksEndAndEndureThrottling(t *testing.T) {
	text, err := Definition(functions)
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		States map[string]struct {
			Type           string
			TimeoutSeconds int
			Retry          []retrier
		}
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	for name, s := range m.States {
		if s.Type != "Task" {
			continue
		}
		if s.TimeoutSeconds <= 900 || s.TimeoutSeconds > 1000 {
			t.Errorf("%s ends after %d s: want a little more than a function's 900", name, s.TimeoutSeconds)
		}
		seconds, delay := 0.0, 0.0
		for _, r := range s.Retry {
			if !slices.Contains(r.ErrorEquals, "Lambda.TooManyRequestsException") {
				continue
			}
			delay = float64(r.IntervalSeconds)
			for range r.MaxAttempts {
				seconds += delay / 2
				delay = min(delay*r.BackoffRate, float64(r.MaxDelaySeconds))
			}
		}
		if seconds < 1800 || seconds > 2400 {
			t.Errorf("%s endures %.0f s of throttling", name, seconds)
		}
	}
}

// Every transition leads to a state, every state but the first is reached, and every task but the last resort says
// what happens when it fails.
func TestEveryStateIsConnected(t *testing.T) {
	text, err := Definition(functions)
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		StartAt string
		States  map[string]struct {
			Type, Next, Default string
			Choices, Catch      []struct{ Next string }
			Retry               []any
		}
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	reached := map[string]bool{m.StartAt: true}
	for name, s := range m.States {
		next := []string{s.Next, s.Default}
		for _, c := range slices.Concat(s.Choices, s.Catch) {
			next = append(next, c.Next)
		}
		for _, n := range next {
			if _, ok := m.States[n]; n != "" && !ok {
				t.Errorf("%s continues with %s, which is not a state", name, n)
			}
			reached[n] = true
		}
		if s.Type == "Task" && (len(s.Retry) == 0 || len(s.Catch) == 0 && name != recordFailure) {
			t.Errorf("%s has %d retries and %d catches", name, len(s.Retry), len(s.Catch))
		}
		if ends := s.Type == "Succeed" || s.Type == "Fail"; ends != (s.Next == "" && s.Default == "") {
			t.Errorf("%s, a %s, continues with %q", name, s.Type, s.Next)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.States)) {
		if !reached[name] {
			t.Errorf("nothing leads to %s", name)
		}
	}
}
