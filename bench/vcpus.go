package main

import (
	"context"
	"fmt"
	"runtime"

	"dip/internal/terminal"
)

// scaling is how fast one chunk goes with several processors, in turns with one.
type scaling struct {
	Input   string `json:"input"`
	VCPUs   int    `json:"vCPUs"`
	Speed   spread `json:"mbPerSecond"`
	Speedup spread `json:"speedup"` // to one processor in the same round
	Peak    int64  `json:"peakRSS"`
}

// scale processes the input with the numbers of processors that this machine has.
func (c *contest) scale(ctx context.Context) ([]scaling, error) {
	var counts []int
	for _, n := range c.vcpus {
		if n <= runtime.NumCPU() {
			counts = append(counts, n)
		}
	}
	walls := make([][]float64, len(counts))
	out := make([]scaling, len(counts))
	for round := range c.rounds {
		c.screen.Notef("%s: processors, round %d of %d ...", c.input.name, round+1, c.rounds)
		for i, n := range counts {
			m := machine{}
			if c.machine.Pin {
				m.pin = []string{c.machine.pin[0], "-c", fmt.Sprintf("%d-%d", runtime.NumCPU()-n, runtime.NumCPU()-1)}
			}
			_, u, err := m.run(ctx, c.ours(), c.settings(fmt.Sprintf("GOMAXPROCS=%d", n)), nil)
			if err != nil {
				return nil, err
			}
			walls[i] = append(walls[i], u.Wall.Seconds())
			out[i].Peak = max(out[i].Peak, u.Peak)
		}
	}
	for i, n := range counts {
		var speeds, ups []float64
		for round, wall := range walls[i] {
			speeds = append(speeds, float64(c.bytes)/1e6/wall)
			ups = append(ups, walls[0][round]/wall)
		}
		out[i].Input, out[i].VCPUs, out[i].Speed, out[i].Speedup = c.input.name, n, spreadOf(speeds), spreadOf(ups)
	}
	return out, nil
}

func (r report) scaling(width int) string {
	if len(r.Scaling) == 0 {
		return ""
	}
	columns := []terminal.Column{{Title: "input"}, {Title: "vCPUs", Right: true}, {Title: "MB/s", Right: true},
		{Title: "speed-up", Right: true}, {Title: "peak memory", Right: true}}
	var rows [][]string
	for _, s := range r.Scaling {
		rows = append(rows, []string{s.Input, fmt.Sprint(s.VCPUs), s.Speed.String(),
			fmt.Sprintf("%.2f / %.2f / %.2f", s.Speedup.Min, s.Speedup.Median, s.Speedup.Max), mebibytes(s.Peak)})
	}
	return "One chunk with several processors, min/median/max:\n\n" + terminal.Table(width, columns, rows)
}
