package scenarios

import (
	"context"
	"fmt"
	"io"
	"time"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/sample"
	"dip/internal/verify"
)

// land puts a made-up input into the landing bucket and gives the load's id.
func (l *Lab) land(ctx context.Context, key, segment string, c contract.Compression, o sample.Options) (string, error) {
	reader, writer := io.Pipe()
	go func() {
		_, err := client.Generate(writer, segment, c, o)
		writer.CloseWithError(err)
	}()
	s := l.Stack.Client()
	object, err := client.Upload{Bucket: s.Outputs.LandingBucket, Key: key}.PutStream(ctx, s.S3, reader)
	if err != nil {
		return "", fmt.Errorf("land %s: %w", key, err)
	}
	return contract.LoadID(object), nil
}

// outcome is how a load ended.
type outcome struct {
	progress client.Progress
	took     time.Duration // from its receipt to its end
	chunks   int           // of its certificate
}

// certified waits for a load, and proves its certificate again with independent code.
func (l *Lab) certified(ctx context.Context, id string, limit time.Duration) (outcome, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("load %s: not over after %s", id, limit))
	defer cancel()
	s := l.Stack.Client()
	p, err := client.Follow(ctx, s.Ledger, id, func(client.Progress) {})
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return outcome{progress: p}, err
	}
	if p.Status != contract.Published {
		return outcome{progress: p}, fmt.Errorf("load %s of %s is %s: %s", id, p.Key, p.Status, p.Reason)
	}
	load, err := s.Ledger.Load(ctx, id)
	if err != nil {
		return outcome{progress: p}, err
	}
	c, sum, err := client.Certificate(ctx, s.Lake, load)
	if err != nil {
		return outcome{progress: p}, err
	}
	report, err := verify.Certificate(ctx, verify.Options{Lake: s.Lake, Certificate: c, SHA256: sum})
	if err != nil {
		return outcome{progress: p}, err
	}
	if !report.Verified {
		return outcome{progress: p}, fmt.Errorf("load %s of %s does not verify: %+v", id, p.Key, report)
	}
	return outcome{progress: p, took: time.Duration(p.ElapsedSeconds * float64(time.Second)), chunks: len(c.Chunks)}, nil
}
