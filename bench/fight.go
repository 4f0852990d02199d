package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// match is the result of all sides on one input.
type match struct {
	Input     string   `json:"input"`
	Bytes     int64    `json:"bytes"`
	Rows      int64    `json:"rows"`
	Ours      side     `json:"dip"`
	Opponents []result `json:"opponents"`
}

// result is that of an opponent on one input.
type result struct {
	Name string `json:"name"`
	side
	Ratio   spread  `json:"speedRatio"`        // dip's speed to its speed, runs paired as they were taken
	Size    float64 `json:"sizeRatio"`         // dip's output to its output
	Skipped string  `json:"skipped,omitempty"` // why it has no runs on this input
	Differs string  `json:"differs,omitempty"` // in what its rows are not dip's

	invocation
	check  func(stdout []byte) error
	output string
}

// fight runs all sides on the input in turns. An opponent that fails leaves the contest.
func (c *contest) fight(ctx context.Context) (m match, err error) {
	m = match{Input: c.input.name}
	info, err := os.Stat(c.path)
	if err != nil {
		return m, err
	}
	m.Bytes, m.Rows = info.Size(), c.out.Ack.RowsOut
	for _, o := range c.opponents {
		r := result{Name: o.Name, check: o.check, output: filepath.Join(c.work, strings.ToLower(o.Name)+".parquet")}
		if r.invocation, err = o.command(c, r.output); err != nil {
			r.Skipped = firstLine(err)
		}
		m.Opponents = append(m.Opponents, r)
	}
	for n := range c.rounds {
		c.screen.Notef("%s: round %d of %d ...", c.input.name, n+1, c.rounds)
		u, err := c.runOurs(ctx)
		if err != nil {
			return m, err
		}
		m.Ours.Runs = append(m.Ours.Runs, u)
		for i := range m.Opponents {
			o := &m.Opponents[i]
			if o.Skipped != "" {
				continue
			}
			if err := c.attack(ctx, o); err != nil {
				o.Skipped = firstLine(err)
			}
			if ctx.Err() != nil {
				return m, ctx.Err()
			}
		}
	}
	for _, o := range c.out.Ack.Outputs {
		m.Ours.Output += o.Bytes
	}
	m.summarize()
	return m, nil
}

// attack is a run of an opponent; after the first one its rows are compared with dip's.
func (c *contest) attack(ctx context.Context, o *result) error {
	stdout, u, err := c.machine.run(ctx, o.argv, o.env, o.stdin)
	if err == nil && o.check != nil {
		err = o.check(stdout)
	}
	if err != nil {
		return err
	}
	o.Runs = append(o.Runs, u)
	if len(o.Runs) > 1 {
		return nil
	}
	info, err := os.Stat(o.output)
	if err != nil {
		return err
	}
	o.Output = info.Size()
	if c.peer == nil {
		return nil
	}
	if err := c.sameRows(ctx, o.output); err != nil {
		o.Differs = firstLine(err)
		if reason, ok := knownRows[c.input.name+" by "+o.Name]; ok {
			o.Differs = reason
		}
	}
	return ctx.Err()
}

func (m *match) summarize() {
	m.Ours.summarize(m.Bytes)
	for i := range m.Opponents {
		o := &m.Opponents[i]
		if o.Skipped != "" {
			continue
		}
		o.summarize(m.Bytes)
		var ratios []float64
		for n, u := range m.Ours.Runs {
			ratios = append(ratios, o.Runs[n].CPU.Seconds()/u.CPU.Seconds())
		}
		o.Ratio, o.Size = spreadOf(ratios), float64(m.Ours.Output)/float64(o.Output)
	}
}

// copyStatement is the command with which DuckDB writes the same rows to a Parquet file.
func (c *contest) copyStatement(output string) (argv []string, stdin []byte, err error) {
	r, err := newReading(c.segment, c.out.Plan.Columns, c.out.Plan.Width)
	if err != nil {
		return nil, nil, err
	}
	selection, err := r.selection(c.path)
	if err != nil {
		return nil, nil, err
	}
	return c.peer.command(1,
		[]statement{{SQL: fmt.Sprintf("COPY (%s) TO %s (FORMAT parquet, COMPRESSION zstd)", selection, literal(output))}})
}
