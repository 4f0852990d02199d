package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/sample"
	"dip/internal/terminal"
)

func (a *app) filesCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "files SEGMENT|LOAD",
		Short: "List the published Parquet files, or copy them with --download",
		Long: "The files contain every field, including the partition field. Read them with hive_partitioning = false:\n" +
			"otherwise DuckDB takes that field from the folder names, where 007 is 7 and an empty text is null.",
		Example: "  dip files trips --download out\n  duckdb -c \"from read_parquet('out/trips/**/*.parquet', " +
			"hive_partitioning = false)\"",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.files(cmd.Context(), args[0], dir) },
	}
	cmd.Flags().StringVar(&dir, "download", "", "folder to copy the files to")
	return cmd
}

type publishedFile struct {
	URI  string `json:"uri"`
	Path string `json:"path,omitempty"`
}

func (a *app) files(ctx context.Context, what, dir string) error {
	stack, err := a.connect(ctx)
	if err != nil {
		return err
	}
	uris, err := published(ctx, stack, what)
	if err != nil {
		return err
	}
	paths := make([]string, len(uris))
	if dir != "" {
		if paths, err = client.Download(ctx, stack.S3, uris, dir); err != nil {
			return err
		}
	}
	for i, uri := range uris {
		text := uri
		if dir != "" {
			text = paths[i]
		}
		if err := a.result(publishedFile{uri, paths[i]}, text+"\n"); err != nil {
			return err
		}
	}
	return nil
}

func published(ctx context.Context, stack *client.Stack, what string) ([]string, error) {
	segment, loads := what, []string(nil)
	unknown := stack.CheckSegment(what)
	if unknown == nil {
		var err error
		if loads, err = client.SegmentLoads(ctx, stack.S3, stack.Outputs.LakeBucket, segment); err != nil {
			return nil, err
		}
	} else {
		load, err := client.FindLoad(ctx, stack.Ledger, what, time.Now())
		if errors.Is(err, client.ErrNotFound) {
			return nil, errors.Join(err, unknown)
		}
		if err != nil {
			return nil, err
		}
		if load.Status != contract.Published {
			return nil, fmt.Errorf("load %s has no published files: %w: it is %s", load.ID, client.ErrNotFound, load.Status)
		}
		segment, loads = load.Segment, []string{load.ID}
	}
	var uris []string
	for _, load := range loads {
		of, err := client.Published(ctx, stack.Lake, segment, load)
		if err != nil {
			return nil, err
		}
		uris = append(uris, of...)
	}
	return uris, nil
}

type generateFlags struct {
	size, out  string
	badShare   float64
	seed       uint64
	gzip, zstd bool
}

func (a *app) generateCommand() *cobra.Command {
	var f generateFlags
	cmd := &cobra.Command{
		Use:   "generate trips|events --size SIZE --out FILE",
		Short: "Generate sample input; the same flags give the same bytes",
		Long: "Generate writes trips as CSV, with delimiters, quotes and line breaks in quoted fields, or events as\n" +
			"NDJSON. The size is that of the text before compression.",
		Example: "  dip generate trips --size 300MB --out trips.csv\n  dip generate events --size 1GB --bad-share " +
			"0.001 --gzip --out events.ndjson.gz",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"trips", "events"},
		RunE:      func(_ *cobra.Command, args []string) error { return a.generate(args[0], f) },
	}
	cmd.Flags().StringVar(&f.size, "size", "", "approximate size of the text, such as 300MB (required)")
	cmd.Flags().StringVarP(&f.out, "out", "o", "", "file to write, - for standard output (required)")
	cmd.Flags().Float64Var(&f.badShare, "bad-share", 0, "share of records that violate the schema, 0 to 1")
	cmd.Flags().Uint64Var(&f.seed, "seed", 1, "seed of the random records")
	cmd.Flags().BoolVar(&f.gzip, "gzip", false, "compress with gzip")
	cmd.Flags().BoolVar(&f.zstd, "zstd", false, "compress with zstd")
	cmd.MarkFlagsMutuallyExclusive("gzip", "zstd")
	return cmd
}

func (f generateFlags) options() (o sample.Options, c contract.Compression, err error) {
	if f.size == "" || f.out == "" {
		return o, c, usagef("--size and --out are required")
	}
	size, err := terminal.ParseBytes(f.size)
	if err != nil {
		return o, c, usagef("--size: %w", err)
	}
	if size == 0 || !(f.badShare >= 0 && f.badShare <= 1) {
		return o, c, usagef("--size must be above 0, --bad-share between 0 and 1")
	}
	c = contract.Plain
	if f.gzip {
		c = contract.Gzip
	}
	if f.zstd {
		c = contract.Zstd
	}
	return sample.Options{Bytes: size, Seed: f.seed, BadShare: f.badShare}, c, nil
}

func (a *app) generate(kind string, f generateFlags) error {
	o, c, err := f.options()
	if err != nil {
		return err
	}
	if f.out == "-" {
		_, err := client.Generate(a.screen.Out, kind, c, o)
		return err
	}
	file, err := os.Create(f.out)
	if err != nil {
		return fmt.Errorf("generate %s: %w", kind, err)
	}
	stats, err := client.Generate(io.Writer(file), kind, c, o)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	result := map[string]any{"file": f.out, "rows": stats.Rows, "bad": stats.Bad, "bytes": stats.Bytes}
	return a.result(result, fmt.Sprintf("%s: %s rows (%s bad), %s of text\n",
		terminal.Printable(f.out), terminal.Count(stats.Rows), terminal.Count(stats.Bad), terminal.Bytes(stats.Bytes)))
}
