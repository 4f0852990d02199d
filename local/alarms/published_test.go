package alarms

import (
	"os"
	"strings"
	"testing"

	"dip/config"
)

// Every metric of a service that an alarm of the table watches is published on this machine: alarms ring here, too.
func TestServiceMetricsArePublished(t *testing.T) {
	published := ""
	for _, file := range []string{"../emulator/patches/service_metrics.py", "../emulator/patches/kinesis_metrics.py",
		"../runner/service_metrics.go", "../runner/kinesis.go"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		published += string(data)
	}
	for namespace, metrics := range config.ServiceMetrics {
		for _, name := range append([]string{namespace}, metrics...) {
			if !strings.Contains(published, `"`+name+`"`) {
				t.Errorf("nobody publishes %s %s", namespace, name)
			}
		}
	}
}
