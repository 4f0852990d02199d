package contract

// MetricNamespace is the CloudWatch namespace of the pipeline's own metrics.
const MetricNamespace = "dip"

// Dimensions of every metric. CloudWatch bills each combination of values as a metric of its own: $0.30 a month
// (https://aws.amazon.com/cloudwatch/pricing/, us-east-1, the first 10,000 metrics).
const (
	StackDimension   = "stack"
	SegmentDimension = "segment"
)

// NoSegment is the segment in metrics of what has none: a dimension cannot be empty.
const NoSegment = "none"

// Unit is a CloudWatch unit
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html).
type Unit string

// The units in use. A megabyte is 1,000,000 bytes.
const (
	UnitCount   Unit = "Count"
	UnitSeconds Unit = "Seconds"
	UnitBytes   Unit = "Bytes"
	UnitRate    Unit = "Megabytes/Second"
)

// Metric is a series that the data plane emits. Alarms, dashboards and graphs refer to it by this declaration, never by
// a name typed again.
type Metric struct {
	Name  string
	Unit  Unit
	Value string // what one value is
}

// Metrics of a chunk, emitted by the function or the worker whose acknowledgement counts.
var (
	ChunksAcknowledged = Metric{Name: "ChunksAcknowledged", Unit: UnitCount, Value: "1 per acknowledged chunk"}
	ChunkAttempts      = Metric{Name: "ChunkAttempts", Unit: UnitCount, Value: "attempts that an acknowledged chunk took"}
	ChunkSeconds       = Metric{Name: "ChunkSeconds", Unit: UnitSeconds, Value: "from claim to acknowledgement of a chunk"}
	ChunkRate          = Metric{Name: "ChunkRate", Unit: UnitRate, Value: "a chunk's BytesIn over its ChunkSeconds"}
	BytesIn            = Metric{Name: "BytesIn", Unit: UnitBytes, Value: "decompressed input of an acknowledged chunk"}
	RecordsIn          = Metric{Name: "RecordsIn", Unit: UnitCount, Value: "records of an acknowledged chunk"}
	RecordsOut         = Metric{Name: "RecordsOut", Unit: UnitCount, Value: "those of RecordsIn that went to the output"}
	RecordsQuarantined = Metric{Name: "RecordsQuarantined", Unit: UnitCount, Value: "those of RecordsIn in quarantine"}
	ChunkErrors        = Metric{Name: "ChunkErrors", Unit: UnitCount, Value: "1 per attempt that ended with an error"}
	ChunksHandedBack   = Metric{Name: "ChunksHandedBack", Unit: UnitCount,
		Value: "1 per chunk that a worker did not finish because its pod had to stop"}
)

// Metrics of a load, emitted by the reconciler as it records the outcome.
var (
	LoadsPublished = Metric{Name: "LoadsPublished", Unit: UnitCount, Value: "1 per published load"}
	LoadsFailed    = Metric{Name: "LoadsFailed", Unit: UnitCount, Value: "1 per failed load"}
	LoadSeconds    = Metric{Name: "LoadSeconds", Unit: UnitSeconds, Value: "from a load's receipt to its publication"}
)

// Metrics of a load in a segment with a deadline, emitted by the reconciler each time that it looks at the load, and as
// it publishes it.
var (
	DeadlineSlack = Metric{Name: "DeadlineSlack", Unit: UnitSeconds,
		Value: "from the end of a load, predicted until it is over, to its deadline; below zero: too late"}
	LateLoads = Metric{Name: "LateLoads", Unit: UnitCount, Value: "1 per load past its deadline, else 0"}
)

// Metrics of the sweeper, one value a sweep. Sweeps has no segment.
var (
	LostEvents = Metric{Name: "LostEvents", Unit: UnitCount,
		Value: "a segment's objects that landed without a load, enqueued now"}
	OldestLoad = Metric{Name: "OldestLoad", Unit: UnitSeconds,
		Value: "since the receipt of a segment's oldest unfinished load"}
	Sweeps = Metric{Name: "Sweeps", Unit: UnitCount, Value: "1 per sweep that ended without an error"}
)

// Metric of the maintenance function, one value a run that ended without an error. It has no segment.
var OverdueUpdates = Metric{Name: "OverdueUpdates", Unit: UnitCount,
	Value: "node groups that the last maintenance window should have updated, and did not"}

// Metrics of a stream, emitted by its closer: one value a run.
var (
	OverdueIntervals = Metric{Name: "OverdueIntervals", Unit: UnitCount,
		Value: "intervals that are past their due time and not certified"}
	Watermark = Metric{Name: "Watermark", Unit: UnitSeconds,
		Value: "since the end of the newest certified interval: how old the newest visible records are"}
	Closings = Metric{Name: "Closings", Unit: UnitCount, Value: "1 per run of the closer that ended without an error"}
)

// Metrics lists every metric.
func Metrics() []Metric {
	return []Metric{
		ChunksAcknowledged, ChunkAttempts, ChunkSeconds, ChunkRate, BytesIn, RecordsIn, RecordsOut, RecordsQuarantined,
		ChunkErrors, ChunksHandedBack, LoadsPublished, LoadsFailed, LoadSeconds, DeadlineSlack,
		LateLoads, LostEvents, OldestLoad, Sweeps, OverdueIntervals, Watermark, Closings,
		OverdueUpdates,
	}
}
