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
		Segments:  map[string]contract.SegmentOutputs[string]{"trips": {Queue: "q", DeadLetters: "d", Function: "f"}},
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
	o.Segments["trips"] = contract.SegmentOutputs[string]{Queue: "q", Function: "f"}
	_, err := contract.Outputs(o)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"workflow is not set", "functions intake is not set",
		"segments trips deadLetters is not set"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	if n := strings.Count(err.Error(), "not set"); n != 3 {
		t.Errorf("%d are reported as unset: %v", n, err)
	}
}
