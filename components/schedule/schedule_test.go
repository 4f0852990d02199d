package schedule

import (
	"strings"
	"testing"
	"time"

	"dip/config"
)

func TestExpression(t *testing.T) {
	for minutes, want := range map[int]string{1: "rate(1 minute)", 2: "rate(2 minutes)", 90: "rate(90 minutes)"} {
		if got := expression(config.Duration(minutes) * config.Duration(time.Minute)); got != want {
			t.Errorf("%d minutes are %s, want %s", minutes, got, want)
		}
	}
}

func TestBadArgs(t *testing.T) {
	for _, rate := range []time.Duration{0, 30 * time.Second, 90 * time.Second} {
		err := (&Args{Rate: config.Duration(rate)}).Validate()
		if err == nil || !strings.Contains(err.Error(), "Rate: ") || !strings.Contains(err.Error(), "Function: missing") {
			t.Errorf("%s: %v", rate, err)
		}
	}
}
