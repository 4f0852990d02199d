package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/compat"
	"dip/internal/infer"
	"dip/internal/terminal"
)

func (a *app) schemaCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "schema", Short: "Propose the schema of a file, or compare two schemas", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.inferCommand(), a.checkCommand())
	return cmd
}

// schemaError says that a schema does not fit what it is for.
type schemaError struct{ error }

func (e schemaError) Unwrap() error { return e.error }

type inferFlags struct {
	encoding, delimiter, quote, out string
	noHeader                        bool
}

func (a *app) inferCommand() *cobra.Command {
	var f inferFlags
	cmd := &cobra.Command{
		Use:   "infer FILE",
		Short: "Propose a Table Schema for a file, and prove that its records fit",
		Long: "Infer reads the whole file (CSV or NDJSON, plain, gzip or zstd) and prints a Table Schema, then processes\n" +
			"the file with it as a segment would and says how many records fit. Notes go to standard error.\n\n" +
			"No value is changed: ids with leading zeros, numbers that a double would round and dates whose day and\n" +
			"month could be either stay texts, each with a note. The only constraint proposed is required. Texts such as\n" +
			"NA stand for missing values only where all others have a type.",
		Example: "  dip schema infer parts.csv --out schemas/parts.json\n  dip schema infer export.txt --delimiter ';' " +
			"--no-header",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.infer(cmd.Context(), args[0], f) },
	}
	cmd.Flags().StringVar(&f.encoding, "encoding", "", "csv or ndjson (default: detected)")
	cmd.Flags().StringVar(&f.delimiter, "delimiter", "", `CSV: one character, \t for a tab (default: detected)`)
	cmd.Flags().StringVar(&f.quote, "quote", `"`, "CSV: one character, or empty: no quoting")
	cmd.Flags().BoolVar(&f.noHeader, "no-header", false, "CSV: the first record is data")
	cmd.Flags().StringVarP(&f.out, "out", "o", "", "`FILE` to write the schema to")
	return cmd
}

func (f inferFlags) options() (infer.Options, error) {
	o := infer.Options{Delimiter: f.delimiter, Quote: f.quote, NoHeader: f.noHeader}
	if f.delimiter == `\t` {
		o.Delimiter = "\t"
	}
	if f.encoding != "" {
		if err := o.Encoding.UnmarshalText([]byte(f.encoding)); err != nil {
			return o, usagef("--encoding: %w", err)
		}
	}
	return o, nil
}

func (a *app) infer(ctx context.Context, path string, f inferFlags) error {
	o, err := f.options()
	if err != nil {
		return err
	}
	r, err := infer.File(ctx, path, o)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", client.ErrNotFound, err)
	}
	if err != nil {
		return err
	}
	for _, n := range r.Notes {
		if n.Field != "" {
			n.Text = n.Field + ": " + n.Text
		}
		a.screen.Notef("%s", terminal.Printable(n.Text))
	}
	text := string(r.Schema)
	if f.out != "" {
		if err := os.WriteFile(f.out, r.Schema, 0o644); err != nil {
			return fmt.Errorf("write the schema: %w", err)
		}
		text = ""
	}
	if err := a.result(r, text); err != nil {
		return err
	}
	if r.Fit == r.Records {
		a.screen.Notef("all %s fit", plural(int(r.Records), "record"))
		return nil
	}
	return schemaError{misfits(r)}
}

// misfits says which records do not fit.
func misfits(r infer.Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "of %s, %s cannot fit any schema:", plural(int(r.Records), "record"),
		terminal.Count(r.Records-r.Fit))
	for _, m := range r.Misfits {
		fmt.Fprintf(&b, "\n  bytes %d to %d: ", m.Start, m.End)
		if m.Field != "" {
			b.WriteString(m.Field + ": ")
		}
		b.WriteString(m.Reason)
	}
	if more := r.Records - r.Fit - int64(len(r.Misfits)); more > 0 {
		fmt.Fprintf(&b, "\n  and %s more", terminal.Count(more))
	}
	return errors.New(b.String())
}

func (a *app) checkCommand() *cobra.Command {
	var encoding, partition string
	cmd := &cobra.Command{
		Use:   "check OLD NEW",
		Short: "Compare two versions of a schema: do queries and inputs survive the change?",
		Long: "Check lists every difference of two Table Schemas with its verdict:\n\n" +
			"  compatible        queries over stored files and new ones still work, and no input is refused for it\n" +
			"  quarantines more  records or inputs that the old schema accepts are refused\n" +
			"  breaks readers    stored and new files no longer agree: a column is gone, has another name or Parquet\n" +
			"                    type, or its values mean something else\n\n" +
			"Queries are taken to find columns by name, as with union_by_name. The exit code is 0 when all differences\n" +
			"are compatible.",
		Example: "  dip schema check schemas/parts.json parts-v2.json\n  git show HEAD:schemas/parts.json > old.json; " +
			"dip schema check old.json schemas/parts.json --partition made",
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error { return a.check(args[0], args[1], encoding, partition) },
	}
	cmd.Flags().StringVar(&encoding, "encoding", string(contract.CSV), "encoding of the segment: csv or ndjson")
	cmd.Flags().StringVar(&partition, "partition", "", "`FIELD` of the segment's partition, if it has one")
	return cmd
}

type checked struct {
	Verdict     compat.Verdict      `json:"verdict"`
	Differences []compat.Difference `json:"differences"`
}

func (a *app) check(oldFile, newFile, encoding, partition string) error {
	o := compat.Options{Partition: partition}
	if err := o.Encoding.UnmarshalText([]byte(encoding)); err != nil {
		return usagef("--encoding: %w", err)
	}
	var texts [2][]byte
	for i, path := range []string{oldFile, newFile} {
		var err error
		if texts[i], err = os.ReadFile(path); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %w", client.ErrNotFound, err)
		} else if err != nil {
			return err
		}
	}
	d, err := compat.Compare(texts[0], texts[1], o)
	if err != nil {
		return fmt.Errorf("compare %s with %s: %w", oldFile, newFile, err)
	}
	verdict := compat.Worst(d)
	if err := a.result(checked{verdict, append([]compat.Difference{}, d...)}, differences(d)); err != nil {
		return err
	}
	if verdict != compat.Compatible {
		return schemaError{fmt.Errorf("%s is not compatible with %s: it %s", newFile, oldFile, verdict)}
	}
	a.screen.Notef("compatible: %s", plural(len(d), "difference"))
	return nil
}

// differences shows each difference, with its reason on a line below.
func differences(d []compat.Difference) string {
	var b strings.Builder
	show := func(s string) string {
		if s == "" {
			return "absent"
		}
		return s
	}
	for _, d := range d {
		fmt.Fprintf(&b, "%-16s  %s: %s -> %s\n%18s%s\n", d.Verdict, terminal.Printable(d.Path),
			terminal.Printable(show(d.Old)), terminal.Printable(show(d.New)), "", terminal.Printable(d.Why))
	}
	return b.String()
}
