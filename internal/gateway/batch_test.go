package gateway

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
)

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name string
		n    int
		told []Outcome
		err  error
		want []Outcome
	}{
		{"some", 3, []Outcome{Accepted, Throttled, Denied}, nil, []Outcome{Accepted, Throttled, Denied}},
		{"too few results", 2, []Outcome{Accepted}, nil, []Outcome{Unavailable, Unavailable}},
		{"too many results", 1, []Outcome{Accepted, Accepted}, nil, []Outcome{Unavailable}},
		{"no reply", 1, nil, nil, []Outcome{Unavailable}},
		{"timeout", 2, nil, context.DeadlineExceeded, []Outcome{Unavailable, Unavailable}},
		{"an error beats a reply", 1, []Outcome{Accepted}, errors.New("reset"), []Outcome{Unavailable}},
		{"throttled call", 2, nil, fmt.Errorf("call: %w", &types.ProvisionedThroughputExceededException{}),
			[]Outcome{Throttled, Throttled}},
		{"throttled key", 1, nil, &types.KMSThrottlingException{}, []Outcome{Throttled}},
		{"no stream", 1, nil, &types.ResourceNotFoundException{}, []Outcome{Denied}},
		{"no rights", 1, nil, &smithy.GenericAPIError{Code: "AccessDeniedException"}, []Outcome{Denied}},
		{"server error", 1, nil, &smithy.GenericAPIError{Code: "InternalFailure"}, []Outcome{Unavailable}},
	} {
		if got := judge(c.n, c.told, c.err); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// sized makes records of these sizes, as PutRecords counts them.
func sized(sizes ...int) []*Record {
	list := make([]*Record, len(sizes))
	for i, size := range sizes {
		list[i] = &Record{line: make([]byte, size)}
		list[i].line = list[i].line[:max(0, 2*size-list[i].size())]
	}
	return list
}

// A call holds as many records as fit, and never none.
func TestFill(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(1, seed))
		largest := []int{100, 20_000, 1 << 20}[random.IntN(3)]
		sizes := make([]int, 1+random.IntN(1200))
		for i := range sizes {
			sizes[i] = 100 + random.IntN(largest)
		}
		n := fill(sized(sizes...))
		total := 0
		for _, size := range sizes[:n] {
			total += size
		}
		more := n < len(sizes) && n < 500 && total+sizes[n] <= 5<<20
		if n < 1 || n > 500 || total > 5<<20 || more {
			t.Errorf("seed %d: %d of %d records with %d bytes", seed, n, len(sizes), total)
		}
	}
	if n := fill(sized(6<<20, 6<<20)); n != 1 {
		t.Errorf("%d records that are too large", n)
	}
}

func TestLinger(t *testing.T) {
	for inFlight, want := range map[int]time.Duration{0: 5 * time.Millisecond, calls / 2: 12500 * time.Microsecond,
		calls: 20 * time.Millisecond, 2 * calls: 20 * time.Millisecond} {
		if got := linger(inFlight); got != want {
			t.Errorf("%d calls in flight: %s, want %s", inFlight, got, want)
		}
	}
}

func TestBackoff(t *testing.T) {
	for _, c := range []struct {
		attempt int
		chance  float64
		want    time.Duration
	}{
		{0, 0, 25 * time.Millisecond}, {0, .5, 37500 * time.Microsecond}, {1, 0, 50 * time.Millisecond},
		{5, 0, 800 * time.Millisecond}, {6, 0, time.Second}, {6, .5, 1500 * time.Millisecond}, {1000, 0, time.Second},
	} {
		if got := backoff(c.attempt, c.chance); got != c.want {
			t.Errorf("attempt %d, %g: %s, want %s", c.attempt, c.chance, got, c.want)
		}
	}
}

func TestStatusOf(t *testing.T) {
	results := func(statuses ...int) []Result {
		var list []Result
		for i, s := range statuses {
			list = append(list, Result{Index: i, Status: s})
		}
		return list
	}
	for _, c := range []struct {
		records int
		failed  []Result
		want    int
	}{
		{2, nil, 200}, {2, results(400), 207}, {2, results(503), 207}, {1, results(413), 413}, {1, results(400), 400},
		{2, results(413, 400), 400}, {2, results(400, 413), 400}, {2, results(400, 429), 429},
		{3, results(503, 429, 400), 503}, {3, results(400, 429, 503), 503},
	} {
		if got := statusOf(c.records, c.failed); got != c.want {
			t.Errorf("%d records, %+v: %d, want %d", c.records, c.failed, got, c.want)
		}
	}
}
