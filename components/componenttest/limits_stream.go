package componenttest

import (
	"cmp"
	"strings"
)

// streamLimits are of Kinesis streams and of what takes their records.
var streamLimits = []limit{
	{
		of: []string{kinesisStream}, source: docs + "kinesis/latest/APIReference/API_CreateStream.html",
		check: func(_ *declared, r Resource) string {
			v := r.inputs()
			_, told := v["shardCount"]
			if told == (v.object("streamModeDetails").text("streamMode") == "ON_DEMAND") {
				return "a number of shards is for provisioned streams, and they need one"
			}
			return cmp.Or(outside(v, "shardCount", 1, 20_000), outside(v, "retentionPeriod", 24, 8760))
		},
	},
	{
		of:     []string{"aws:lambda/eventSourceMapping:EventSourceMapping"},
		source: docs + "lambda/latest/dg/services-kinesis-parameters.html",
		check: func(_ *declared, r Resource) string {
			v := r.inputs()
			if !strings.Contains(v.text("eventSourceArn"), ":kinesis:") {
				return ""
			}
			if v.text("startingPosition") == "" {
				return "a mapping of a stream needs its starting position"
			}
			if age := v.number("maximumRecordAgeInSeconds"); age != -1 && age != 0 {
				if text := outside(v, "maximumRecordAgeInSeconds", 60, 604_800); text != "" {
					return text
				}
			}
			return cmp.Or(outside(v, "batchSize", 1, 10_000), outside(v, "maximumBatchingWindowInSeconds", 0, 300),
				outside(v, "parallelizationFactor", 1, 10), outside(v, "maximumRetryAttempts", -1, 10_000))
		},
	},
}
