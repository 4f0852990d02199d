package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"dip/contract"
	"dip/internal/terminal"
)

// report is everything that was measured.
type report struct {
	Machine   machine        `json:"machine"`
	Go        string         `json:"go"`
	Zstd      string         `json:"zstd"`        // dip's implementation
	Codec     contract.Codec `json:"compression"` // of dip's outputs
	Opponents []opponent     `json:"opponents"`
	Missing   []string       `json:"missing,omitempty"` // what is not among them, each with the reason
	Rounds    int            `json:"rounds,omitempty"`
	Matches   []match        `json:"matches,omitempty"`
	Memory    []memory       `json:"memory,omitempty"`
	Scaling   []scaling      `json:"scaling,omitempty"`
	Stages    []stages       `json:"stages,omitempty"`
	ColdStart *coldStart     `json:"coldStart,omitempty"`
}

func (r report) print(scr *terminal.Screen, asJSON bool) error {
	if asJSON {
		text, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return fmt.Errorf("encode the report: %w", err)
		}
		return scr.Printf("%s\n", text)
	}
	var b strings.Builder
	for _, section := range []string{r.matches(scr.Width), r.memory(scr.Width), r.scaling(scr.Width),
		r.stages(scr.Width), r.start()} {
		if section != "" && b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(section)
	}
	return scr.Printf("%s", b.String())
}

func (s spread) String() string { return fmt.Sprintf("%.0f / %.0f / %.0f", s.Min, s.Median, s.Max) }

func mebibytes(n int64) string { return fmt.Sprintf("%d MiB", (n+1<<20-1)>>20) }

func (r report) matches(width int) string {
	if len(r.Matches) == 0 {
		return ""
	}
	columns := []terminal.Column{
		{Title: "input"}, {Title: "rows", Right: true}, {Title: ""},
		{Title: "MB per CPU-second, min/median/max", Short: "MB/CPU-s", Right: true},
		{Title: "dip's speed to it", Short: "speed", Right: true}, {Title: "MB/s", Right: true},
		{Title: "peak memory", Short: "peak", Right: true}, {Title: "Parquet", Right: true},
		{Title: "dip's size to it", Short: "size", Right: true},
	}
	var rows [][]string
	var notes strings.Builder
	for _, why := range r.Missing {
		fmt.Fprintf(&notes, "Without %s\n", terminal.Printable(why))
	}
	add := func(input, count, name string, s *side, speed, size string) {
		rows = append(rows, []string{input, count, name, s.Speed.String(), speed, fmt.Sprintf("%.0f", s.Wall.Median),
			mebibytes(s.Peak), terminal.Bytes(s.Output), size})
	}
	for _, m := range r.Matches {
		add(m.Input, terminal.Count(m.Rows), "dip", &m.Ours, "", "")
		for i := range m.Opponents {
			o := &m.Opponents[i]
			if o.Skipped != "" {
				fmt.Fprintf(&notes, "%s without %s: %s\n", m.Input, o.Name, terminal.Printable(o.Skipped))
				continue
			}
			if o.Differs != "" {
				fmt.Fprintf(&notes, "%s by %s has other values: %s\n", m.Input, o.Name, terminal.Printable(o.Differs))
			}
			add("", "", o.Name, &o.side, fmt.Sprintf("%.2fx (%.2f-%.2f)", o.Ratio.Median, o.Ratio.Min, o.Ratio.Max),
				fmt.Sprintf("%.2f", o.Size))
		}
	}
	against := make([]string, len(r.Opponents))
	for i, o := range r.Opponents {
		against[i] = o.Versions
	}
	pinned := "not pinned to a core"
	if r.Machine.Pin {
		pinned = "pinned to one core"
	}
	return fmt.Sprintf("One file of %s to one zstd Parquet file, %d rounds in turns, %s, %s.\n"+
		"dip: %s, %s by %s, GOMAXPROCS=1, with validation, hashes and proof.\n"+
		"The others write the same columns, on one thread, at their own level of zstd: %s.\n%s\n%s",
		terminal.Bytes(r.Matches[0].Bytes), r.Rounds, pinned, r.Machine.CPU, r.Go, r.Codec, r.Zstd,
		strings.Join(against, "; "), notes.String(), terminal.Table(width, columns, rows))
}

func (r report) memory(width int) string {
	if len(r.Memory) == 0 {
		return ""
	}
	columns := []terminal.Column{{Title: "input"}, {Title: "chunk", Right: true}, {Title: "peak memory", Right: true},
		{Title: "MB per CPU-second", Right: true}, {Title: "of that from a file", Right: true}}
	var rows [][]string
	for _, m := range r.Memory {
		rows = append(rows, []string{
			m.Input, mebibytes(m.Bytes), mebibytes(m.Usage.Peak),
			fmt.Sprintf("%.0f", float64(m.Bytes)/1e6/m.Usage.CPU.Seconds()),
			fmt.Sprintf("%.2f / %.2f / %.2f", m.Share.Min, m.Share.Median, m.Share.Max),
		})
	}
	return fmt.Sprintf("One chunk over S3 in a function of %d MiB (GOMEMLIMIT=%dMiB):\n\n%s",
		r.Memory[0].MemoryMB, r.Memory[0].LimitMiB, terminal.Table(width, columns, rows))
}

func (r report) stages(width int) string {
	if len(r.Stages) == 0 {
		return ""
	}
	columns := []terminal.Column{{Title: "input"}, {Title: "parse", Right: true}, {Title: "encode", Right: true}}
	var rows [][]string
	for _, s := range r.Stages {
		rows = append(rows, []string{s.Input, fmt.Sprintf("%.0f", s.Parse), fmt.Sprintf("%.0f", s.Encode)})
	}
	return "Stages alone, MB of input per CPU-second:\n\n" + terminal.Table(width, columns, rows)
}

func (r report) start() string {
	if r.ColdStart == nil {
		return ""
	}
	c := r.ColdStart
	return fmt.Sprintf("Cold start of the function %s (%s): %.1f / %.1f / %.1f ms min/median/max of %d; zip %s, "+
		"binary %s.\n",
		c.Function, c.Arch, c.Millis.Min, c.Millis.Median, c.Millis.Max, starts, terminal.Bytes(c.Zip),
		terminal.Bytes(c.Binary))
}
