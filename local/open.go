package local

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"dip/local/runner"
)

// ErrNotUp reports that the local stack does not exist or that its background process is not running.
var ErrNotUp = errors.New("the local stack is not up: run `dip local up`")

// Open finds the local stack that an earlier Up left running.
func Open(ctx context.Context, o Options) (*Stack, error) {
	o, err := o.resolve()
	if err != nil {
		return nil, err
	}
	s := &Stack{options: o, place: place(o.StateDir)}
	known, err := s.place.known()
	if err != nil || known.Outputs == nil {
		return nil, errors.Join(ErrNotUp, err)
	}
	d, alive, err := findDaemon(ctx, s.place)
	if err != nil {
		return nil, err
	}
	if !alive || d.Instance != known.Instance {
		return nil, ErrNotUp
	}
	s.Daemon, s.Outputs = d, *known.Outputs
	return s, nil
}

// LogRecord is a line of a function's log, as package runner writes it.
type LogRecord struct {
	Function string          `json:"-"`
	Time     time.Time       `json:"time"`
	Type     string          `json:"type"`
	Record   json.RawMessage `json:"record"`
	Raw      []byte          `json:"-"`
}

// Text is the line that the function printed, or a record of the runner unchanged.
func (r LogRecord) Text() string {
	var text string
	if json.Unmarshal(r.Record, &text) == nil {
		return text
	}
	return r.Type + " " + string(r.Record)
}

// Logs passes the log records of a function to each, or those of all functions in order of time. With follow it
// continues with new records until ctx ends.
func (s *Stack) Logs(ctx context.Context, function string, follows bool, each func(LogRecord) error) error {
	names, err := s.logged(function)
	if err != nil {
		return err
	}
	var records []LogRecord
	offsets := map[string]int64{}
	for _, name := range names {
		data, err := os.ReadFile(runner.LogFile(s.place.functions(), name))
		if err != nil {
			return fmt.Errorf("read the log of %s: %w", name, err)
		}
		whole := data[:bytes.LastIndexByte(data, '\n')+1]
		offsets[name] = int64(len(whole))
		for lines := bufio.NewScanner(bytes.NewReader(whole)); lines.Scan(); {
			records = append(records, parseLog(name, lines.Bytes()))
		}
	}
	slices.SortStableFunc(records, func(a, b LogRecord) int { return a.Time.Compare(b.Time) })
	for _, r := range records {
		if err := each(r); err != nil {
			return err
		}
	}
	if !follows {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, name := range names {
		group.Go(func() error {
			return follow(ctx, runner.LogFile(s.place.functions(), name), offsets[name], func(line []byte) error {
				return each(parseLog(name, line))
			})
		})
	}
	return group.Wait()
}

// logged lists the functions that have a log and whose names contain the given text.
func (s *Stack) logged(function string) ([]string, error) {
	files, err := filepath.Glob(runner.LogFile(s.place.functions(), "*"))
	if err != nil {
		return nil, fmt.Errorf("find the logs: %w", err)
	}
	var names, all []string
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), filepath.Ext(f))
		all = append(all, name)
		if strings.Contains(name, function) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no function named %q has logged anything; these have: %s", function, strings.Join(all, ", "))
	}
	return names, nil
}

func parseLog(function string, line []byte) LogRecord {
	r := LogRecord{Function: function, Raw: bytes.Clone(line)}
	if err := json.Unmarshal(line, &r); err != nil {
		r.Type, r.Record = "unreadable", json.RawMessage(line)
	}
	return r
}
