package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
)

// compare makes DuckDB read both and find the differences.
func (e *equality) compare(ctx context.Context) error {
	ours := "SELECT " + e.nothing()
	if outputs := e.outputs(); len(outputs) > 0 {
		ours = e.reading.parquet(outputs)
	}
	var answers []answer
	for _, leniency := range leniencies {
		theirs, err := e.reading.selection(e.good(), leniency...)
		if err != nil {
			return err
		}
		statements := []statement{{SQL: "CREATE TABLE ours AS " + ours}, {SQL: "CREATE TABLE duckdb AS " + theirs}}
		if answers, err = e.peer.run(ctx, append(statements, e.differences()...)); err != nil {
			return err
		}
		if answers[1].Error == "" {
			break
		}
		e.Errors = append(e.Errors, "DuckDB rejects the accepted records: "+answers[1].Error)
	}
	return e.judge(answers)
}

// outputs are the Parquet files that dip wrote.
func (e *equality) outputs() []string {
	var paths []string
	for _, o := range e.out.Ack.Outputs {
		paths = append(paths, e.work.path(o.Key))
	}
	return paths
}

// leniencies are DuckDB options that are tried in turn, so that the records it accepts are compared even if it rejects
// some that dip accepts. Any rejection is a difference.
var leniencies = [][]string{nil, {"ignore_errors=true"}, {"ignore_errors=true", notStrict}}

// nothing is a row of our columns that a condition drops: ours when no row was written.
func (e *equality) nothing() string {
	columns := make([]string, len(e.reading.types))
	for i, t := range e.reading.types {
		columns[i] = "CAST(NULL AS " + sqlType(t) + ") AS " + identifier(t.Name)
	}
	return strings.Join(columns, ", ") + " WHERE false"
}

// differences are the queries behind the two tables: numbers of rows, rows of one side only, samples of these, and
// for each column the number and samples of differing values of rows at the same place.
func (e *equality) differences() []statement {
	table := func(name string) string {
		columns := make([]string, len(e.reading.types))
		for i, t := range e.reading.types {
			columns[i] = compared(t, identifier(t.Name)) + " AS " + identifier(t.Name)
		}
		return fmt.Sprintf("(SELECT %s FROM %s)", strings.Join(columns, ", "), name)
	}
	only := func(what, a, b string) string {
		return fmt.Sprintf("SELECT %s FROM (FROM %s EXCEPT ALL FROM %s) AS extra", what, table(a), table(b))
	}
	list := []statement{
		{"SELECT (SELECT count(*) FROM ours), (SELECT count(*) FROM duckdb)", 1},
		{only("count(*)", "ours", "duckdb"), 1},
		{only("count(*)", "duckdb", "ours"), 1},
		{only("to_json(extra)", "ours", "duckdb"), shownRows},
		{only("to_json(extra)", "duckdb", "ours"), shownRows},
	}
	for _, t := range e.reading.types {
		a, b := "o."+identifier(t.Name), "d."+identifier(t.Name)
		pairs := fmt.Sprintf("FROM ours o JOIN duckdb d ON o.rowid = d.rowid WHERE %s IS DISTINCT FROM %s", compared(t, a),
			compared(t, b))
		list = append(list, statement{"SELECT count(*) " + pairs, 1},
			statement{fmt.Sprintf("SELECT o.rowid + 1, CAST(%s AS VARCHAR), CAST(%s AS VARCHAR) %s ORDER BY 1", a, b, pairs),
				shownRows})
	}
	return list
}

func (e *equality) judge(answers []answer) error {
	for i, a := range answers {
		if err := a.err(); err != nil {
			if i == 1 { // already noted, and there is nothing to compare with
				return nil
			}
			return fmt.Errorf("compare with DuckDB: %w", err)
		}
	}
	counts := answers[2:]
	for i, into := range map[int]*int64{0: &e.OnlyOurs, 1: &e.OnlyDuckDB} {
		if _, err := fmt.Sscan(counts[1+i].Rows[0].String(0), into); err != nil {
			return fmt.Errorf("read DuckDB's count: %w", err)
		}
	}
	var ours int64
	if _, err := fmt.Sscan(counts[0].Rows[0].String(0)+" "+counts[0].Rows[0].String(1), &ours, &e.DuckDBRows); err != nil {
		return fmt.Errorf("read DuckDB's counts: %w", err)
	}
	if ours != e.Rows {
		e.Errors = append(e.Errors, fmt.Sprintf("the Parquet files hold %d rows, %d were acknowledged", ours, e.Rows))
	}
	if e.Rows == e.DuckDBRows {
		e.columnDiffs(counts[5:])
	} else {
		for i, side := range []string{"dip", "DuckDB"} {
			for _, r := range counts[3+i].Rows {
				e.Samples = append(e.Samples, "only "+side+": "+r.String(0))
			}
		}
	}
	e.Equal = e.OnlyOurs == 0 && e.OnlyDuckDB == 0 && len(e.Errors) == 0
	return nil
}

func (e *equality) columnDiffs(answers []answer) {
	for i, t := range e.reading.types {
		count, samples := answers[2*i].Rows[0].String(0), answers[2*i+1].Rows
		if count == "0" {
			continue
		}
		diff := columnDiff{Column: t.Name}
		if _, err := fmt.Sscan(count, &diff.Rows); err != nil {
			diff.Rows = int64(len(samples))
		}
		for _, r := range samples {
			diff.Samples = append(diff.Samples,
				fmt.Sprintf("row %s of the accepted: dip %s, DuckDB %s", r.String(0), quoted(r[1]), quoted(r[2])))
		}
		e.Columns = append(e.Columns, diff)
	}
}

func quoted(v *string) string {
	if v == nil {
		return "null"
	}
	return fmt.Sprintf("%.200q", *v)
}

// askQuarantined makes DuckDB read each quarantined record alone.
func (e *equality) askQuarantined(ctx context.Context) error {
	var statements []statement
	asked := e.Quarantined[:min(len(e.Quarantined), askedRejected)]
	for i := range asked {
		file := e.work.path(fmt.Sprintf("record-%d", i))
		if err := os.WriteFile(file, append(bytes.Clone(e.header), asked[i].Raw...), 0o644); err != nil {
			return fmt.Errorf("ask DuckDB about a quarantined record: %w", err)
		}
		selection, err := e.reading.selection(file)
		if err != nil {
			return err
		}
		statements = append(statements, statement{"SELECT to_json(r) FROM (" + selection + ") AS r", 2})
	}
	if len(statements) == 0 {
		return nil
	}
	answers, err := e.peer.run(ctx, statements)
	if err != nil {
		return err
	}
	for i, a := range answers {
		if asked[i].DuckDB = "no row"; a.Error != "" {
			asked[i].DuckDB, _, _ = strings.Cut("rejects: "+a.Error, "\n")
		} else if len(a.Rows) > 0 {
			asked[i].DuckDB = "reads " + a.Rows[0].String(0)
		}
	}
	return nil
}
