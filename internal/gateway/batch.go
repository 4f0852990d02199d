package gateway

import (
	"errors"
	"slices"
	"time"

	"github.com/aws/smithy-go"
)

// Outcome is what became of a record.
type Outcome uint8

// The outcomes. A record that is Unavailable may be in the stream all the same: the reply was lost, perhaps.
const (
	Accepted    Outcome = iota // Kinesis has it
	Throttled                  // refused for now, or never sent because others were
	Unavailable                // the call failed or timed out
	Denied                     // refused, and it will be again: rights, keys or the stream itself are missing
)

var outcomeNames = [...]string{"accepted", "throttled", "unavailable", "denied"}

func (o Outcome) String() string { return outcomeNames[o] }

// retries says whether the next call may succeed.
func (o Outcome) retries() bool { return o == Throttled || o == Unavailable }

// Error codes of PutRecords that ask for less, and those that no retry cures ("PutRecords", Kinesis API Reference).
var (
	throttles = []string{"ProvisionedThroughputExceededException", "KMSThrottlingException", "LimitExceededException",
		"ThrottlingException"}
	denials = []string{"AccessDeniedException", "InvalidArgumentException", "KMSAccessDeniedException",
		"KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException", "KMSOptInRequired",
		"ResourceNotFoundException", "ValidationException", "UnrecognizedClientException", "InvalidSignatureException",
		"ExpiredTokenException"}
)

func classify(code string) Outcome {
	switch {
	case slices.Contains(throttles, code):
		return Throttled
	case slices.Contains(denials, code):
		return Denied
	}
	return Unavailable
}

// judge gives the outcome of each of n records of a call, by what Put returned.
func judge(n int, told []Outcome, err error) []Outcome {
	if err == nil && len(told) == n {
		return told
	}
	outcomes := slices.Repeat([]Outcome{Unavailable}, n) // no reply, or none that can be matched
	var api smithy.APIError
	if errors.As(err, &api) {
		for i := range outcomes {
			outcomes[i] = classify(api.ErrorCode())
		}
	}
	return outcomes
}

// fill gives how many of the records that wait go into one call: as many as fit. The first one always does: a record is
// smaller than a call.
func fill(waiting []*Record) int {
	total := 0
	for i, r := range waiting[:min(len(waiting), callRecords)] {
		if total += r.size(); total > callBytes && i > 0 {
			return i
		}
	}
	return min(len(waiting), callRecords)
}

// linger is how long a batch waits for more records: the longer, the more calls are in flight, as each record then
// shares its call with more others.
func linger(inFlight int) time.Duration {
	share := float64(min(inFlight, calls)) / calls
	return lingerIdle + time.Duration(share*float64(lingerBusy-lingerIdle))
}

// backoff is how long a call's records wait after an attempt, counted from 0: half of a doubling time, and up to as
// much again by chance, so that gateways do not retry in step. chance is in [0, 1).
func backoff(attempt int, chance float64) time.Duration {
	full := maxBackoff
	if attempt < 16 {
		full = min(full, firstBackoff<<attempt)
	}
	return full/2 + time.Duration(chance*float64(full/2))
}
