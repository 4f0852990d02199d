package contract

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// Catalog is what the data plane knows of the segments. It is stored under a name made of its content: a load is
// pinned to the catalog it began with, so a change of schema never splits a load in two.
type Catalog struct {
	Version  int                `json:"v"`
	Segments map[string]Segment `json:"segments"`
	Restage  string             `json:"restage,omitempty"` // URL of the restage queue; "" in a stack without a cluster
}

// Segment is one kind of record.
type Segment struct {
	Dialect     Dialect         `json:"dialect"`
	Schema      json.RawMessage `json:"schema"`      // Frictionless Table Schema
	Partition   Partition       `json:"partition"`   // how outputs are laid out
	MaxBadShare float64         `json:"maxBadShare"` // a load fails when a larger share of its records is quarantined
	MaxRecordMB int             `json:"maxRecordMB"` // a longer record fails its load, MiB
	// a load fails when one of its chunks has more partitions; 0, in catalogs from before the setting: 64
	MaxPartitions int    `json:"maxPartitions,omitempty"`
	Compression   Codec  `json:"compression,omitempty"` // of the outputs; "", in catalogs from before the setting: Zstd3
	Queue         string `json:"queue,omitempty"`       // URL of the segment's queue; "" with a stream
	DeadLetters   string `json:"deadLetters,omitempty"` // URL of its dead-letter queue; "" with a stream

	Lane    Lane   `json:"lane,omitempty"`    // where chunks of ordinary size run; "" is Functions
	Workers string `json:"workers,omitempty"` // URL of the queue of the segment's workers; "" without a cluster
	// more content than a function may take at once, MiB, is the heavy lane's; 0: no limit
	FunctionMB int `json:"functionMB,omitempty"`
	// how long a load may take from its receipt to its publication; 0: as long as it likes
	DeadlineSeconds int `json:"deadlineSeconds,omitempty"`

	Loads Loads `json:"loads,omitzero"`

	Stream *Stream `json:"stream,omitempty"` // how its records arrive by stream; nil: they arrive as files
}

// Loads is how a segment's loads are processed. A load keeps the settings that it started with.
type Loads struct {
	ChunkBytes      int64 `json:"chunkBytes,omitempty"`      // target size of a chunk, of content
	DueAfterSeconds int   `json:"dueAfterSeconds,omitempty"` // a chunk that is unclaimed for this long may be lost
	MaxAttempts     int   `json:"maxAttempts,omitempty"`     // failed claims of a chunk that fail its load
	KeepSeconds     int   `json:"keepSeconds,omitempty"`     // how long a queue keeps a message
	MaxContentBytes int64 `json:"maxContentBytes,omitempty"` // a load with more content, decompressed, fails; 0: no limit
	MaxExpansion    int   `json:"maxExpansion,omitempty"`    // content over stored bytes; more fails; 0: no limit
	// a version with the content of the one before it is the same load
	SkipSame bool `json:"skipSame,omitempty"`
	// a chunk whose quarantine is larger, compressed, fails; 0: no limit
	MaxQuarantineBytes int64 `json:"maxQuarantineBytes,omitempty"`
}

// defaultLoads applies where a catalog is silent: one stored before the setting existed, to which loads may still be
// pinned. A chunk is due after the longest that a function can run, 900 s, and the longest batching window, 300 s, so
// that none runs twice concurrently, whatever the segment's timeout is.
var defaultLoads = Loads{ChunkBytes: 64 << 20, DueAfterSeconds: 1210, MaxAttempts: 5, KeepSeconds: 4 * 24 * 3600}

func (l Loads) orDefault() Loads {
	settings, defaults := reflect.ValueOf(&l).Elem(), reflect.ValueOf(defaultLoads)
	for i := range settings.NumField() {
		if settings.Field(i).IsZero() {
			settings.Field(i).Set(defaults.Field(i))
		}
	}
	return l
}

// Codec is how a segment's outputs are compressed.
type Codec string

// The codecs, from the fastest to the one with the smallest outputs.
const (
	Zstd1 Codec = "zstd-1"
	Zstd3 Codec = "zstd-3"
	Zstd9 Codec = "zstd-9"
)

// Codecs lists them.
var Codecs = []Codec{Zstd1, Zstd3, Zstd9}

// UnmarshalText accepts the names of the codecs.
func (c *Codec) UnmarshalText(text []byte) error {
	if !slices.Contains(Codecs, Codec(text)) {
		return fmt.Errorf("%q: want one of %q", text, Codecs)
	}
	*c = Codec(text)
	return nil
}

// Level is the level of zstd.
func (c Codec) Level() int {
	switch c {
	case Zstd1:
		return 1
	case Zstd9:
		return 9
	}
	return 3
}

// QueueOf is the queue of the chunks of a lane. Where there are no workers, the function takes theirs.
func (s Segment) QueueOf(l Lane) string {
	if l == Workers && s.Workers != "" {
		return s.Workers
	}
	return s.Queue
}

// Lane is where chunks run.
type Lane string

// The lanes.
const (
	Functions Lane = "functions" // the segment's Lambda function
	Workers   Lane = "workers"   // the segment's workers on the cluster
)

// Lanes lists them.
var Lanes = []Lane{Functions, Workers}

// UnmarshalText accepts the names of the lanes.
func (l *Lane) UnmarshalText(text []byte) error {
	if !slices.Contains(Lanes, Lane(text)) {
		return fmt.Errorf("%q: want one of %q", text, Lanes)
	}
	*l = Lane(text)
	return nil
}

// Partition says how a segment's outputs are laid out. The zero value means by load date.
type Partition struct {
	Field string `json:"field,omitempty"` // field of the record
	By    string `json:"by,omitempty"`    // value, day, month or year
}

// Column is the name of the partition column, as readers of Hive-style paths see it.
func (p Partition) Column() string {
	switch {
	case p.Field == "":
		return "load_date"
	case p.By == "value":
		return p.Field
	}
	return p.Field + "_" + p.By
}

// Encode gives the catalog's bytes (the same for the same content) and its key.
func (c Catalog) Encode() (key string, data []byte, err error) {
	data, err = json.Marshal(c)
	if err != nil {
		return "", nil, fmt.Errorf("encode catalog: %w", err)
	}
	return CatalogKey(data), data, nil
}

// CatalogKey is where a catalog's bytes are stored.
func CatalogKey(data []byte) string {
	sum := sha256.Sum256(data)
	return CatalogPrefix + hex.EncodeToString(sum[:12]) + ".json"
}

// Segment returns a segment by name, with defaults for load settings that an old catalog lacks. The error lists the
// existing segments.
func (c Catalog) Segment(name string) (Segment, error) {
	if s, ok := c.Segments[name]; ok {
		s.Loads = s.Loads.orDefault()
		return s, nil
	}
	return Segment{}, fmt.Errorf("unknown segment %q: this stack has %q", name, slices.Sorted(maps.Keys(c.Segments)))
}
