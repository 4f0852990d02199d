package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"dip/internal/client"
	"dip/internal/terminal"
	"dip/local"
	"dip/local/runner"
)

var (
	stack *local.Stack
	// root is a copy of the checkout with an additional segment.
	root string
	// stateDir is the stack's state folder.
	stateDir string
	// chaos kills running functions for the tests.
	chaos killer
)

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("end-to-end tests are skipped with -short")
		return
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "FAIL: end-to-end:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "dip-e2e-*")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	root = filepath.Join(dir, "checkout")
	if err := copyCheckout(root); err != nil {
		return 1, err
	}
	if err := addSegment(root); err != nil {
		return 1, err
	}
	ctx := context.Background()
	stateDir = filepath.Join(dir, "state")
	stack, err = local.Up(ctx, local.Options{
		Root: root, StateDir: stateDir, InProcess: true, OnInvoke: chaos.observe,
		Screen: &terminal.Screen{Out: os.Stdout, Err: os.Stderr},
	})
	if err != nil {
		return 1, fmt.Errorf("up: %w", err)
	}
	chaos.runner = stack.Runner
	code = m.Run()
	if err := checkRights(ctx, code == 0); err != nil {
		fmt.Fprintf(os.Stderr, "FAIL: rights:\n%v\n", err)
		code = 1
	}
	if code != 0 {
		showLogs(filepath.Join(dir, "state"))
	}
	if err := errors.Join(proveRemoval(ctx), stack.Down(ctx)); err != nil {
		return 1, fmt.Errorf("down: %w", err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "state")); !errors.Is(err, fs.ErrNotExist) {
		return 1, fmt.Errorf("down left %v (%w)", left, err)
	}
	return code, nil
}

// showLogs prints the ends of the functions' logs, so that a failure on a discarded machine can be diagnosed.
func showLogs(state string) {
	const tail = 6000
	err := filepath.WalkDir(state, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || (!strings.HasSuffix(path, ".jsonl") && !strings.HasSuffix(path, ".log")) {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fmt.Printf("--- %s\n%s\n", filepath.Base(path), data[max(0, len(data)-tail):])
		return nil
	})
	if err != nil {
		fmt.Println("logs:", err)
	}
}

// copyCheckout copies the files of the checkout that git tracks or would add.
func copyCheckout(to string) error {
	from, err := local.FindRoot(".")
	if err != nil {
		return err
	}
	list := exec.Command("git", "-C", from, "ls-files", "-co", "--exclude-standard", "-z")
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("list the checkout's files: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		if err := copyFile(filepath.Join(from, name), filepath.Join(to, name)); err != nil &&
			!errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}

// The segment that the tests add as the README describes: one config entry, one schema and one small package.
const (
	partsSchema = `{"fields": [
	{"name": "part", "type": "string", "constraints": {"required": true, "pattern": "[A-Z]{2}-[0-9]+"}},
	{"name": "weight", "type": "number", "decimalChar": ","},
	{"name": "made", "type": "date"},
	{"name": "remark", "type": "string"}
]}`
	partsMain = `// Command parts is the Lambda function of the segment parts.
package main

import "dip/internal/segment"

func main() { segment.Main() }
`
)

// addSegment adds the segment parts, and makes chunks small and timeouts short: a few bytes make many chunks, and
// killed work is soon overdue.
func addSegment(root string) error {
	file := filepath.Join(root, "Pulumi.local.yaml")
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var doc struct {
		Config map[string]any `yaml:"config"`
	}
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	settings := doc.Config["dip:stack"].(map[string]any)
	settings["loads"] = map[string]any{"chunkMB": 1}
	settings["sweep"] = map[string]any{"rate": "24h", "grace": "10s"}
	segments := settings["segments"].(map[string]any)
	segments["parts"] = map[string]any{"delimiter": ";", "maxBadShare": 0.5}
	for _, name := range []string{"trips", "events"} {
		segments[name].(map[string]any)["timeout"] = "5s"
	}
	if data, err = yaml.Marshal(doc); err != nil {
		return err
	}
	main := filepath.Join(root, "lambdas", "parts", "main.go")
	return errors.Join(
		os.WriteFile(file, data, 0o644),
		os.WriteFile(filepath.Join(root, "schemas", "parts.json"), []byte(partsSchema), 0o644),
		os.MkdirAll(filepath.Dir(main), 0o755),
		os.WriteFile(main, []byte(partsMain), 0o644),
	)
}

// killer ends instances of a function with SIGKILL while they work.
type killer struct {
	runner *runner.Runner

	mu     sync.Mutex
	left   map[string]int // invocations still to be killed, by segment
	struck map[string]int // instances killed so far, by segment
	spared string         // the segment whose invocations are killed once one of them has succeeded
}

func (k *killer) observe(i runner.Invocation) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if i.Ended {
		if i.Error == "" && k.spared != "" && strings.HasPrefix(i.Function, k.spared) {
			k.left[k.spared], k.spared = math.MaxInt, ""
		}
		return
	}
	for segment := range k.left {
		if k.left[segment] > 0 && strings.HasPrefix(i.Function, segment) {
			k.left[segment]--
			go k.strike(segment, i.Function)
		}
	}
}

func (k *killer) strike(segment, function string) {
	_, struck := k.runner.Kill(function)
	k.mu.Lock()
	defer k.mu.Unlock()
	if struck {
		k.struck[segment]++
	}
}

// kill makes the killer kill the next n invocations of a segment's function.
func (k *killer) kill(segment string, n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.left == nil {
		k.left, k.struck = map[string]int{}, map[string]int{}
	}
	k.left[segment] = n
}

// killAfterOne makes the killer kill all invocations of a segment's function that begin after one has succeeded.
func (k *killer) killAfterOne(segment string) {
	k.kill(segment, 0)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.spared = segment
}

// killed is how many invocations of a segment's function were killed.
func (k *killer) killed(segment string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.struck[segment]
}

// patience bounds every wait: a load that has not finished by then has lost something.
const patience = 3 * time.Minute

func follow(t *testing.T, id string) client.Progress {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p, err := client.Follow(ctx, stack.Client().Ledger, id, func(client.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
