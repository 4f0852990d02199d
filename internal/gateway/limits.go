package gateway

import "time"

// Limits are what a request may have. Body and count are checked before anything is parsed.
type Limits struct {
	Body    int64 // bytes of a body, before and after decompression
	Records int   // in a body
	Record  int   // bytes of one
}

// DefaultLimits are the limits of the API. A record of a stream has at most 1 MiB with its partition key and, here, its
// envelope ("Kinesis Data Streams quotas").
var DefaultLimits = Limits{Body: 16 << 20, Records: 10_000, Record: 1<<20 - 1024}

// overhead is what a record takes in memory besides its bytes and their envelope: keys, lists, and its part of a call.
const overhead = 256

// Limits of PutRecords. AWS takes 10 MiB since 2025; 5 MiB are accepted everywhere.
const (
	callRecords = 500
	callBytes   = 5 << 20
)

// Times of a batch and its calls.
const (
	lingerIdle = 5 * time.Millisecond  // how long a batch waits for more records while no call is in flight
	lingerBusy = 20 * time.Millisecond // the same while all calls are in flight
	calls      = 16                    // concurrent calls for each stream

	callTimeout  = 5 * time.Second
	patience     = 10 * time.Second // no record is tried later than this after its receipt
	firstBackoff = 50 * time.Millisecond
	maxBackoff   = 2 * time.Second
)

// retryAfter is what clients are asked to wait, seconds.
const retryAfter = 1
