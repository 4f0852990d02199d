package config

import (
	"reflect"
	"slices"

	"dip/contract"
)

// Arrival is how the records of a segment arrive.
type Arrival string

// The ways.
const (
	ByFiles  Arrival = "files"  // in the landing bucket
	ByStream Arrival = "stream" // one by one, by a Kinesis stream
)

// Arrivals lists them.
var Arrivals = []Arrival{ByFiles, ByStream}

// UnmarshalText accepts the names of the ways.
func (a *Arrival) UnmarshalText(text []byte) error { return oneOf(a, text, Arrivals) }

// StreamMode is who decides how many shards a stream has.
type StreamMode string

// The modes: Kinesis, by what arrives, or the setting.
const (
	StreamOnDemand    StreamMode = "on-demand"
	StreamProvisioned StreamMode = "provisioned"
)

// StreamModes lists them.
var StreamModes = []StreamMode{StreamOnDemand, StreamProvisioned}

// UnmarshalText accepts the names of the modes.
func (m *StreamMode) UnmarshalText(text []byte) error { return oneOf(m, text, StreamModes) }

// API is the mode's name in Kinesis.
func (m StreamMode) API() string {
	if m == StreamOnDemand {
		return "ON_DEMAND"
	}
	return "PROVISIONED"
}

// Stream is the settings of a segment's stream and of its intervals.
type Stream struct {
	Mode StreamMode `json:"mode"` // on-demand: Kinesis sets the number of shards; provisioned: shards is the number
	// provisioned: the number of shards. on-demand: how many are expected at most, which counts towards the account's
	// concurrency; Kinesis begins with 4
	Shards    int      `json:"shards" limits:"1..10000"`
	Retention Duration `json:"retention" limits:"24h..8760h"` // how long Kinesis keeps a record, whole hours
	// ARN of an existing KMS key that encrypts the records, whose policy must allow producers and the stack's roles its
	// use; "": the stack makes one
	KMSKey  string `json:"kmsKey"`
	Protect bool   `json:"protect"` // refuse to destroy

	Parallelization int      `json:"parallelization" limits:"1..10"` // batches of a shard that are processed at once
	BatchSize       int      `json:"batchSize" limits:"1..10000"`    // records per invocation at most
	BatchingWindow  Duration `json:"batchingWindow" limits:"0s..5m"` // how long a batch may wait to fill up
	MaxRetries      int      `json:"maxRetries" limits:"1..10000"`   // of a batch that fails, before it is set aside
	MaxRecordAge    Duration `json:"maxRecordAge" limits:"1m..168h"` // an older record that fails is set aside
	// enhanced fan-out: 2 MB/s of each shard for the segment's function alone, at a price
	FanOut bool `json:"fanOut"`
	// how long the raw records are kept, days: as long as an interval can be verified or repaired
	ArchiveDays int `json:"archiveDays" limits:"7..36500" zero:"ever"`

	// length of an interval of arrival time: how often what arrived is certified. It cannot change later
	Interval Duration `json:"interval" limits:"1s..1h"`
	// from the end of an interval until it is closed: for the clocks' difference and for batches under way
	Grace Duration `json:"grace" limits:"1s..1h"`
	// an alarm fires when an interval is not certified this long after its end
	Due Duration `json:"due" limits:"10s..24h"`
	// a record that repeats the id of one up to this long before its interval is a duplicate; 0: only within the
	// interval
	LookBack Duration `json:"lookBack" limits:"0s..168h"`
}

func streamDefaults(e Environment) Stream {
	return Stream{
		Mode:   pick(e, StreamProvisioned, StreamProvisioned, StreamOnDemand, StreamOnDemand),
		Shards: pick(e, 2, 1, 4, 16), Retention: pick(e, hours(24), hours(24), hours(72), hours(168)),
		Protect: !e.Disposable(), Parallelization: pick(e, 2, 2, 4, 10), BatchSize: 10000,
		BatchingWindow: pick(e, seconds(1), seconds(10), seconds(10), seconds(10)), MaxRetries: pick(e, 3, 10, 10, 10),
		MaxRecordAge: pick(e, hours(1), hours(12), hours(24), hours(24)),
		Interval:     pick(e, seconds(20), minutes(5), minutes(5), minutes(5)),
		Grace:        pick(e, seconds(3), seconds(60), seconds(60), seconds(60)),
		Due:          pick(e, minutes(3), minutes(15), minutes(15), minutes(15)),
		LookBack:     pick(e, minutes(1), hours(1), hours(1), hours(1)),
	}
}

// catalog is the part of the settings that the data plane reads, without the stream's name.
func (s Stream) catalog() *contract.Stream {
	return &contract.Stream{IntervalSeconds: s.Interval.Seconds(), GraceSeconds: s.Grace.Seconds(),
		DueSeconds: s.Due.Seconds(), LookBackSeconds: s.LookBack.Seconds()}
}

// StreamNames lists the segments whose records arrive by stream, in order.
func (s *Stack) StreamNames() []string { return s.arriving(ByStream) }

// FileNames lists the segments whose records arrive as files, in order.
func (s *Stack) FileNames() []string { return s.arriving(ByFiles) }

func (s *Stack) arriving(by Arrival) []string {
	return slices.DeleteFunc(s.SegmentNames(), func(name string) bool { return s.Segments[name].Arrival != by })
}

// arrivalTag is the tag of a segment's settings that apply to one way of arrival only, which it names.
const arrivalTag = "arrival"

// checkArrivals reports settings of a segment that do not apply to how its records arrive.
func (s *Stack) checkArrivals(raw map[string]any, found *problems) {
	all, _ := raw["segments"].(map[string]any)
	for name, settings := range all {
		given, _ := settings.(map[string]any)
		path := below("segments", name)
		if found.misread[below(path, "arrival")] {
			continue
		}
		is := s.Segments[name].Arrival
		for i := range reflect.TypeFor[Segment]().NumField() {
			f := reflect.TypeFor[Segment]().Field(i)
			only, key := Arrival(f.Tag.Get(arrivalTag)), f.Tag.Get("json")
			value, there := given[key]
			if only == "" || only == is || !there {
				continue
			}
			paths := []string{below(path, key)}
			if members, ok := value.(map[string]any); ok && len(members) > 0 {
				paths = paths[:0]
				for member := range members {
					paths = append(paths, below(below(path, key), member))
				}
			}
			for _, at := range paths {
				found.add(at, "applies only to records that arrive by %s: remove it, or set %s.arrival: %s", only, path, only)
			}
		}
	}
}

// clockSkew is how far the clock of a function may be ahead of Kinesis's. Both are AWS's; a marker that arrived before
// the end of its interval would be taken for a record.
const clockSkew = 5

// closings is how long the closer takes at least, which runs every minute: it puts markers, and then certifies.
const closings = 2

// validate reports every problem of a stream's settings.
func (s Stream) validate(path string, e Environment, found *problems) {
	skew := pick(e, seconds(1), seconds(clockSkew), seconds(clockSkew), seconds(clockSkew))
	if s.KMSKey != "" && !keyARN.MatchString(s.KMSKey) {
		found.add(path+".kmsKey", "%q is not the ARN of a KMS key", s.KMSKey)
	}
	if s.Retention%hours(1) != 0 {
		found.add(path+".retention", "%s: want whole hours", s.Retention)
	}
	if s.MaxRecordAge > s.Retention {
		found.add(path+".maxRecordAge", "%s: want at most %s.retention, %s: the stream has nothing older", s.MaxRecordAge,
			path, s.Retention)
	}
	if e != Local && s.Interval < minutes(1) {
		found.add(path+".interval", "%s: want at least 1m: the closer runs every minute", s.Interval)
	}
	if least := s.BatchingWindow + skew; s.Grace < least {
		found.add(path+".grace", "%s: want at least %s, %s.batchingWindow and %s for the difference of clocks: records "+
			"would be processed once more when their interval closes", s.Grace, least, path, skew)
	}
	if least := s.Grace + minutes(closings); s.Due < least {
		found.add(path+".due", "%s: want at least %s, %s.grace and two runs of the closer: every interval would be overdue",
			s.Due, least, path)
	}
}

// Validate reports every problem of a stream's settings, with path before their names.
func (s Stream) Validate(path string, e Environment) error {
	return check(path, s, func(found *problems) { s.validate(path, e, found) })
}
