package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dip/bench/rival"
	"dip/contract"
	"dip/internal/record"
	"dip/tableschema"
)

var (
	//go:embed clickhouse/package.json
	clickHousePackage []byte
	//go:embed clickhouse/package-lock.json
	clickHouseLock []byte
	//go:embed clickhouse/clickhouse.mjs
	clickHouseScript []byte
	//go:embed polars/package.json
	polarsPackage []byte
	//go:embed polars/package-lock.json
	polarsLock []byte
	//go:embed polars/polars.mjs
	polarsScript []byte
)

// opponent is a program that writes what dip writes of a contest's input: the same columns as one zstd Parquet file, on
// one core.
type opponent struct {
	Name     string `json:"name"`
	Versions string `json:"versions"`
	// command is what writes the file output; check says from its standard output whether it did, nil: it does not fail
	// silently.
	command func(c *contest, output string) (invocation, error)
	check   func(stdout []byte) error
}

// invocation is how to start a program.
type invocation struct {
	argv, env []string
	stdin     []byte
}

// opponents are those that this machine has, installed on first use; missing says why, a line for each of the others.
// p is nil without DuckDB.
func (o *options) opponents(ctx context.Context, self string, p *peer) (found []opponent, missing []string) {
	if p != nil {
		found = append(found, duckDB(p))
	}
	for _, in := range []struct {
		name, title                string
		description, lock, program []byte
	}{
		{"clickhouse", "ClickHouse", clickHousePackage, clickHouseLock, clickHouseScript},
		{"polars", "Polars", polarsPackage, polarsLock, polarsScript},
	} {
		opp, err := o.scripted(ctx, in.name, in.title, in.description, in.lock, in.program)
		if err != nil {
			missing = append(missing, in.title+": "+firstLine(err))
			continue
		}
		found = append(found, opp)
	}
	return append(found, general(self)), missing
}

// duckDB is DuckDB as an opponent.
func duckDB(p *peer) opponent {
	return opponent{
		Name: "DuckDB", Versions: p.versions,
		command: func(c *contest, output string) (invocation, error) {
			argv, stdin, err := c.copyStatement(output)
			return invocation{argv: argv, stdin: stdin}, err
		},
		check: func(stdout []byte) error {
			answers, err := readAnswers(stdout)
			if err != nil {
				return err
			}
			return answers[0].err()
		},
	}
}

// scripted is an opponent that comes from npm and does a rival.Job that a script of ours gets.
func (o *options) scripted(
	ctx context.Context, name, title string, description, lock, program []byte,
) (opponent, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return opponent{}, fmt.Errorf("needs Node.js: %w", err)
	}
	dir, err := o.installPackage(ctx, name, description, lock)
	if err != nil {
		return opponent{}, err
	}
	script := filepath.Join(dir, name+".mjs")
	if err := os.WriteFile(script, program, 0o644); err != nil {
		return opponent{}, fmt.Errorf("install %s: %w", title, err)
	}
	cmd := exec.CommandContext(ctx, node, script)
	cmd.Stdin = strings.NewReader("null")
	version, err := cmd.Output()
	if err != nil {
		return opponent{}, fmt.Errorf("start %s: %w: %s", title, err, firstLine(stderrOf(err)))
	}
	return opponent{Name: title, Versions: fmt.Sprintf("%s %s", title, bytes.TrimSpace(version)),
		command: func(c *contest, output string) (invocation, error) {
			stdin, err := c.job(output)
			return invocation{argv: []string{node, script}, env: []string{"POLARS_MAX_THREADS=1"}, stdin: stdin}, err
		}}, nil
}

// stderrOf is what a program wrote before it failed.
func stderrOf(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		for line := range strings.Lines(string(exit.Stderr)) {
			if strings.Contains(line, "Error") { // Node.js shows the place in the source first
				return errors.New(strings.TrimSpace(line))
			}
		}
	}
	return errors.New("it says nothing")
}

// general is what a program in Go does with the standard library and arrow-go. It runs in this program.
func general(self string) opponent {
	version := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == "github.com/apache/arrow-go/v18" {
				version = " " + d.Version
			}
		}
	}
	return opponent{Name: "Go", Versions: "Go: encoding/csv, encoding/json and arrow-go" + version,
		command: func(c *contest, output string) (invocation, error) {
			stdin, err := c.job(output)
			return invocation{argv: []string{self, "rival"}, env: c.settings(), stdin: stdin}, err
		}}
}

// rivalCommand is the command that general starts.
func rivalCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "rival",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := io.ReadAll(cmd.InOrStdin())
			if err != nil {
				return fmt.Errorf("read the job: %w", err)
			}
			var j rival.Job
			if err := json.Unmarshal(text, &j); err != nil {
				return fmt.Errorf("read the job: %w", err)
			}
			return rival.Write(j)
		},
	}
}

// job is the contest's input as a rival.Job, encoded.
func (c *contest) job(output string) ([]byte, error) {
	j, err := newJob(c.segment, c.out.Plan.Columns, c.out.Plan.Width)
	if err != nil {
		return nil, err
	}
	j.Input, j.Output = c.path, output
	return json.Marshal(j)
}

// newJob describes a segment's input; columns and width are those of its plan. The error names what a Job cannot say.
func newJob(d contract.Segment, columns []int, width int) (j rival.Job, err error) {
	r, err := newReading(d, columns, width)
	if err != nil {
		return j, err
	}
	j.NDJSON, j.Comma, j.Width = d.Dialect.Encoding == contract.NDJSON, d.Dialect.Delimiter, width
	if !j.NDJSON && (d.Dialect.Quote != `"` || !d.Dialect.Header) {
		return j, errors.New("only CSV with a header and the usual quotes")
	}
	var errs []error
	for i, t := range r.types {
		f := &r.schema.Fields[i]
		c := rival.Column{Name: t.Name, Kind: t.Kind.String(), At: r.columns[i], Precision: t.Precision, Scale: t.Scale,
			UTC: t.UTC}
		if j.NDJSON {
			c.At, c.Path = 0, f.Path
		}
		if f.Type == tableschema.Boolean && !j.NDJSON {
			c.True, c.False = f.TrueValues[0], f.FalseValues[0]
		}
		missing := f.StatedMissing
		if !j.NDJSON {
			missing = !slices.Equal(f.MissingValues, []string{""})
		}
		if t.Kind == record.Date || t.Kind == record.Time || f.Format != "default" || c.At < 0 || missing ||
			len(f.TrueValues) > 1 && !j.NDJSON {
			errs = append(errs, fmt.Errorf("field %q is of a kind that no input has", f.Name))
		}
		j.Columns = append(j.Columns, c)
	}
	return j, errors.Join(errs...)
}

// sameRows compares the rows in a file with those that dip wrote, with DuckDB: their number, and the sum of a hash of
// each.
func (c *contest) sameRows(ctx context.Context, file string) error {
	r, err := newReading(c.segment, c.out.Plan.Columns, c.out.Plan.Width)
	if err != nil {
		return err
	}
	columns := make([]string, len(r.types))
	for i, t := range r.types {
		columns[i] = compared(t, identifier(t.Name))
	}
	var ours []string
	for _, o := range c.out.Ack.Outputs {
		ours = append(ours, folder(c.work).path(o.Key))
	}
	var seen [2]string
	for i, paths := range [][]string{ours, {file}} {
		rows, err := c.peer.query(ctx, fmt.Sprintf("SELECT count(*), sum(hash(%s)) FROM (%s)", strings.Join(columns, ", "),
			r.parquet(paths)), 1)
		if err != nil {
			return fmt.Errorf("its rows cannot be read: %w", err)
		}
		seen[i] = rows[0].String(0) + " rows with hash " + rows[0].String(1)
	}
	if seen[0] != seen[1] {
		return fmt.Errorf("%s, dip %s", seen[1], seen[0])
	}
	return nil
}
