package main

import (
	"fmt"
	"strings"
	"testing"

	"dip/config"
	"dip/stack/stacktest"
)

// Every line of the table of alarms is declared, and pages somebody: once.
func TestEveryAlarmPages(t *testing.T) {
	for _, e := range config.Environments {
		r, declared, rules := deploy(t, e), map[string]bool{}, ""
		for _, one := range r.Resources() {
			switch one.Type {
			case "aws:cloudwatch/metricAlarm:MetricAlarm":
				declared[one.Name] = true
			case "aws:cloudwatch/compositeAlarm:CompositeAlarm":
				in := one.Inputs.Mappable()
				if actions, ok := in["alarmActions"].([]any); !ok || len(actions) == 0 {
					t.Errorf("%s: page %s notifies nobody", e, one.Name)
				}
				rules += in["alarmRule"].(string)
			}
		}
		table := stacktest.Settings(t, e, onARM).Alarms()
		for _, a := range table {
			name := "operations-" + a.Name
			if !declared[name] || strings.Count(rules, fmt.Sprintf("ALARM(%q)", name)) != 1 {
				t.Errorf("%s: %s is not declared, or not on one page: %s", e, name, rules)
			}
		}
		if len(declared) != len(table) {
			t.Errorf("%s: %d alarms, and %d in the table", e, len(declared), len(table))
		}
	}
}
