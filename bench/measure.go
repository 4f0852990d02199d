package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"dip/contract"
	"dip/internal/terminal"
	"dip/internal/zstd"
)

// usage is the resource usage of one process.
type usage struct {
	Wall time.Duration `json:"wallNanos"`
	CPU  time.Duration `json:"cpuNanos"` // user and system, start of the process included
	Peak int64         `json:"peakRSS"`  // bytes
}

// machine runs processes one at a time, on one core where the system can pin them.
type machine struct {
	pin []string // prefix of a command
	CPU string   `json:"cpu"`
	Pin bool     `json:"pinned"`
}

func newMachine(ctx context.Context) machine {
	m := machine{CPU: cpuModel()}
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return m
	}
	core := strconv.Itoa(runtime.NumCPU() - 1)
	if exec.CommandContext(ctx, taskset, "-c", core, "true").Run() == nil {
		m.pin, m.Pin = []string{taskset, "-c", core}, true
	}
	return m
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// run runs a command to its end and returns its usage.
func (m machine) run(ctx context.Context, argv, env []string, stdin []byte) (stdout []byte, u usage, err error) {
	argv = append(slices.Clone(m.pin), argv...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = bytes.NewReader(stdin)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return nil, u, fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	u.Wall = time.Since(began)
	u.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.Peak = r.Maxrss
		if runtime.GOOS == "linux" { // KiB there, bytes elsewhere (getrusage(2))
			u.Peak <<= 10
		}
	}
	return out.Bytes(), u, nil
}

// side is one contestant's runs on one input.
type side struct {
	Runs   []usage `json:"runs"`
	Output int64   `json:"outputBytes"`
	Speed  spread  `json:"mbPerCPUSecond"` // 10^6 bytes of input a second of user and system time
	Wall   spread  `json:"mbPerSecond"`
	Peak   int64   `json:"peakRSS"` // of the largest run
}

// spread of some figures.
type spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

func spreadOf(figures []float64) spread {
	s := slices.Sorted(slices.Values(figures))
	n := len(s)
	if n == 0 {
		return spread{}
	}
	return spread{Min: s[0], Median: (s[(n-1)/2] + s[n/2]) / 2, Max: s[n-1]}
}

func (s *side) summarize(input int64) {
	rate := func(of func(usage) time.Duration) spread {
		var figures []float64
		for _, u := range s.Runs {
			figures = append(figures, float64(input)/1e6/of(u).Seconds())
		}
		return spreadOf(figures)
	}
	s.Speed = rate(func(u usage) time.Duration { return u.CPU })
	s.Wall = rate(func(u usage) time.Duration { return u.Wall })
	for _, u := range s.Runs {
		s.Peak = max(s.Peak, u.Peak)
	}
}

// contest measures one input.
type contest struct {
	*options
	machine   machine
	peer      *peer // nil: not available
	opponents []opponent
	work      string
	self      string

	input      dataset
	path       string
	definition string
	segment    contract.Segment
	out        outcome
}

// ours is the command that processes the contest's input.
func (c *contest) ours(extra ...string) []string {
	argv := append([]string{c.self, "process", "--definition", c.definition}, extra...)
	return append(argv, c.path, c.work)
}

// settings of a process on one core, as the functions have them.
func (c *contest) settings(extra ...string) []string {
	return append([]string{"GOMAXPROCS=1", "TMPDIR=" + c.work}, extra...)
}

func (c *contest) prepare(ctx context.Context) (err error) {
	dir, err := c.place("inputs")
	if err != nil {
		return err
	}
	if c.segment, err = c.input.definition(); err != nil {
		return err
	}
	c.segment.Compression = c.compression
	if c.path, err = c.input.generate(dir, c.bytes, c.screen); err != nil {
		return err
	}
	c.definition = filepath.Join(c.work, c.input.name+".json")
	if err := writeDefinition(c.definition, c.segment); err != nil {
		return err
	}
	// A warm-up run brings the file into the page cache and returns how it is read.
	_, err = c.runOurs(ctx)
	return err
}

func (c *contest) runOurs(ctx context.Context) (usage, error) {
	stdout, u, err := c.machine.run(ctx, c.ours(), c.settings(), nil)
	if err != nil {
		return u, err
	}
	c.out = outcome{}
	if err := json.Unmarshal(stdout, &c.out); err != nil {
		return u, fmt.Errorf("read the outcome: %w", err)
	}
	if c.out.Ack.Quarantined > 0 {
		return u, fmt.Errorf("%s: %d records were quarantined, all should be good", c.path, c.out.Ack.Quarantined)
	}
	return u, nil
}

// measureAll runs the command without a subcommand.
func (o *options) measureAll(ctx context.Context) (err error) {
	if err := o.validate(); err != nil {
		return err
	}
	work, err := o.place("work")
	if err != nil {
		return err
	}
	if work, err = os.MkdirTemp(work, "run-*"); err != nil {
		return fmt.Errorf("make a work folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	p, err := o.installPeer(ctx)
	if err != nil {
		o.screen.Notef("without DuckDB: %v", firstLine(err))
	}
	r := report{Machine: newMachine(ctx), Go: runtime.Version(), Zstd: zstd.Library, Codec: o.compression,
		Rounds: o.rounds}
	if r.Opponents, r.Missing = o.opponents(ctx, self, p); p == nil {
		r.Missing = append(r.Missing, "DuckDB: "+firstLine(err))
	}
	for _, in := range inputs() {
		if !slices.Contains(o.inputs, in.name) {
			continue
		}
		c := &contest{options: o, machine: r.Machine, peer: p, opponents: r.Opponents, work: work, self: self,
			input: in}
		if err := c.measure(ctx, &r); err != nil {
			return err
		}
	}
	if r.ColdStart, err = o.coldStart(ctx); err != nil {
		return err
	}
	return r.print(o.screen, o.json)
}

// measure adds everything about one input to the report.
func (c *contest) measure(ctx context.Context, r *report) error {
	if c.profiles != "" {
		if err := os.MkdirAll(c.profiles, 0o755); err != nil {
			return fmt.Errorf("make the folder of the profiles: %w", err)
		}
	}
	if err := c.prepare(ctx); err != nil {
		return err
	}
	m, err := c.fight(ctx)
	if err != nil {
		return err
	}
	r.Matches = append(r.Matches, m)
	memory, err := c.memory(ctx)
	if err != nil {
		return err
	}
	r.Memory = append(r.Memory, memory)
	scaling, err := c.scale(ctx)
	if err != nil {
		return err
	}
	r.Scaling = append(r.Scaling, scaling...)
	if c.stages {
		s, err := c.runStages(ctx)
		if err != nil {
			return err
		}
		r.Stages = append(r.Stages, s)
	}
	if c.profiles == "" {
		return nil
	}
	file := filepath.Join(c.profiles, c.input.name+".pprof")
	c.screen.Notef("%s: profile in %s", c.input.name, terminal.Printable(file))
	_, _, err = c.machine.run(ctx, c.ours("--profile", file), c.settings(), nil)
	return err
}
