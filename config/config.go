// Package config is the settings of one stack: a strictly decoded, typed object with defaults for its environment,
// validated as a whole before anything registers. It knows nothing of Pulumi, so that the command line and the
// tests read a stack's settings exactly as the deployment does.
package config

import (
	"encoding/json"
	"maps"
	"slices"

	"dip/contract"
)

// Where a stack file keeps its settings.
const (
	Key          = "dip:stack"     // the object that Parse reads
	ArtifactsKey = "dip:artifacts" // folder of the built functions; default build/<architecture>
)

// Stack is the settings of one stack. Every field has a default for the environment but the environment itself.
type Stack struct {
	Environment  Environment  `json:"environment" jsonschema:"required"` // decides the defaults of everything else
	Architecture Architecture `json:"architecture"`                      // of the functions; default arm64, on local the host's
	// Tags are put on every resource that takes tags, beside dip:stack and dip:environment.
	Tags map[string]string `json:"tags"`
	// AlarmTopics are ARNs of SNS topics that alarms notify; none: alarms only change their state.
	AlarmTopics []string           `json:"alarmTopics"`
	Landing     Bucket             `json:"landing"` // where inputs land
	Lake        Bucket             `json:"lake"`    // outputs, quarantine, certificates and catalogs
	Ledger      Ledger             `json:"ledger"`
	Queues      Queues             `json:"queues"`
	Functions   Functions          `json:"functions"`
	Loads       Loads              `json:"loads"`
	Sweep       Sweep              `json:"sweep"`
	Segments    map[string]Segment `json:"segments"` // by name: lower-case letters, digits and dashes, at most 40

	Network    Network              `json:"network"`    // used by the cluster
	Cluster    Cluster              `json:"cluster"`    // Kubernetes: workers, restage jobs and what they need
	NodeGroups map[string]NodeGroup `json:"nodeGroups"` // by name: lower-case letters, digits and dashes, at most 40
}

// Bucket is the settings of a bucket.
type Bucket struct {
	NoncurrentDays  int  `json:"noncurrentDays"`  // how long an overwritten or deleted version is kept, days
	AbortUploadDays int  `json:"abortUploadDays"` // when an unfinished multipart upload is thrown away, days
	Protect         bool `json:"protect"`         // refuse to destroy; default in staging and prod
	// IntelligentTiering opts in to the archive tiers. Reads from them need a restore first: leave them off where
	// inputs are replayed.
	IntelligentTiering Tiering `json:"intelligentTiering"`
}

// Tiering is when objects that nobody reads move to the archive tiers; 0 means never.
type Tiering struct {
	ArchiveDays     int `json:"archiveDays"`     // at least 90
	DeepArchiveDays int `json:"deepArchiveDays"` // at least 180
}

// Ledger is the settings of the ledger table.
type Ledger struct {
	PointInTimeRecovery bool `json:"pointInTimeRecovery"` // default in prod
	DeletionProtection  bool `json:"deletionProtection"`  // default in staging and prod
}

// Queues is what all queues share.
type Queues struct {
	MaxReceives          int      `json:"maxReceives"`          // receives after which a message is a dead letter, at least 5
	Retention            Duration `json:"retention"`            // how long a message is kept
	DeadLettersRetention Duration `json:"deadLettersRetention"` // counts from the message's first enqueueing: above retention
	MaxAge               Duration `json:"maxAge"`               // the alarm rings when the oldest message is older
}

// Functions is the settings of the functions that every stack has.
type Functions struct {
	Intake     Function `json:"intake"`
	Splitter   Function `json:"splitter"`
	Reconciler Function `json:"reconciler"`
	Sweeper    Function `json:"sweeper"`
}

// Function is the settings of a function.
type Function struct {
	MemoryMB            int      `json:"memoryMB"`            // MiB, 128 to 10,240; 1,769 give one vCPU
	Timeout             Duration `json:"timeout"`             // at most 900s
	LogRetentionDays    int      `json:"logRetentionDays"`    // one of the values that CloudWatch has
	ReservedConcurrency int      `json:"reservedConcurrency"` // instances kept for it alone; 0: none
}

// Loads is how loads are cut and watched.
type Loads struct {
	ChunkMB int `json:"chunkMB"` // target size of a chunk, MiB of input
	// DueAfter is how long nothing may be heard of a chunk before it is sent again. It is longer than any segment's
	// timeout, so that no chunk runs twice at once. Default: the longest timeout and 10s, in AWS at least 15m.
	DueAfter    Duration `json:"dueAfter"`
	MaxAttempts int      `json:"maxAttempts"` // a load fails when a chunk was sent so often in vain
}

// Sweep is how often lost events are looked for.
type Sweep struct {
	Rate  Duration `json:"rate"`  // whole minutes
	Grace Duration `json:"grace"` // younger objects may still have their event under way
}

// Segment is one kind of record: how it is written, and the function that processes it.
type Segment struct {
	Encoding  contract.Encoding `json:"encoding"`  // csv or ndjson; default csv
	Delimiter string            `json:"delimiter"` // CSV: default ","
	Quote     *string           `json:"quote"`     // CSV: default "\""; "": no quoting, quotes are data
	Header    *bool             `json:"header"`    // CSV: the first record names the columns; default true
	Schema    string            `json:"schema"`    // Table Schema file; default schemas/<name>.json
	Partition Partition         `json:"partition"` // layout of the outputs; default by load date

	MaxBadShare float64 `json:"maxBadShare"` // a load fails when a larger share of its records, or of their lines, is bad; default 0.05
	MaxRecordMB int     `json:"maxRecordMB"` // a longer record fails its load, MiB; default 16

	Function
	Concurrency    int           `json:"concurrency"`    // batches that run at once, 2 to 1,000
	BatchSize      int           `json:"batchSize"`      // chunks an invocation; default 1
	BatchingWindow Duration      `json:"batchingWindow"` // how long a batch may wait to fill; default 0s
	Package        string        `json:"package"`        // default lambdas/<name>
	Lane           contract.Lane `json:"lane"`           // functions, or workers: all chunks run on the cluster; default functions

	schema json.RawMessage
}

// Partition lays a segment's outputs out by a field of the record.
type Partition struct {
	Field string `json:"field"`
	By    By     `json:"by"` // default value
}

// Dialect is how the segment's inputs are written.
func (s Segment) Dialect() contract.Dialect {
	d := contract.Dialect{Encoding: s.Encoding, Delimiter: s.Delimiter, Header: s.Header != nil && *s.Header}
	if s.Quote != nil {
		d.Quote = *s.Quote
	}
	return d
}

// Catalog is the segment's entry in the catalog, but for its queues.
func (s Segment) Catalog() contract.Segment {
	return contract.Segment{
		Dialect:     s.Dialect(),
		Schema:      s.schema,
		Partition:   contract.Partition{Field: s.Partition.Field, By: string(s.Partition.By)},
		MaxBadShare: s.MaxBadShare,
		MaxRecordMB: s.MaxRecordMB,
		Lane:        s.Lane,
		FunctionMB:  s.FunctionMB(),
	}
}

// SegmentNames lists the segments in order.
func (s *Stack) SegmentNames() []string { return slices.Sorted(maps.Keys(s.Segments)) }
