package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/terminal"
)

type putFlags struct {
	segment, key string
	wait         bool
}

// landed is the result of a put without --wait.
type landed struct {
	Load    string          `json:"load"`
	Segment string          `json:"segment"`
	Object  contract.Object `json:"object"`
}

func (a *app) putCommand() *cobra.Command {
	var f putFlags
	cmd := &cobra.Command{
		Use:   "put FILE... --segment SEGMENT",
		Short: "Upload files to the landing bucket",
		Long: "Put uploads files to the landing bucket in parts, each with a checksum. The pipeline ingests them; --wait\n" +
			"follows the loads. The file name - means standard input and needs --key.\n\n" +
			"Putting the same content under the same key again loads nothing twice (loads.skipSame).",
		Example: "  dip put trips.csv --segment trips --wait\n  zcat old.gz | dip put - --segment trips --key trips/old.csv",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(cmd *cobra.Command, files []string) error { return a.put(cmd.Context(), files, f) },
	}
	cmd.Flags().StringVarP(&f.segment, "segment", "s", "", "the segment that the files belong to (required)")
	cmd.Flags().StringVar(&f.key, "key", "", "key in the landing bucket (default SEGMENT/file name)")
	cmd.Flags().BoolVarP(&f.wait, "wait", "w", false, "wait until every load is certified or failed")
	return cmd
}

// check validates the command line before anything is uploaded.
func (f putFlags) check(files []string) error {
	var errs []error
	if f.segment == "" {
		errs = append(errs, errors.New("--segment is required"))
	}
	if f.key != "" && len(files) > 1 {
		errs = append(errs, errors.New("--key takes a single file"))
	}
	if f.key != "" && f.segment != "" && contract.SegmentOf(f.key) != f.segment {
		errs = append(errs, fmt.Errorf("--key %s: keys of this segment begin with %s", f.key,
			contract.LandingKey(f.segment, "")))
	}
	names := map[string]string{}
	for _, file := range files {
		if file == "-" && f.key == "" {
			errs = append(errs, errors.New("standard input needs --key"))
		}
		name := filepath.Base(file)
		if other, ok := names[name]; ok {
			errs = append(errs, fmt.Errorf("%s and %s have the same key: put them one at a time with --key", other, file))
		}
		names[name] = file
	}
	if err := errors.Join(errs...); err != nil {
		return usageError{err}
	}
	for _, file := range files {
		if file == "-" {
			continue
		}
		if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
			errs = append(errs, fmt.Errorf("put %s: %w", file, client.ErrNotFound))
		} else if err != nil {
			errs = append(errs, fmt.Errorf("put: %w", err))
		}
	}
	return errors.Join(errs...)
}

func (a *app) put(ctx context.Context, files []string, f putFlags) error {
	if err := f.check(files); err != nil {
		return err
	}
	stack, err := a.connect(ctx)
	if err != nil {
		return err
	}
	if err := stack.CheckSegment(f.segment); err != nil {
		return err
	}
	if stack.Outputs.Segments[f.segment].Stream != nil {
		return usagef("the records of segment %s arrive by stream, not as files: use dip send", f.segment)
	}
	ids := make([]string, len(files))
	for i, file := range files {
		key := f.key
		if key == "" {
			key = contract.LandingKey(f.segment, filepath.Base(file))
		}
		o, err := a.upload(ctx, stack, file, key)
		if err != nil {
			return err
		}
		ids[i] = contract.LoadID(o)
		if f.wait {
			continue
		}
		text := fmt.Sprintf("%s  %s\n", ids[i], terminal.Printable(key))
		if err := a.result(landed{ids[i], f.segment, o}, text); err != nil {
			return err
		}
	}
	if !f.wait {
		return nil
	}
	return a.wait(ctx, stack, ids)
}

// upload shows a progress bar while a file is sent.
func (a *app) upload(ctx context.Context, stack *client.Stack, file, key string) (contract.Object, error) {
	var sent atomic.Int64
	total := int64(0)
	if info, err := os.Stat(file); err == nil && file != "-" {
		total = info.Size()
	}
	stop := a.animate(func(took time.Duration) []string {
		return []string{uploadLine(filepath.Base(key), sent.Load(), total, took)}
	})
	defer stop()
	u := client.Upload{Bucket: stack.Outputs.LandingBucket, Key: key, Sent: func(n int64) { sent.Add(n) }}
	if file == "-" {
		return u.PutStream(ctx, stack.S3, io.Reader(os.Stdin))
	}
	return u.PutFile(ctx, stack.S3, file)
}

// uploadLine shows an upload's progress after some time. A total of 0 means unknown.
func uploadLine(name string, sent, total int64, took time.Duration) string {
	rate := 0.0
	if took > 0 {
		rate = float64(sent) / took.Seconds()
	}
	name = terminal.Fit(terminal.Printable(name), 20)
	if total == 0 {
		return fmt.Sprintf("%-20s  %s  %s MB/s", name, terminal.Bytes(sent), terminal.Rate(rate))
	}
	line := fmt.Sprintf("%-20s %s %9s  %s MB/s", name, terminal.Bar(float64(sent)/float64(total), barWidth),
		terminal.Bytes(sent), terminal.Rate(rate))
	if rate > 0 && sent < total {
		line += "  " + terminal.Duration(seconds(float64(total-sent)/rate)) + " left"
	}
	return line
}

// redrawEvery is the interval between redraws of a live line.
const redrawEvery = 200 * time.Millisecond

// animate redraws lines until stop is called.
func (a *app) animate(lines func(took time.Duration) []string) (stop func()) {
	if !a.screen.IsLive() {
		return func() {}
	}
	began := time.Now()
	done, drawn := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(drawn)
		ticker := time.NewTicker(redrawEvery)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				a.screen.Live()
				return
			case now := <-ticker.C:
				a.screen.Live(lines(now.Sub(began))...)
			}
		}
	}()
	return func() {
		close(done)
		<-drawn
	}
}

// wait follows loads until they finish and prints the outcomes in order. Its error joins those of the failed ones.
func (a *app) wait(ctx context.Context, stack *client.Stack, ids []string) error {
	outcomes := make([]client.Progress, len(ids))
	group, gctx := errgroup.WithContext(ctx)
	board := &board{screen: a.screen, loads: make([]client.Progress, len(ids))}
	for i, id := range ids {
		group.Go(func() (err error) {
			outcomes[i], err = client.Follow(gctx, stack.Ledger, id, func(p client.Progress) { board.show(i, p) })
			return err
		})
	}
	err := group.Wait()
	a.screen.Live()
	if err != nil {
		return err
	}
	var failed []error
	for _, p := range outcomes {
		failed = append(failed, client.Outcome(p))
		p.States = nil
		if err := a.result(p, summaryLine(p)); err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}
