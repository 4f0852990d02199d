package local

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/terminal"
)

// metaSHA256 is the metadata key for a landed sample's hash.
const metaSHA256 = "sha256"

// Ingest lands, or sends through the gateway, the samples that are not in the stack yet, and waits until every load has
// finished and every record that was sent is certified. It returns the outcomes of the loads in the order of the
// samples, and then those of the intervals; a failed load is not an error here.
func (s *Stack) Ingest(ctx context.Context, samples []Sample) ([]client.Progress, error) {
	show := terminal.NewSteps(s.options.Screen)
	files := slices.DeleteFunc(slices.Clone(samples), s.arrives)
	records := slices.DeleteFunc(slices.Clone(samples), func(of Sample) bool { return !s.arrives(of) })
	var loads, intervals []client.Progress
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		loads, err = s.land(gctx, show, files)
		return err
	})
	group.Go(func() (err error) {
		intervals, err = s.stream(gctx, show, records)
		return err
	})
	err := group.Wait()
	return append(loads, intervals...), err
}

// land lands files and waits until their loads have finished.
func (s *Stack) land(ctx context.Context, show *terminal.Steps, samples []Sample) ([]client.Progress, error) {
	stack := s.Client()
	loads := make([]string, len(samples))
	err := show.Run("put", func(say func(string, ...any)) (string, error) {
		var total, put int64
		var sent atomic.Int64
		for _, sample := range samples {
			total += sample.Size
		}
		for i, sample := range samples {
			object, landed, err := findLanded(ctx, stack, sample)
			if err != nil {
				return "", err
			}
			if !landed {
				put += sample.Size
				object, err = client.Upload{
					Bucket: stack.Outputs.LandingBucket, Key: object.Key, Metadata: map[string]string{metaSHA256: sample.SHA256},
					Sent: func(n int64) { say("%s: %s", sample.Segment, terminal.Bytes(sent.Add(n))) },
				}.PutFile(ctx, stack.S3, sample.Path)
				if err != nil {
					return "", err
				}
			}
			loads[i] = contract.LoadID(object)
		}
		if put == 0 {
			return "nothing new: " + terminal.Bytes(total) + " already landed", nil
		}
		return terminal.Bytes(put), nil
	})
	if err != nil {
		return nil, err
	}
	return s.await(ctx, show, stack, loads)
}

// await follows loads until all have finished.
func (s *Stack) await(
	ctx context.Context, show *terminal.Steps, stack *client.Stack, loads []string) ([]client.Progress, error,
) {
	outcomes := make([]client.Progress, len(loads))
	err := show.Run("loads", func(say func(string, ...any)) (string, error) {
		var finished atomic.Int32
		group, gctx := errgroup.WithContext(ctx)
		for i, id := range loads {
			group.Go(func() (err error) {
				outcomes[i], err = client.Follow(gctx, stack.Ledger, id, func(p client.Progress) {
					if !p.Status.Final() {
						say("%s: %s, %d of %d chunks", p.Segment, p.Status, p.Done, p.Chunks)
					}
				})
				finished.Add(1)
				return err
			})
		}
		err := group.Wait()
		return fmt.Sprintf("%d finished", finished.Load()), err
	})
	return outcomes, err
}

// findLanded checks whether a sample has already landed: the same content under the same key.
func findLanded(ctx context.Context, stack *client.Stack, s Sample) (contract.Object, bool, error) {
	o := contract.Object{Bucket: stack.Outputs.LandingBucket, Key: contract.LandingKey(s.Segment, filepath.Base(s.Path)),
		Size: s.Size}
	head, err := stack.S3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &o.Bucket, Key: &o.Key})
	var answer *awshttp.ResponseError
	if errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusNotFound {
		return o, false, nil
	}
	if err != nil {
		return o, false, fmt.Errorf("check for s3://%s/%s: %w", o.Bucket, o.Key, err)
	}
	o.VersionID, o.ETag = aws.ToString(head.VersionId), aws.ToString(head.ETag)
	return o, aws.ToInt64(head.ContentLength) == s.Size && head.Metadata[metaSHA256] == s.SHA256, nil
}
