package rollout

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"dip/contract"
	"dip/internal/ledger"
)

// shadowsAtOnce is how many chunks are processed again concurrently: they share the function's concurrency with loads.
const shadowsAtOnce = 4

// compared is the outcome of one sample.
type compared struct {
	sample
	outcome
	text string
}

// before tries a version on certified chunks.
func (r *Rollouts) before(ctx context.Context, c contract.Rollout) (contract.Check, error) {
	if c.Shadow == 0 {
		return contract.Check{Passed: true, Text: "nothing was compared: rollout.shadow is 0"}, nil
	}
	samples, err := r.samples(ctx, c.RolloutStart)
	if err != nil {
		return contract.Check{}, err
	}
	results := make([]compared, len(samples))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(shadowsAtOnce)
	for i, s := range samples {
		group.Go(func() error {
			answer, err := r.Functions.Shadow(gctx, c.Function, c.Target, s.message())
			if err != nil {
				return fmt.Errorf("process %s again: %w", label(s.load, s.chunk), err)
			}
			result, text := compare(*s.chunk.Ack, answer, c.QuarantineDrift)
			results[i] = compared{s, result, text}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return contract.Check{}, err
	}
	return judgeShadow(results), nil
}

func label(l ledger.Load, c ledger.Chunk) string {
	return fmt.Sprintf("chunk %d of load %s", c.Index, l.ID)
}

// maxReasons is how many chunks a check names.
const maxReasons = 3

// judgeShadow passes a version unless one of the chunks came out wrong. Without any to compare it passes: a new segment
// has none.
func judgeShadow(results []compared) (c contract.Check) {
	var reasons []string
	other := 0
	for _, r := range results {
		if r.outcome == skipped {
			c.Skipped++
			continue
		}
		c.Chunks++
		c.Rows += r.chunk.Ack.RowsIn
		switch r.outcome {
		case wrong:
			reasons = append(reasons, label(r.load, r.chunk)+" "+r.text)
		case meant:
			other++
		}
	}
	c.Passed = len(reasons) == 0
	switch {
	case !c.Passed:
		c.Text = list(reasons)
	case c.Chunks == 0 && c.Skipped > 0:
		c.Text = fmt.Sprintf("nothing was compared: the inputs of %d certified chunks cannot be read any more", c.Skipped)
	case c.Chunks == 0:
		c.Text = "nothing was compared: there is no certified chunk yet that a function can process again"
	case other > 0:
		c.Text = fmt.Sprintf("%d certified chunks have the same records, %d of them another output, as the output revision "+
			"says", c.Chunks, other)
	default:
		c.Text = fmt.Sprintf("%d certified chunks came out the same", c.Chunks)
	}
	return c
}

// list joins reasons, and counts those that are too many.
func list(reasons []string) string {
	text := strings.Join(reasons[:min(len(reasons), maxReasons)], "; ")
	if more := len(reasons) - maxReasons; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return contract.Cut(text)
}
