package stack_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"dip/config"
	"dip/stack/stacktest"
)

// A new account may run ten functions at once: the preview says how many the stack needs, and what to do.
func TestConcurrencyOfANewAccount(t *testing.T) {
	t.Chdir("..")
	const quota = "aws:servicequotas/getServiceQuota:getServiceQuota"
	account := answers(quota, func(args properties) (properties, error) {
		value := 1000.0
		if args["quotaCode"].StringValue() == config.ConcurrencyQuota {
			value = 10
		}
		return properties{"value": resource.NewProperty(value)}, nil
	})
	for environment, fails := range map[config.Environment]bool{config.Dev: true, config.Local: false} {
		_, err := stacktest.RunWith(t, environment, nil, account, open)
		if (err != nil) != fails || err != nil && !strings.Contains(err.Error(),
			"functions run at once (segments.events 10, segments.trips 10, segments.readings 2, "+
				"readings-witness 1, readings-closer 1, intake 10, ") {
			t.Errorf("%s: %v", environment, err)
		}
	}
	account = answers(quota, func(properties) (properties, error) { return nil, errors.New("AccessDenied") })
	if _, err := stacktest.RunWith(t, config.Dev, nil, account, open); err != nil {
		t.Errorf("a quota that may not be read: %v", err)
	}
}
