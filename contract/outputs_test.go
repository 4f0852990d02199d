package contract_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"dip/contract"
)

func outputs() contract.StackOutputs[string] {
	return contract.StackOutputs[string]{
		Region: "r", LandingBucket: "landing", LakeBucket: "lake", LedgerTable: "table", Catalog: "catalog/1.json",
		IntakeQueue: "q", IntakeDeadLetters: "d", Workflow: "w", EventBus: "b", SigningKey: "k", AlarmTopic: "t",
		Functions: map[string]string{"intake": "f"},
		Segments: map[string]contract.SegmentOutputs[string]{
			"trips":    {QueueOutputs: &contract.QueueOutputs[string]{Queue: "q", DeadLetters: "d"}, Function: "f"},
			"readings": {Stream: &contract.StreamOutputs[string]{Name: "s", Witness: "w", Closer: "c"}, Function: "f"},
		},
		Gateway: &contract.GatewayOutputs[string]{URL: "u", Tokens: new("t"), Balancer: new("b")},
	}
}

func TestOutputsAreReadAsTheyWereWritten(t *testing.T) {
	tree, err := contract.Outputs(outputs())
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), `"trips":{"deadLetters":"d","function":"f","queue":"q"}`) {
		t.Errorf("the outputs of a queue are not beside those of its segment: %s", data)
	}
	var got contract.StackOutputs[string]
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, outputs()) {
		t.Errorf("got %+v", got)
	}
}

func TestOutputsNameWhatIsUnset(t *testing.T) {
	o := outputs()
	o.Workflow = ""
	o.Functions["intake"] = ""
	o.Segments["trips"].DeadLetters = ""
	o.Segments["readings"].Stream.Closer = ""
	_, err := contract.Outputs(o)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"workflow is not set", "functions intake is not set",
		"segments trips deadLetters is not set", "segments readings stream closer is not set"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	if n := strings.Count(err.Error(), "not set"); n != 4 {
		t.Errorf("%d are reported as unset: %v", n, err)
	}
}
