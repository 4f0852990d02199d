// Package alarms gives the alarms of the emulator's CloudWatch their states, as CloudWatch does. It reads them and
// their metrics back from the emulator, so that whatever a stack declares is evaluated, and nothing is wired twice.
package alarms

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"dip/internal/metricmath"
)

// Rule says when data points make an alarm fire: when At of the last Of breach.
type Rule struct {
	Operator  types.ComparisonOperator
	Threshold float64
	Of, At    int
	Missing   string // missing, ignore, breaching or notBreaching; "": missing
}

// extra is how many periods before the last Of are read, too: where data points are missing, older ones count.
const extra = 2

// breaches compares a value with the threshold.
func (r Rule) breaches(value float64) (bool, error) {
	switch r.Operator {
	case types.ComparisonOperatorGreaterThanThreshold:
		return value > r.Threshold, nil
	case types.ComparisonOperatorGreaterThanOrEqualToThreshold:
		return value >= r.Threshold, nil
	case types.ComparisonOperatorLessThanThreshold:
		return value < r.Threshold, nil
	case types.ComparisonOperatorLessThanOrEqualToThreshold:
		return value <= r.Threshold, nil
	default:
		return false, fmt.Errorf("the operator %s is not evaluated", r.Operator)
	}
}

// State is that of an alarm with these data points, oldest first, and a state before. The rules for missing data points
// are those of "Configuring how CloudWatch alarms treat missing data", CloudWatch User Guide: what is there counts
// first, also from before the last Of periods; only what is missing after that is filled in.
func (r Rule) State(points []metricmath.Point, before types.StateValue) (types.StateValue, error) {
	there, breaching := 0, 0
	for i := len(points) - 1; i >= 0 && there < r.Of; i-- {
		if !points[i].There {
			continue
		}
		breaches, err := r.breaches(points[i].Value)
		if err != nil {
			return before, err
		}
		there++
		if breaches {
			breaching++
		}
	}
	filled, need := r.Of-there, r.At
	switch r.Missing {
	case "breaching":
		breaching += filled
	case "notBreaching":
	case "ignore":
		if breaching == there && breaching < need { // nothing that is there says that all is well
			return before, nil
		}
	case "missing", "":
		if there == 0 {
			return types.StateValueInsufficientData, nil
		}
		need = min(need, there)
	default:
		return before, fmt.Errorf("to treat missing data as %s is not evaluated", r.Missing)
	}
	if breaching >= need {
		return types.StateValueAlarm, nil
	}
	return types.StateValueOk, nil
}
