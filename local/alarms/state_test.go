package alarms

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"dip/internal/metricmath"
)

// read turns "0 - X" into data points: below the threshold, missing, above it.
func read(text string) (points []metricmath.Point) {
	for _, word := range strings.Fields(text) {
		points = append(points, metricmath.Point{Value: map[string]float64{"0": 0, "X": 2}[word], There: word != "-"})
	}
	return points
}

const (
	ok, alarm, unknown = types.StateValueOk, types.StateValueAlarm, types.StateValueInsufficientData
	before             = types.StateValue("as before")
)

// The examples of "Configuring how CloudWatch alarms treat missing data" in the CloudWatch User Guide, for three
// evaluation periods of which all, or two, have to breach.
func TestMissingData(t *testing.T) {
	ways := []string{"missing", "ignore", "breaching", "notBreaching"}
	for _, c := range []struct {
		at     int
		points string
		want   [4]types.StateValue
	}{
		{3, "0 - X - X", [4]types.StateValue{ok, ok, ok, ok}},
		{3, "- - - - 0", [4]types.StateValue{ok, ok, ok, ok}},
		{3, "- - - - -", [4]types.StateValue{unknown, before, alarm, ok}},
		{3, "0 X X - X", [4]types.StateValue{alarm, alarm, alarm, alarm}},
		{3, "- - X - -", [4]types.StateValue{alarm, before, alarm, ok}},
		{2, "0 - X - X", [4]types.StateValue{alarm, alarm, alarm, alarm}},
		{2, "0 0 X 0 X", [4]types.StateValue{alarm, alarm, alarm, alarm}},
		{2, "0 - X - -", [4]types.StateValue{ok, ok, alarm, ok}},
		{2, "- - - - 0", [4]types.StateValue{ok, ok, alarm, ok}},
		{2, "- - - X -", [4]types.StateValue{alarm, before, alarm, ok}},
		// what is there counts up to the evaluation periods and no further
		{3, "0 0 X X X", [4]types.StateValue{alarm, alarm, alarm, alarm}},
		{1, "X X 0 0 0", [4]types.StateValue{ok, ok, ok, ok}},
	} {
		for i, missing := range ways {
			r := Rule{
				Operator: types.ComparisonOperatorGreaterThanThreshold, Threshold: 1, Of: 3, At: c.at, Missing: missing,
			}
			if got, err := r.State(read(c.points), before); got != c.want[i] || err != nil {
				t.Errorf("%d of 3 of %s, %s: %s, %v, want %s", c.at, c.points, missing, got, err, c.want[i])
			}
		}
	}
}

func TestOperators(t *testing.T) {
	for operator, want := range map[types.ComparisonOperator][3]bool{ // below, at and above the threshold
		types.ComparisonOperatorGreaterThanThreshold:          {false, false, true},
		types.ComparisonOperatorGreaterThanOrEqualToThreshold: {false, true, true},
		types.ComparisonOperatorLessThanThreshold:             {true, false, false},
		types.ComparisonOperatorLessThanOrEqualToThreshold:    {true, true, false},
	} {
		for i, value := range []float64{4, 5, 6} {
			r := Rule{Operator: operator, Threshold: 5, Of: 1, At: 1}
			got, err := r.State([]metricmath.Point{{Value: value, There: true}}, ok)
			if (got == alarm) != want[i] || err != nil {
				t.Errorf("%v %s 5: %s, %v", value, operator, got, err)
			}
		}
	}
}

func TestWhatIsNotEvaluated(t *testing.T) {
	for want, r := range map[string]Rule{
		"the operator GreaterThanUpperThreshold": {
			Operator: types.ComparisonOperatorGreaterThanUpperThreshold, Of: 1, At: 1},
		"missing data as wrong": {
			Operator: types.ComparisonOperatorGreaterThanThreshold, Of: 1, At: 1, Missing: "wrong"},
	} {
		if got, err := r.State(read("X"), before); got != before || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
}

func TestComposite(t *testing.T) {
	states := map[string]types.StateValue{"good": ok, "bad AND worse": alarm, "new": unknown}
	for rule, want := range map[string]bool{
		`ALARM("good")`:                               false,
		`ALARM("bad AND worse")`:                      true,
		`ALARM("good") OR ALARM("bad AND worse")`:     true,
		`ALARM("good") AND ALARM("bad AND worse")`:    false,
		`NOT ALARM("good") AND OK("good")`:            true,
		`OK("good") AND NOT (ALARM("new"))`:           true,
		`INSUFFICIENT_DATA("new") AND NOT OK("good")`: false,
	} {
		if got, err := Composite(rule, states); got != want || err != nil {
			t.Errorf("%s: %v, %v", rule, got, err)
		}
	}
	for rule, want := range map[string]string{
		`ALARM("gone")`: `there is no alarm "gone"`, `RED("good")`: "RED is not a state", `ALARM(good)`: "in quotes",
		`ALARM("good") + OK("good")`: "the operator + is not evaluated", `-OK("good")`: "the operator - is not evaluated",
		`TRUE`: "is not evaluated", ``: "expected operand", `OK("good") AND NOT RED("good")`: "RED is not a state",
	} {
		if _, err := Composite(rule, states); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", rule, err, want)
		}
	}
}
