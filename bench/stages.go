package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"dip/internal/parquet"
	"dip/internal/process"
	"dip/internal/record"
)

// stages are the speeds of the two halves of the record path, in MB of input per CPU-second.
type stages struct {
	Input  string  `json:"input"`
	Parse  float64 `json:"parse"`
	Encode float64 `json:"encode"`
}

// stageBytes is how much of an input the stages process: all of its batches are held in memory at once.
const stageBytes = 64 << 20

func (c *contest) runStages(ctx context.Context) (stages, error) {
	c.screen.Notef("%s: stages ...", c.input.name)
	s := stages{Input: c.input.name}
	stdout, _, err := c.machine.run(ctx, []string{c.self, "stages", "--definition", c.definition, c.path}, c.settings(),
		nil)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(stdout, &s); err != nil {
		return s, fmt.Errorf("read the stages: %w", err)
	}
	s.Input = c.input.name
	return s, nil
}

func stagesCommand() *cobra.Command {
	var definition string
	cmd := &cobra.Command{
		Use:    "stages IN",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := readDefinition(definition)
			if err != nil {
				return err
			}
			compiled, err := process.Compile(segmentName, d)
			if err != nil {
				return err
			}
			s, err := measureStages(compiled, args[0])
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(s)
		},
	}
	cmd.Flags().StringVar(&definition, "definition", "", "JSON file with the segment's definition")
	return cmd
}

func measureStages(s *process.Segment, path string) (out stages, err error) {
	f, err := os.Open(path)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err := io.ReadAll(io.LimitReader(f, stageBytes))
	if err != nil {
		return out, fmt.Errorf("read %s: %w", path, err)
	}
	if s.Dialect.Header {
		end, complete := record.End(data, s.Dialect)
		if !complete {
			return out, fmt.Errorf("%s: its header does not end within %d bytes", path, stageBytes)
		}
		data = data[end:]
	}
	parser, err := record.NewParser(s.Schema, s.Dialect, nil, record.Options{})
	if err != nil {
		return out, err
	}
	var batches []*record.Batch
	began := cpuTime()
	used := 0
	for {
		b := record.NewBatch(s.Types)
		r := parser.Parse(b, data[used:], false)
		used += r.Consumed
		batches = append(batches, b)
		if r.Stop == record.NeedData {
			break
		}
	}
	parsed := cpuTime()
	w, err := parquet.NewWriter(io.Discard, s.Types, parquet.Options{})
	if err != nil {
		return out, err
	}
	for _, b := range batches {
		if err := w.Write(b); err != nil {
			return out, err
		}
	}
	if _, err := w.Close(); err != nil {
		return out, err
	}
	rate := func(d time.Duration) float64 { return float64(used) / 1e6 / d.Seconds() }
	return stages{Parse: rate(parsed - began), Encode: rate(cpuTime() - parsed)}, nil
}

// cpuTime is the user and system time of this process so far.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0 // cannot happen: the arguments are valid (getrusage(2))
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
