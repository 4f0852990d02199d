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
	"dip/internal/fault"
	"dip/internal/lake"
	"dip/internal/lake/laketest"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
	"dip/internal/load"
	"dip/internal/plan"
	"dip/internal/process"
)

// segmentName and bucket are names that appear only in keys.
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
	plan.Source
	process.Sink
}

// loadFile plans a file as one chunk and processes it, with the pipeline's own code.
func loadFile(ctx context.Context, s stores, d contract.Segment, object contract.Object) (outcome, error) {
	object, err := s.Head(ctx, object)
	if err != nil {
		return outcome{}, err
	}
	l, catalogs, err := landed(d, object)
	if err != nil {
		return outcome{}, err
	}
	segments := &process.Segments{Catalogs: &catalog.Reader{Lake: catalogs}}
	book := ledgertest.New()
	book.Seed(l)
	planner := &plan.Planner{
		Ledger: book, Source: s, Segments: segments, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	}
	response, err := planner.Handle(ctx, contract.WorkflowInput{Version: contract.Version, Load: l.ID})
	if err == nil && response.Action == contract.ActionFail {
		err = fault.Permanent(errors.New(response.Cause))
	}
	if err == nil {
		l, err = book.Load(ctx, l.ID)
	}
	if err != nil {
		return outcome{}, fmt.Errorf("plan %s: %w", object.Key, err)
	}
	out := outcome{Plan: *l.Plan}
	if l.Plan.Chunks == 0 {
		return out, nil
	}
	compiled, err := segments.Segment(ctx, l.Catalog, segmentName)
	if err != nil {
		return out, err
	}
	out.Ack, err = process.Process(ctx, s, s, compiled, load.Message(l, book.Piece(l.ID, 0)))
	if err != nil {
		return out, fmt.Errorf("process %s: %w", object.Key, err)
	}
	return out, nil
}

// landed is a load of an object, and the lake with its catalog, which has one segment.
func landed(d contract.Segment, object contract.Object) (ledger.Load, *laketest.Fake, error) {
	d.Loads.ChunkBytes = math.MaxInt64 / 4 // one chunk
	d.Loads.SkipSame = false               // a file has no other versions
	key, text, err := contract.Catalog{Version: contract.Version,
		Segments: map[string]contract.Segment{segmentName: d}}.Encode()
	catalogs := laketest.New(bucket)
	catalogs.Put(bucket, key, text)
	return ledger.Load{
		ID: contract.LoadID(object), Segment: segmentName, Object: object, Catalog: key, Status: contract.Received,
	}, catalogs, err
}

// folder reads objects from files, whose paths are their keys, and writes outputs flat into one folder.
type folder string

func (f folder) Head(_ context.Context, o contract.Object) (contract.Object, error) {
	info, err := os.Stat(o.Key)
	if err == nil {
		o.Size = info.Size()
	}
	return o, err
}

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

func (f folder) StreamTo(ctx context.Context, o contract.Object, from, _ int64) io.ReadCloser {
	return f.Stream(ctx, o, from)
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

// processCommand is the command that the measurements start: one process for one chunk, as in a function.
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
		Region: "us-east-1", BaseEndpoint: &endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("bench", "bench", ""),
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
