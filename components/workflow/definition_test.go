package workflow

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
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
