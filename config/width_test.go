package config

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// A table that is too wide for its partitions is refused before anything is created, with what would help.
func TestWideTables(t *testing.T) {
	for _, c := range []struct {
		columns    int
		partition  string // the member
		partitions int
		memory     int
		want       string // "": accepted
	}{
		{2000, `, "partition": {"field": "c0", "by": "value"}`, 64, 1769,
			"segments.trips.memoryMB: 1769: 2000 columns in 64 partitions take 2256 MiB together: want " +
				"segments.trips.memoryMB of at least that, or segments.trips.maxPartitions of at most 48"},
		{2000, `, "partition": {"field": "c0", "by": "value"}`, 48, 1769, ""},
		{2000, `, "partition": {"field": "c0", "by": "value"}`, 64, 2256, ""},
		{2000, "", 64, 512, ""}, // not partitioned
		{128, `, "partition": {"field": "c0", "by": "value"}`, 64, 512, ""},
		{400, `, "partition": {"field": "c0", "by": "value"}`, 64, 512,
			"take 656 MiB together: want segments.trips.memoryMB of at least that, or segments.trips.maxPartitions of at " +
				"most 40"},
	} {
		var fields []string
		for i := range c.columns {
			fields = append(fields, fmt.Sprintf(`{"name": "c%d", "type": "string"}`, i))
		}
		files := fstest.MapFS{"schemas/trips.json": {Data: []byte(`{"fields": [` + strings.Join(fields, ",") + `]}`)}}
		text := fmt.Sprintf(`{"environment": "small", "segments": {"trips": {"memoryMB": %d, "maxPartitions": %d%s}}}`,
			c.memory, c.partitions, c.partition)
		_, err := Parse([]byte(text), Options{Files: files})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%d columns, %d partitions, %d MB: %v", c.columns, c.partitions, c.memory, err)
		}
	}
}
