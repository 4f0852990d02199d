// Package config is the settings of one stack: a strictly decoded, typed object with defaults for its environment,
// validated as a whole before anything registers. It does not import Pulumi, so that the command line and the
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

// Stack is the settings of one stack. Every field but the environment itself has a default for the environment.
type Stack struct {
	Environment Environment `json:"environment" jsonschema:"required"` // decides the defaults of everything else
	// of the functions; default arm64, on local that of the host
	Architecture Architecture `json:"architecture"`
	// put on every resource, in addition to dip:stack and dip:environment
	Tags map[string]string `json:"tags"`
	// ARN of a policy that bounds all roles; "": none. The cluster's own role cannot get one, or lose it, later
	PermissionsBoundary string `json:"permissionsBoundary"`
	// path of all roles, such as "/pipelines/"; "": none. It cannot change later
	RolePath string `json:"rolePath"`
	// what all physical names begin with, such as "acme"; "": names of the program's own. It cannot change later
	NamePrefix string `json:"namePrefix"`
	// mail addresses that are told of alarms and failed loads by the stack's SNS topic; AWS asks each for its consent
	AlarmEmails []string `json:"alarmEmails"`
	// HTTPS endpoints that are told the same; each has to confirm, as SNS asks it to
	AlarmWebhooks []string `json:"alarmWebhooks"`
	// ARNs of at most four other SNS topics that alarms notify too
	AlarmTopics []string `json:"alarmTopics"`
	// what the stack may cost a month before alarmEmails are told, at 80 % and at 100 % of it and when the forecast exceeds
	// it, USD; 0: no budget. The tag dip:stack has to be a cost allocation tag of the account that pays
	BudgetUSD int `json:"budgetUSD" limits:"0..10000000"`
	// a CloudWatch dashboard of what segments do, alarms watch, nodes there are and both cost, $3 a month
	Dashboard bool `json:"dashboard"`
	// X-Ray traces of functions and workflow: the first request of each second and 5 % of the rest, at $5 a million
	Tracing bool   `json:"tracing"`
	Landing Bucket `json:"landing"` // where inputs land
	// outputs, quarantine, certificates and catalogs
	Lake      Bucket    `json:"lake"`
	Ledger    Ledger    `json:"ledger"`    // the state of every load and chunk
	Backup    Backup    `json:"backup"`    // copies of the ledger and of both buckets
	Queues    Queues    `json:"queues"`    // what all queues share
	Functions Functions `json:"functions"` // the functions that are not a segment's own
	Loads     Loads     `json:"loads"`     // how loads are processed
	Sweep     Sweep     `json:"sweep"`     // the search for objects whose event was lost
	// by name: lower-case letters, digits and dashes, at most 40
	Segments map[string]Segment `json:"segments"`
	Rollout  Rollout            `json:"rollout"` // how chunks move to new versions of the segments' functions
	Gateway  Gateway            `json:"gateway"` // takes records over HTTP for the segments' streams

	Network    Network              `json:"network"`    // used by the cluster
	Cluster    Cluster              `json:"cluster"`    // Kubernetes: workers, restage jobs and what they need
	NodeGroups map[string]NodeGroup `json:"nodeGroups"` // by name: lower-case letters, digits and dashes, at most 40
	// when the nodes are updated, and when they sleep
	Maintenance Maintenance `json:"maintenance"`
}

// Bucket is the settings of a bucket.
type Bucket struct {
	// an existing bucket, of which the stack only sets the notifications; "": the stack makes its own. It must keep
	// versions; its other settings do not apply
	Name string `json:"name"`
	// ARN of an existing KMS key that encrypts the objects; "": the stack makes one
	KMSKey string `json:"kmsKey"`
	// how long an overwritten or deleted version is kept, days
	NoncurrentDays int `json:"noncurrentDays" limits:"1..36500"`
	// when an incomplete multipart upload is aborted, days
	AbortUploadDays int  `json:"abortUploadDays" limits:"1..36500"`
	Protect         bool `json:"protect"` // refuse to destroy
	// opts in to the archive tiers. Reads from them need a restore first: leave them off where inputs are replayed
	IntelligentTiering Tiering `json:"intelligentTiering"`
}

// Tiering is when objects that are not read move to the archive tiers; 0 means never.
type Tiering struct {
	ArchiveDays int `json:"archiveDays" limits:"90..730" zero:"never"` // without a read, days
	// without a read, days; more than archiveDays
	DeepArchiveDays int `json:"deepArchiveDays" limits:"180..730" zero:"never"`
}

// Ledger is the settings of the ledger table.
type Ledger struct {
	PointInTimeRecovery bool `json:"pointInTimeRecovery"` // restore to any second of the last 35 days
	DeletionProtection  bool `json:"deletionProtection"`  // refuse to delete the table
	// ARN of the KMS key that encrypts the table, whose policy must allow the stack's roles to decrypt; default a key that
	// DynamoDB owns
	KMSKey string `json:"kmsKey"`
}

// Queues is what all queues share.
type Queues struct {
	// receives after which a message is a dead letter
	MaxReceives int      `json:"maxReceives" limits:"5..1000"`
	Retention   Duration `json:"retention" limits:"1m..336h"` // how long a message is kept
	// counted from the message's first enqueueing: longer than retention
	DeadLettersRetention Duration `json:"deadLettersRetention" limits:"1m..336h"`
	// the alarm fires when the oldest message is older
	MaxAge Duration `json:"maxAge" limits:"1m..336h"`
}

// Functions is the settings of the functions that are not a segment's own.
type Functions struct {
	Intake     Function `json:"intake"`     // turns object events into loads
	Splitter   Function `json:"splitter"`   // plans loads
	Reconciler Function `json:"reconciler"` // runs the steps of loads
	Sweeper    Function `json:"sweeper"`    // finds objects whose event was lost
	Witness    Function `json:"witness"`    // of each stream: archives the records
	Closer     Function `json:"closer"`     // of each stream: certifies intervals
	Rollout    Function `json:"rollout"`    // starts rollouts of the segments' functions, and judges new versions
	// updates nodes, and has them sleep
	Maintenance Function `json:"maintenance"`
}

// Function is the settings of a function.
type Function struct {
	MemoryMB         int      `json:"memoryMB" limits:"128..10240"`      // MiB; 1,769 give one vCPU
	Timeout          Duration `json:"timeout" limits:"1s..15m"`          // of an invocation
	LogRetentionDays int      `json:"logRetentionDays" limits:"1..3653"` // a value that CloudWatch accepts
	// /tmp, MiB; default of segments: enough for the outputs of the largest chunk and their quarantine, otherwise 512
	EphemeralMB         int `json:"ephemeralMB" limits:"512..10240" zero:"512"`
	ReservedConcurrency int `json:"reservedConcurrency" limits:"0..100000"` // instances reserved for it; 0: none
}

// Loads is how loads are processed. A load keeps the settings that it started with: they are part of its catalog.
type Loads struct {
	ChunkMB int `json:"chunkMB" limits:"1..256"` // target size of a chunk, MiB of content
	// how long a chunk may go unclaimed before it counts as lost if its queue is empty: longer than any segment's
	// timeout; default the longest timeout plus 10s, in AWS at least 15m
	DueAfter Duration `json:"dueAfter" limits:"1s..24h"`
	// how many failed attempts at a chunk fail its load; waiting is no failure
	MaxAttempts int `json:"maxAttempts" limits:"2..100"`
	// a load with more content, decompressed, fails, GiB
	MaxContentGB int `json:"maxContentGB" limits:"1..51200"`
	// a load with more content for each stored byte fails; gzip cannot exceed 1032. The first 64 MiB do not count
	MaxExpansion int `json:"maxExpansion" limits:"2..1000000"`
	// a version of an object with the same content as the one before it is not loaded again: somebody repeated a write
	SkipSame bool `json:"skipSame"`
	// a chunk whose rejected records take more, compressed, fails its load, MiB
	MaxQuarantineMB int `json:"maxQuarantineMB" limits:"1..4096"`
}

// catalog is the part of the settings that the data plane reads, in its units. keep is how long a queue keeps a
// message.
func (l Loads) catalog(keep Duration) contract.Loads {
	return contract.Loads{
		ChunkBytes: int64(l.ChunkMB) << 20, DueAfterSeconds: l.DueAfter.Seconds(), MaxAttempts: l.MaxAttempts,
		MaxContentBytes: int64(l.MaxContentGB) << 30, KeepSeconds: keep.Seconds(),
		SkipSame: l.SkipSame, MaxExpansion: l.MaxExpansion, MaxQuarantineBytes: int64(l.MaxQuarantineMB) << 20,
	}
}

// Sweep is the search for objects whose event was lost.
type Sweep struct {
	Rate  Duration `json:"rate" limits:"1m..24h"`   // interval between sweeps, whole minutes
	Grace Duration `json:"grace" limits:"10s..24h"` // the event of a younger object may still be in flight
	// each sweep compares the versions that landed within it; older ones only the full comparison does
	Horizon Duration `json:"horizon" limits:"1h..2160h"`
	Full    Duration `json:"full" limits:"1h..2160h"` // between two full comparisons
}

// Segment is one kind of record: its format, and the function that processes it.
type Segment struct {
	// how the inputs are written, by default csv in utf-8; a name alone, as in encoding: ndjson, is the format
	Encoding  Encoding `json:"encoding"`
	Delimiter string   `json:"delimiter"` // CSV: the character between fields
	Quote     *string  `json:"quote"`     // CSV: the character around a field; "": no quoting, quotes are data
	// CSV: the first record names the columns
	Header *bool `json:"header" arrival:"files"`
	// CSV: the character that begins a line which is no record; "": there are none
	Comment string `json:"comment"`
	// CSV: how many lines come before the header and are no records
	SkipLines int `json:"skipLines" limits:"0..1000" arrival:"files"`
	// CSV: how many lines come after the last record and are no records; blank lines count
	FooterLines int       `json:"footerLines" limits:"0..1000" arrival:"files"`
	Schema      string    `json:"schema"`    // Table Schema file; default schemas/<name>.json
	Partition   Partition `json:"partition"` // layout of the outputs; default by load date

	// a load fails when a larger share of its records, or of their lines, is bad; an interval of a stream never fails
	MaxBadShare float64 `json:"maxBadShare" limits:"0..1"`
	MaxRecordMB int     `json:"maxRecordMB" limits:"1..256"` // a longer record fails its load, MiB
	// a load fails when one of its chunks has more partitions; each takes memory
	MaxPartitions int `json:"maxPartitions" limits:"1..500"`
	// of the outputs: zstd-1 takes less time and gives larger files, zstd-9 more time and smaller ones
	Compression contract.Codec `json:"compression"`

	Function
	Package string `json:"package"` // of the function; default lambdas/<name>
	// files, or stream: records come one by one, and are certified in intervals. It cannot change later
	Arrival Arrival `json:"arrival"`
	// concurrent batches; default by environment, with largestGB what the deadline takes
	Concurrency    int      `json:"concurrency" limits:"2..1000" arrival:"files"`
	BatchSize      int      `json:"batchSize" limits:"1..10000" arrival:"files"`    // chunks per invocation
	BatchingWindow Duration `json:"batchingWindow" limits:"0s..5m" arrival:"files"` // how long a batch may wait to fill up
	// functions, or workers: all chunks run on the cluster
	Lane contract.Lane `json:"lane" arrival:"files"`
	// alarms fire when a load is published, or will be, later than this after its receipt
	Deadline Duration `json:"deadline" limits:"1m..168h" zero:"none" arrival:"files"`
	// content of the largest load that has to be published within the deadline, GiB: memoryMB, concurrency and
	// loads.chunkMB follow where they are not set, and fail the preview where they are too low for it; 0: not known
	LargestGB int    `json:"largestGB" limits:"0..51200" arrival:"files"`
	Stream    Stream `json:"stream" arrival:"stream"` // how records arrive by stream, and become intervals

	schema json.RawMessage
}

// Encoding is how a segment's inputs are written.
type Encoding struct {
	Format  contract.Encoding `json:"format"`  // csv or ndjson
	Charset contract.Charset  `json:"charset"` // how characters are written as bytes
}

// UnmarshalText accepts the names of the formats.
func (e *Encoding) UnmarshalText(text []byte) error { return e.Format.UnmarshalText(text) }

// Partition is the layout of a segment's outputs by a field of the record.
type Partition struct {
	Field string `json:"field"` // of the record; without one, by the date of the load
	By    By     `json:"by"`    // default value; the others need a date
}

// Dialect is the format of the segment's inputs.
func (s Segment) Dialect() contract.Dialect {
	d := contract.Dialect{Encoding: s.Encoding.Format, Delimiter: s.Delimiter, Header: s.Header != nil && *s.Header,
		Comment: s.Comment, SkipLines: s.SkipLines, FooterLines: s.FooterLines}
	if s.Encoding.Charset != contract.UTF8 {
		d.Charset = s.Encoding.Charset
	}
	if s.Quote != nil {
		d.Quote = *s.Quote
	}
	return d
}

func (p Partition) catalog() contract.Partition {
	return contract.Partition{Field: p.Field, By: string(p.By)}
}

// Catalog is a segment's entry in the catalog, without its queues or the name of its stream.
func (s *Stack) Catalog(name string) contract.Segment {
	g := s.Segments[name]
	entry := contract.Segment{
		Dialect:       g.Dialect(),
		Schema:        g.schema,
		Partition:     g.Partition.catalog(),
		MaxBadShare:   g.MaxBadShare,
		MaxRecordMB:   g.MaxRecordMB,
		MaxPartitions: g.MaxPartitions,
		Compression:   g.Compression,
		Lane:          g.Lane,
		FunctionMB:    g.FunctionMB(),

		DeadlineSeconds: g.Deadline.Seconds(),
		Loads:           s.Loads.catalog(s.Queues.Retention),
	}
	if g.Arrival == ByStream {
		entry.Stream = g.Stream.catalog()
	}
	return entry
}

// SegmentNames lists the segments in order.
func (s *Stack) SegmentNames() []string { return slices.Sorted(maps.Keys(s.Segments)) }
