package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kintypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"dip/local/emulator"
)

// records of a run, and how many a request has.
const (
	recordsOfRun = 2400
	recordsOfAsk = 80
	clients      = 3
)

// lane is the incremental lane of the stack while a run sends records through it. A record is known by its value, which
// no other one has.
type lane struct {
	*testing.T
	stream  string
	kinesis *kinesis.Client

	mu       sync.Mutex
	promised map[int]bool // values that were answered with a success
	asked    int          // records that were sent at least once
}

// Whatever dies and whatever Kinesis does: each record that was answered with a success is in the output or in
// quarantine once, and every record that is in the stream is in a certified interval.
func TestStreamUnderFaults(t *testing.T) {
	t.Parallel() // with what waits for the sweeper
	outputs := stack.Outputs.Segments["readings"].Stream
	l := &lane{T: t, stream: outputs.Name, kinesis: kinesis.NewFromConfig(stack.AWSConfig()), promised: map[int]bool{}}
	for seed := range uint64(2) {
		l.run(seed)
	}
	l.settle()
	l.check()
}

// run sends records while everything goes wrong that a seed says.
func (l *lane) run(seed uint64) {
	l.Helper()
	random := rand.New(rand.NewPCG(seed, 13))
	l.provoke(emulator.StreamFaults{Seed: seed, Throttled: 60, Failed: 40, Refused: 40, Lost: 60})
	chaos.kill("readings", 6+random.IntN(6))
	defer chaos.kill("readings", 0)
	var sending sync.WaitGroup
	work := make(chan []int)
	for range clients {
		own := rand.New(rand.NewPCG(random.Uint64(), 1))
		sending.Go(func() {
			for values := range work {
				l.ask(values, own)
			}
		})
	}
	requests := recordsOfRun / recordsOfAsk
	trouble := map[int]func(){
		requests / 6: l.poison, requests / 4: l.killGateway, requests / 3: l.split, requests * 2 / 3: l.merge,
		requests * 3 / 4: l.killGateway,
	}
	for i := range requests {
		if happens := trouble[i]; happens != nil {
			happens()
		}
		values := make([]int, recordsOfAsk)
		for k := range values {
			values[k] = int(seed)*recordsOfRun + i*recordsOfAsk + k
		}
		work <- values
	}
	close(work)
	sending.Wait()
	l.provoke(emulator.StreamFaults{})
}

func (l *lane) provoke(f emulator.StreamFaults) {
	l.Helper()
	if err := emulator.Provoke(l.Context(), stack.Daemon.Endpoint, stack.Daemon.Key, l.stream, f); err != nil {
		l.Fatal(err)
	}
}

// ask sends a request until it is answered with a success; some clients give up before.
func (l *lane) ask(values []int, random *rand.Rand) {
	var body bytes.Buffer
	for _, v := range values {
		unit := "C"
		if v%50 == 0 {
			unit = "kelvin" // which the schema does not have
		}
		fmt.Fprintf(&body, `{"id":"e2e-%d","sensor":"hall-0001","site":"hall","quantity":"temperature","value":%d,"unit":%q,`+
			`"measured_at":"2026-01-31T10:00:00Z"}`+"\n", v, v, unit)
	}
	l.mu.Lock()
	l.asked += len(values)
	l.mu.Unlock()
	for range 40 {
		refused, err := l.post(body.Bytes())
		if err == nil {
			l.mu.Lock()
			for i, v := range values {
				if !refused[i] {
					l.promised[v] = true
				}
			}
			l.mu.Unlock()
			if len(refused) == 0 {
				return
			}
		}
		if random.IntN(20) == 0 {
			return // it does not care any more
		}
		pause := time.NewTimer(100 * time.Millisecond)
		select {
		case <-pause.C:
		case <-l.Context().Done():
			return
		}
	}
}

// post sends a body, and says which of its records were not accepted. The error says that none may be.
func (l *lane) post(body []byte) (refused map[int]bool, err error) {
	req, err := http.NewRequestWithContext(l.Context(), http.MethodPost,
		stack.Outputs.Gateway.URL+"/v1/segments/readings/records?id=id", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+stack.Daemon.GatewayToken())
	req.Header.Set("Content-Type", "application/x-ndjson")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Results []struct {
			Index, Status int
		}
	}
	switch res.StatusCode {
	case http.StatusOK, http.StatusMultiStatus:
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return nil, fmt.Errorf("answered %s", res.Status)
	default:
		l.Errorf("answered %s: %s", res.Status, text)
		return nil, fmt.Errorf("answered %s", res.Status)
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, err
	}
	refused = map[int]bool{}
	for _, r := range answer.Results {
		refused[r.Index] = true
	}
	return refused, nil
}

// poison puts into the stream what no segment wants, past the gateway.
func (l *lane) poison() {
	for _, data := range []string{"\xf3\x89\x9a\xc2 aggregated", "{", "\x00\x01\x02", `{"value":{}}`} {
		in := &kinesis.PutRecordInput{StreamName: &l.stream, PartitionKey: aws.String("poison"), Data: []byte(data)}
		if _, err := l.kinesis.PutRecord(l.Context(), in, func(o *kinesis.Options) { o.RetryMaxAttempts = 20 }); err != nil {
			l.Error(err)
		}
	}
}

// killGateway ends the gateway in the middle of what it does. The process that runs the stack starts it again.
func (l *lane) killGateway() {
	data, err := os.ReadFile(filepath.Join(stateDir, "gateway-running.json"))
	var running struct{ PID int }
	if err == nil {
		err = json.Unmarshal(data, &running)
	}
	if err == nil {
		err = syscall.Kill(running.PID, syscall.SIGKILL)
	}
	if err != nil {
		l.Errorf("kill the gateway: %v", err)
	}
}

// shards lists the open shards by their hash keys, and the closed ones.
func (l *lane) shards() (open, closed []kintypes.Shard) {
	l.Helper()
	out, err := l.kinesis.ListShards(l.Context(), &kinesis.ListShardsInput{StreamName: &l.stream})
	if err != nil {
		l.Fatal(err)
	}
	for _, s := range out.Shards {
		if s.SequenceNumberRange.EndingSequenceNumber == nil {
			open = append(open, s)
		} else {
			closed = append(closed, s)
		}
	}
	return open, closed
}

// split splits the last shard in two, and merge joins its children: the number of shards is then what was deployed.
func (l *lane) split() {
	open, _ := l.shards()
	_, err := l.kinesis.SplitShard(l.Context(), &kinesis.SplitShardInput{StreamName: &l.stream,
		ShardToSplit: open[len(open)-1].ShardId, NewStartingHashKey: aws.String("300000000000000000000000000000000000000")})
	if err != nil {
		l.Error(err)
	}
}

func (l *lane) merge() {
	open, _ := l.shards()
	last := open[len(open)-2:]
	_, err := l.kinesis.MergeShards(l.Context(), &kinesis.MergeShardsInput{StreamName: &l.stream,
		ShardToMerge: last[0].ShardId, AdjacentShardToMerge: last[1].ShardId})
	if err != nil {
		l.Error(err)
	}
}
