package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// failurePause is the wait after a failed call to the emulator, so that a deleted queue does not cause a busy loop.
const failurePause = time.Second

// sources runs one poller per enabled event source mapping.
type sources struct {
	r       *Runner
	pollers map[string]*poller
	running sync.WaitGroup
}

// poller is a running mapping and its configuration.
type poller struct {
	config string
	cancel context.CancelFunc
	done   chan struct{}
}

func newSources(r *Runner) *sources {
	return &sources{r: r, pollers: map[string]*poller{}}
}

// enabledMappings reads the event source mappings that poll, by their id.
func (r *Runner) enabledMappings(ctx context.Context) (map[string]types.EventSourceMappingConfiguration, error) {
	enabled := map[string]types.EventSourceMappingConfiguration{}
	pages := lambda.NewListEventSourceMappingsPaginator(r.lambda, &lambda.ListEventSourceMappingsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list event source mappings: %w", err)
		}
		for _, m := range page.EventSourceMappings {
			if aws.ToString(m.State) == "Enabled" {
				enabled[aws.ToString(m.UUID)] = m
			}
		}
	}
	return enabled, nil
}

// sync starts the pollers of new mappings, stops those of removed or disabled ones, restarts changed ones.
func (s *sources) sync(ctx context.Context, wanted map[string]types.EventSourceMappingConfiguration) {
	for id, p := range s.pollers {
		m, ok := wanted[id]
		if ok && fingerprint(m) == p.config {
			continue
		}
		p.cancel()
		if !ok {
			p.config = "" // kept, so that the same mapping, enabled again, waits for its batches in flight
		}
	}
	for id, m := range wanted {
		if old := s.pollers[id]; old == nil || old.config != fingerprint(m) {
			s.pollers[id] = s.start(ctx, m, old)
		}
	}
}

// fingerprint changes with every setting of a mapping.
func fingerprint(m types.EventSourceMappingConfiguration) string {
	m.LastModified = nil
	text, err := json.Marshal(m)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// start runs a poller. It begins once the poller that it replaces has finished its batches in flight: a stream
// resumes at the checkpoint, and a queue stays within its concurrency.
func (s *sources) start(ctx context.Context, m types.EventSourceMappingConfiguration, old *poller) *poller {
	ctx, cancel := context.WithCancel(ctx)
	p := &poller{config: fingerprint(m), cancel: cancel, done: make(chan struct{})}
	s.running.Go(func() {
		defer close(p.done)
		if old != nil {
			<-old.done
		}
		switch service := strings.SplitN(aws.ToString(m.EventSourceArn), ":", 4)[2]; service {
		case "sqs":
			newQueuePoller(s.r, m).run(ctx)
		case "kinesis":
			newStreamPoller(s.r, m).run(ctx)
		default:
			s.r.log.Error("event source not supported in local mode", "source", aws.ToString(m.EventSourceArn))
		}
	})
	return p
}

// wait returns when all pollers have finished.
func (s *sources) wait() { s.running.Wait() }

// pause waits, or returns at once when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
