package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/spf13/cobra"

	"dip/contract"
	"dip/internal/adapters"
	"dip/internal/catalog"
	"dip/internal/lake"
	"dip/internal/ledger"
	"dip/internal/load"
	"dip/internal/plan"
	"dip/internal/process"
)

// segmentName and bucket are names that only appear in keys.
const (
	segmentName = "bench"
	bucket      = "bench"
)

// outcome of processing a file as one chunk.
type outcome struct {
	Plan ledger.Plan  `json:"plan"`
	Ack  contract.Ack `json:"ack"`
}

// stores is where a chunk is read from and written to.
type stores interface {
	process.Source
	process.Sink
}

// loadFile plans a file as one chunk and processes it, with the pipeline's own code.
func loadFile(ctx context.Context, s stores, d contract.Segment, object contract.Object) (outcome, error) {
	c, err := oneSegment(d)
	if err != nil {
		return outcome{}, err
	}
	segments := &process.Segments{Catalogs: &catalog.Reader{Lake: c}}
	p := &onePlan{load: ledger.Load{ID: contract.LoadID(object), Segment: segmentName, Object: object, Catalog: c.key}}
	planner := &plan.Planner{
		Ledger: p, Source: s, Segments: segments, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	}
	response, err := planner.Handle(ctx, contract.WorkflowInput{Version: contract.Version, Load: p.load.ID})
	if err == nil && response.Action == contract.ActionFail {
		err = errors.New(response.Cause)
	}
	if err != nil {
		return outcome{}, fmt.Errorf("plan %s: %w", object.Key, err)
	}
	out := outcome{Plan: *p.load.Plan}
	if len(p.chunks) == 0 {
		return out, nil
	}
	compiled, err := segments.Segment(ctx, c.key, segmentName)
	if err != nil {
		return out, err
	}
	out.Ack, err = process.Process(ctx, s, s, compiled, load.Message(p.load, p.chunks[0]))
	if err != nil {
		return out, fmt.Errorf("process %s: %w", object.Key, err)
	}
	return out, nil
}

// single is a catalog of one segment.
type single struct {
	key  string
	text []byte
}

func oneSegment(d contract.Segment) (single, error) {
	d.Loads.ChunkBytes = math.MaxInt64 / 4 // one chunk
	key, text, err := contract.Catalog{Version: contract.Version, Segments: map[string]contract.Segment{segmentName: d}}.Encode()
	return single{key, text}, err
}

func (c single) Get(context.Context, string) ([]byte, error) { return c.text, nil }

// onePlan is a ledger of one load.
type onePlan struct {
	load   ledger.Load
	chunks []ledger.Chunk
}

func (p *onePlan) Load(context.Context, string) (ledger.Load, error) { return p.load, nil }

func (p *onePlan) Plan(_ context.Context, _ string, plan ledger.Plan, chunks []ledger.Chunk) (bool, error) {
	p.load.Plan, p.chunks = &plan, chunks
	return true, nil
}

// folder reads objects from files, whose paths are their keys, and writes outputs flat into itself.
type folder string

func (f folder) Stream(_ context.Context, o contract.Object, from int64) io.ReadCloser {
	file, err := os.Open(o.Key)
	if err != nil {
		return failedStream{err}
	}
	if _, err := file.Seek(from, io.SeekStart); err != nil {
		return failedStream{errors.Join(err, file.Close())}
	}
	return file
}

type failedStream struct{ err error }

func (f failedStream) Read([]byte) (int, error) { return 0, f.err }
func (f failedStream) Close() error             { return nil }

func (f folder) ReadRange(_ context.Context, o contract.Object, from, to int64) (data []byte, err error) {
	file, err := os.Open(o.Key)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	data = make([]byte, to-from)
	_, err = file.ReadAt(data, from)
	return data, err
}

func (f folder) path(key string) string { return filepath.Join(string(f), filepath.Base(key)) }

func (f folder) PutOnce(_ context.Context, key, _ string, body io.ReadSeeker, _ string) error {
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("store %s: %w", key, err)
	}
	out, err := os.Create(f.path(key))
	if err != nil {
		return fmt.Errorf("store %s: %w", key, err)
	}
	_, err = io.Copy(out, body)
	return errors.Join(err, out.Close())
}

func object(path string) (contract.Object, error) {
	info, err := os.Stat(path)
	if err != nil {
		return contract.Object{}, err
	}
	return contract.Object{Bucket: bucket, Key: path, Size: info.Size()}, nil
}

// processCommand is what the measurements start: one process for one chunk, as a function has it.
func processCommand() *cobra.Command {
	var definition, endpoint, profile string
	cmd := &cobra.Command{
		Use:    "process IN OUTDIR",
		Hidden: true,
		Args:   cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			d, err := readDefinition(definition)
			if err != nil {
				return err
			}
			o, err := object(args[0])
			if err != nil {
				return err
			}
			var s stores = folder(args[1])
			if endpoint != "" {
				s = lakeAt(endpoint)
				o.Key = filepath.Base(o.Key)
			}
			if profile != "" {
				stop, err := startProfile(profile)
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, stop()) }()
			}
			out, err := loadFile(cmd.Context(), s, d, o)
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
		},
	}
	cmd.Flags().StringVar(&definition, "definition", "", "JSON file with the segment's definition")
	cmd.Flags().StringVar(&endpoint, "endpoint", "", "read and write over S3 at this URL instead of files")
	cmd.Flags().StringVar(&profile, "profile", "", "file for a CPU profile")
	return cmd
}

func lakeAt(endpoint string) *lake.Lake {
	return lake.New(adapters.S3(aws.Config{
		Region: "us-east-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("bench", "bench", ""),
	}), bucket)
}

func readDefinition(path string) (d contract.Segment, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return d, fmt.Errorf("read the segment's definition: %w", err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return d, fmt.Errorf("read the segment's definition %s: %w", path, err)
	}
	return d, nil
}

func startProfile(path string) (stop func() error, err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("create the profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("start the profile: %w", err), f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}
