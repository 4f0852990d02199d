package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"golang.org/x/sync/errgroup"

	"dip/internal/client"
	"dip/internal/gateway"
	"dip/internal/send"
	"dip/internal/terminal"
)

const (
	sampleReadings = 200_000
	readingID      = "id" // member of the sample's records

	senders      = 4                // requests in flight
	sendPatience = 5 * time.Minute  // without any progress
	closeFor     = 10 * time.Minute // until all that was sent is certified
	closeEvery   = time.Second      // between two runs of the closer; its schedule runs it every minute
)

// stream sends the samples of segments whose records arrive by stream through the gateway, unless the ledger has them,
// and waits until all of their records are certified. It returns the intervals that have records.
func (s *Stack) stream(ctx context.Context, show *terminal.Steps, samples []Sample) ([]client.Progress, error) {
	var all []client.Progress
	for _, sample := range samples {
		intervals, err := s.certified(ctx, sample)
		if err != nil {
			return nil, err
		}
		if done, _ := covers(sample, intervals); !done {
			if err := s.send(ctx, show, sample); err != nil {
				return nil, err
			}
			if intervals, err = s.close(ctx, show, sample); err != nil {
				return nil, err
			}
		}
		all = append(all, intervals...)
	}
	return all, nil
}

// covers says whether intervals have all records of a sample, and how many they have. Its repeats are in none.
func covers(s Sample, intervals []client.Progress) (done bool, records int64) {
	for _, p := range intervals {
		records += p.RowsIn
	}
	return records >= s.Rows-s.Repeated, records
}

// certified lists the certified intervals of a sample's segment that have records, oldest first.
func (s *Stack) certified(ctx context.Context, sample Sample) ([]client.Progress, error) {
	books, now := s.Client().Ledger, time.Now().UTC()
	var list []client.Progress
	for day := s.Daemon.Started.UTC().Truncate(24 * time.Hour); !day.After(now); day = day.AddDate(0, 0, 1) {
		loads, err := books.Day(ctx, day.Format(time.DateOnly))
		if err != nil {
			return nil, err
		}
		for _, load := range loads {
			if load.Segment == sample.Segment && load.Interval != nil && load.Status.Final() {
				if p := client.Measure(load, nil, now); !p.Empty() {
					list = append(list, p)
				}
			}
		}
	}
	slices.SortFunc(list, func(a, b client.Progress) int { return a.Interval.Start.Compare(b.Interval.Start) })
	return list, nil
}

// send puts a sample through the gateway. A run that was cut off goes on where it was.
func (s *Stack) send(ctx context.Context, show *terminal.Steps, sample Sample) error {
	return show.Run("send", func(say func(string, ...any)) (string, error) {
		if s.Outputs.Gateway == nil {
			return "", errors.New("the stack has no gateway")
		}
		in, err := os.Open(sample.Path)
		if err != nil {
			return "", fmt.Errorf("send %s: %w", sample.Segment, err)
		}
		defer in.Close() // it was only read
		// How far it is belongs to this start: another one begins with an empty stream.
		journal := &send.Files{State: sample.Path + "." + s.Daemon.Instance, Refused: sample.Path + ".refused"}
		from, err := journal.Open(sample.SHA256, sample.Segment)
		if err == nil {
			_, err = in.Seek(from.Offset, io.SeekStart)
		}
		if err != nil {
			return "", fmt.Errorf("send %s: %w", sample.Segment, err)
		}
		counts := &send.Counts{}
		run := &send.Sender{
			Gateway: s.Outputs.Gateway.URL, Segment: sample.Segment, Token: s.Daemon.GatewayToken(), Client: http.DefaultClient,
			Source: sample.SHA256, Member: readingID, Limits: gateway.DefaultLimits, Parallel: senders, Patience: sendPatience,
			Journal: journal, Pause: client.Pause, Chance: rand.Float64, Now: time.Now, Counts: counts,
		}
		group, gctx := errgroup.WithContext(ctx)
		sent := make(chan struct{})
		group.Go(func() error {
			defer close(sent)
			reached, err := run.Run(gctx, in, from)
			if err == nil && reached.Refused > 0 {
				err = fmt.Errorf("the gateway refused %d records, which are in %s", reached.Refused, journal.Refused)
			}
			return err
		})
		group.Go(func() error {
			tick := time.NewTicker(daemonPoll)
			defer tick.Stop()
			for {
				select {
				case <-sent:
					return nil
				case <-tick.C:
					say("%s: %s records", sample.Segment, terminal.Count(from.Records+counts.Records.Load()))
				}
			}
		})
		if err := group.Wait(); err != nil {
			return "", fmt.Errorf("send %s: %w", sample.Segment, err)
		}
		return terminal.Count(sample.Rows) + " records", nil
	})
}

// close has the closer run until all that was sent is certified, as its schedule does less often.
func (s *Stack) close(
	ctx context.Context, show *terminal.Steps, sample Sample,
) (intervals []client.Progress, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, closeFor, fmt.Errorf(
		"not all of %s is certified within %s: see `dip tail %s`", sample.Segment, closeFor, sample.Segment))
	defer cancel()
	functions, closer := s.Client().Lambda, s.Outputs.Segments[sample.Segment].Stream.Closer
	err = show.Run("intervals", func(say func(string, ...any)) (string, error) {
		for {
			if _, err := functions.Invoke(ctx, &lambda.InvokeInput{FunctionName: &closer}); err != nil {
				return "", fmt.Errorf("run the closer of %s: %w", sample.Segment, err)
			}
			if intervals, err = s.certified(ctx, sample); err != nil {
				return "", err
			}
			done, records := covers(sample, intervals)
			if done {
				return fmt.Sprintf("%d certified", len(intervals)), nil
			}
			say("%s of %s records certified", terminal.Count(records), terminal.Count(sample.Rows-sample.Repeated))
			if err := client.Pause(ctx, closeEvery); err != nil {
				return "", err
			}
		}
	})
	return intervals, err
}

// arrives says whether the records of a sample arrive by stream.
func (s *Stack) arrives(sample Sample) bool { return s.Outputs.Segments[sample.Segment].Stream != nil }
