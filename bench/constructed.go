package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dip/config"
	"dip/contract"
	"dip/internal/fault"
	"dip/internal/terminal"
	"dip/local"
)

// constructed is the outcome of one constructed input.
type constructed struct {
	Name        string `json:"name"`
	Verdict     string `json:"verdict"`
	Rows        int64  `json:"rows"`
	Quarantined int    `json:"quarantined"`
	Detail      string `json:"detail,omitempty"`
}

// The verdicts. All but the last are right.
const (
	verdictEqual   = "equal"
	verdictRefused = "refused" // by the preview, or the load fails: there is nothing to compare
	verdictKnown   = "differs as known"
	verdictDiffers = "DIFFERS"
)

// casesFolder holds the inputs that went wrong once; internal/verify checks their outcomes in every test run.
const casesFolder = "internal/verify/testdata/cases"

// equalConstructed compares all constructed inputs with DuckDB's reading.
func (o *options) equalConstructed(ctx context.Context) error {
	p, err := o.installPeer(ctx)
	if err != nil {
		return err
	}
	root, err := local.FindRoot(".")
	if err != nil {
		return err
	}
	cases, err := filepath.Glob(filepath.Join(root, casesFolder, "*"))
	if err != nil || len(cases) == 0 {
		return fmt.Errorf("find the cases in %s: %d found: %w", casesFolder, len(cases), err)
	}
	var all []constructed
	for _, folder := range cases {
		c, err := o.constructedCase(ctx, p, folder)
		if err != nil {
			return fmt.Errorf("case %s: %w", filepath.Base(folder), err)
		}
		all = append(all, c)
	}
	suites, err := o.suites(ctx, p)
	if err != nil {
		return err
	}
	all = append(all, suites...)
	if err := o.printConstructed(p, all); err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(c constructed) bool { return c.Verdict == verdictDiffers }) {
		return errDiffer
	}
	return nil
}

func (o *options) constructedCase(ctx context.Context, p *peer, folder string) (constructed, error) {
	name := filepath.Base(folder)
	segment, err := caseSegment(folder)
	if err != nil {
		return constructed{Name: name, Verdict: verdictRefused, Detail: firstLine(err)}, nil
	}
	input, err := caseInput(folder)
	if err != nil {
		return constructed{}, err
	}
	c, err := o.equal(ctx, p, input, segment, nil)
	if reason, ok := inexpressible[name]; ok && err != nil {
		return constructed{Name: name, Verdict: verdictKnown, Detail: reason}, nil
	}
	if fault.IsPermanent(err) {
		_, why, _ := strings.Cut(firstLine(err), input+": ")
		return constructed{Name: name, Verdict: verdictRefused, Detail: strings.ReplaceAll(why, input+": ", "")}, nil
	}
	if err != nil {
		return constructed{}, err
	}
	return judged(name, c), nil
}

// judged is the outcome of a comparison. A known difference that does not show is as wrong as an unknown one.
func judged(name string, c comparison) constructed {
	out := constructed{Name: name, Verdict: verdictEqual, Rows: c.Rows, Quarantined: len(c.Quarantined)}
	reason, known := differences[name]
	switch {
	case c.Equal && known:
		out.Verdict, out.Detail = verdictDiffers, "a known difference is gone: "+reason
	case !c.Equal && known:
		out.Verdict, out.Detail = verdictKnown, reason
	case !c.Equal:
		out.Verdict, out.Detail = verdictDiffers, c.first()
	}
	return out
}

// first is the first difference that the comparison found.
func (c comparison) first() string {
	switch {
	case len(c.Errors) > 0:
		return c.Errors[0]
	case len(c.Columns) > 0 && len(c.Columns[0].Samples) > 0:
		return c.Columns[0].Column + ": " + c.Columns[0].Samples[0]
	case len(c.Samples) > 0:
		return c.Samples[0]
	}
	return fmt.Sprintf("%d rows only in dip's, %d only in DuckDB's", c.OnlyOurs, c.OnlyDuckDB)
}

// caseSegment reads the segment of a case as a deployment does.
func caseSegment(folder string) (contract.Segment, error) {
	entry := map[string]any{}
	data, err := os.ReadFile(filepath.Join(folder, "segment.json"))
	if err == nil {
		err = json.Unmarshal(data, &entry)
	}
	if err != nil {
		return contract.Segment{}, err
	}
	entry["schema"], entry["package"] = "schema.json", "lambdas/things"
	stack, err := json.Marshal(map[string]any{"environment": "local", "segments": map[string]any{"things": entry}})
	if err != nil {
		return contract.Segment{}, err
	}
	s, err := config.Parse(stack, config.Options{Files: os.DirFS(folder)})
	if err != nil {
		return contract.Segment{}, err
	}
	return s.Catalog("things"), nil
}

// caseInput is the file of a case that is not about it.
func caseInput(folder string) (string, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.*"))
	if err != nil {
		return "", err
	}
	for _, f := range files {
		if !slices.Contains([]string{"schema.json", "segment.json", "outcome.txt"}, filepath.Base(f)) {
			return f, nil
		}
	}
	return "", errors.New("no input")
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func (o *options) printConstructed(p *peer, all []constructed) error {
	if o.json {
		text, err := json.MarshalIndent(all, "", "  ")
		if err != nil {
			return fmt.Errorf("encode the outcomes: %w", err)
		}
		return o.screen.Printf("%s\n", text)
	}
	counts := map[string]int{}
	rows := make([][]string, len(all))
	for i, c := range all {
		counts[c.Verdict]++
		rows[i] = []string{c.Name, c.Verdict, terminal.Count(c.Rows), terminal.Count(int64(c.Quarantined)), c.Detail}
	}
	table := terminal.Table(o.screen.Width, []terminal.Column{{Title: "INPUT"}, {Title: "VERDICT"},
		{Title: "ROWS", Right: true}, {Title: "QUARANTINED", Short: "QUAR", Right: true},
		{Title: "DETAIL", Flex: true}}, rows)
	return o.screen.Printf("%s\n%d inputs, %s: %d equal, %d refused, %d differ as known, %d differ\n", table, len(all),
		p.versions, counts[verdictEqual], counts[verdictRefused], counts[verdictKnown], counts[verdictDiffers])
}
