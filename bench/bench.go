// Command bench measures the record path, from a chunk of input to Parquet, against DuckDB, ClickHouse, Polars and a
// general program in Go, on the same file in the same run, and compares what it and DuckDB read.
//
//	go run ./bench                                   measure
//	go run ./bench coldstart                         start-up time and size of a function
//	go run ./bench equal FILE --schema SCHEMA.json   compare rows, values and nulls with DuckDB's
//	go run ./bench equal                             the same for all constructed inputs
//
// DuckDB, ClickHouse and Polars come from npm, pinned in package-lock.json, and run in Node.js. What cannot be
// installed is left out, and the report says why.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"dip/contract"
	"dip/internal/terminal"
	"dip/local"
)

// errDiffer makes `bench equal` exit with 1 after it has printed the differences.
var errDiffer = errors.New("the two readings differ")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	scr := terminal.Of(os.Stdout, os.Stderr)
	if err := command(scr).ExecuteContext(ctx); err != nil {
		scr.Notef("bench: %v", err)
		stop()
		os.Exit(1)
	}
}

func command(scr *terminal.Screen) *cobra.Command {
	o := options{screen: scr}
	var size, codec string
	root := &cobra.Command{
		Use:           "bench",
		Short:         "Measure the record path against DuckDB, ClickHouse, Polars and Go's libraries",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.bytes, err = terminal.ParseBytes(size); err != nil {
				return err
			}
			if err = o.compression.UnmarshalText([]byte(codec)); err != nil {
				return fmt.Errorf("--compression: %w", err)
			}
			return o.measureAll(cmd.Context())
		},
	}
	root.PersistentFlags().StringVar(&o.cache, "cache", "",
		"folder of inputs and opponents (default $DIP_CACHE, or dip in the user's cache folder)")
	root.PersistentFlags().BoolVar(&o.json, "json", false, "print the result as JSON")
	f := root.Flags()
	f.StringVar(&size, "size", "256MiB", "size of each input")
	f.IntVar(&o.rounds, "rounds", 5, "runs of each side, alternating")
	f.StringSliceVar(&o.inputs, "inputs", inputNames(), "which inputs to measure")
	f.StringVar(&codec, "compression", string(contract.Zstd3), "zstd-1, zstd-3 or zstd-9; the others have their defaults")
	f.IntVar(&o.memoryMB, "memory", 512, "memory of the simulated function, MiB")
	f.IntSliceVar(&o.vcpus, "vcpus", []int{1, 2, 4, 6}, "numbers of processors to measure, of those that there are")
	f.BoolVar(&o.stages, "stages", false, "also measure parsing and encoding separately")
	f.StringVar(&o.profiles, "profiles", "",
		"folder for CPU profiles of dip on each input, from a file and over S3 (one extra run each)")
	root.AddCommand(processCommand(), rivalCommand(), stagesCommand(), coldStartCommand(&o), equalCommand(&o))
	return root
}

// options of the measurements.
type options struct {
	screen   *terminal.Screen
	cache    string // folder
	json     bool
	bytes    int64
	rounds   int
	inputs   []string
	memoryMB int
	vcpus    []int
	stages   bool
	profiles string

	compression contract.Codec
}

// place creates and returns a folder in the cache.
func (o *options) place(elem ...string) (string, error) {
	if o.cache == "" {
		var err error
		if o.cache, err = local.CacheDir(); err != nil {
			return "", err
		}
	}
	dir, err := filepath.Abs(filepath.Join(append([]string{o.cache, "bench"}, elem...)...))
	if err != nil {
		return "", fmt.Errorf("find the cache: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("create the cache: %w", err)
	}
	return dir, nil
}

func (o *options) validate() error {
	var errs []error
	if o.bytes < 1<<20 {
		errs = append(errs, errors.New("--size: want at least 1MiB"))
	}
	if o.rounds < 1 {
		errs = append(errs, errors.New("--rounds: want at least 1"))
	}
	if o.memoryMB < 128 {
		errs = append(errs, errors.New("--memory: want at least 128"))
	}
	if len(o.vcpus) == 0 || o.vcpus[0] != 1 {
		errs = append(errs, errors.New("--vcpus: want 1 first, which the others are compared with"))
	}
	for _, name := range o.inputs {
		if !slices.Contains(inputNames(), name) {
			errs = append(errs, fmt.Errorf("--inputs: unknown %q: want %s", name, strings.Join(inputNames(), ", ")))
		}
	}
	return errors.Join(errs...)
}
