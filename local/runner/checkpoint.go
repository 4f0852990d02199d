package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// shardState is a mapping's progress in a shard.
type shardState struct {
	// Sequence is the last record that is finished along with all records before it; empty: none yet.
	Sequence string
	// Done: the shard is closed and all its records are finished, so that its children may start.
	Done bool
}

// checkpoints of one mapping, in a file: a restarted runner resumes from them.
type checkpoints struct {
	path   string
	mu     sync.Mutex
	shards map[string]shardState
}

func openCheckpoints(path string) (*checkpoints, error) {
	c := &checkpoints{path: path, shards: map[string]shardState{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &c.shards)
	}
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	return c, nil
}

func (c *checkpoints) get(shard string) (shardState, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.shards[shard]
	return s, ok
}

func (c *checkpoints) set(shard string, s shardState) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shards[shard] = s
	text, err := json.Marshal(c.shards)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(c.path), 0o755)
	}
	if err == nil {
		err = os.WriteFile(c.path+".new", text, 0o644)
	}
	if err == nil {
		err = os.Rename(c.path+".new", c.path)
	}
	if err != nil {
		return fmt.Errorf("write checkpoints: %w", err)
	}
	return nil
}

// progress tracks the records of one shard, which several lanes finish in any order. The checkpoint is the last
// finished record without a gap before it.
type progress struct {
	mu sync.Mutex
	// open are the records read and not yet passed by the checkpoint, in order of the shard.
	open []openRecord
	// passed is the number of records before open; place is where a record is, counted from the first one ever read.
	passed int
	place  map[string]int
	last   string
}

type openRecord struct {
	sequence string
	finished bool
}

func newProgress() *progress { return &progress{place: map[string]int{}} }

func (p *progress) read(sequence string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.place[sequence] = p.passed + len(p.open)
	p.open = append(p.open, openRecord{sequence: sequence})
}

// finish marks records as done and returns the checkpoint, empty if there is none yet.
func (p *progress) finish(sequences []string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, sequence := range sequences {
		if at, ok := p.place[sequence]; ok {
			p.open[at-p.passed].finished = true
		}
	}
	passed := 0
	for passed < len(p.open) && p.open[passed].finished {
		p.last = p.open[passed].sequence
		delete(p.place, p.last)
		passed++
	}
	p.open = slices.Delete(p.open, 0, passed)
	p.passed += passed
	return p.last
}
