// Package metadata serves to the nodes of the lab what instances find at 169.254.169.254: their identity and their
// interruption notice. Each node has an amazon-ec2-metadata-mock of its own, on a port of this machine.
package metadata

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"dip/tools/lab/loopback"
	"dip/tools/lab/process"
)

const (
	host = "127.0.0.1"
	// attempts to start on a port that is still free.
	attempts = 3
	// stopGrace is how long a mock may take to end. It keeps nothing.
	stopGrace = time.Second
)

// Mocks are the metadata of all nodes.
type Mocks struct {
	binary, dir string

	mu     sync.Mutex
	mocks  map[string]*mock // by node
	closed bool
}

// mock is the metadata of a node.
type mock struct {
	instance      Instance
	binary, port  string
	settings, log string // files
	process       *process.Process
}

// New makes mocks out of the binary ec2-metadata-mock. Their settings and logs are kept in dir, which is made.
func New(binary, dir string) (*Mocks, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("instance metadata: %w", err)
	}
	return &Mocks{binary: binary, dir: dir, mocks: map[string]*mock{}}, nil
}

// Start serves an instance's metadata, until Stop, and returns when it is served. A node that already has some keeps
// it.
func (m *Mocks) Start(ctx context.Context, i Instance) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return fmt.Errorf("metadata of node %s: the lab ends", i.Node)
	}
	if m.mocks[i.Node] != nil {
		return nil
	}
	var errs []error
	for range attempts {
		started, err := m.start(ctx, i)
		if err == nil {
			m.mocks[i.Node] = started
			return nil
		}
		if errs = append(errs, err); ctx.Err() != nil {
			break
		}
	}
	return fmt.Errorf("metadata of node %s: %w", i.Node, errors.Join(errs...))
}

func (m *Mocks) start(ctx context.Context, i Instance) (*mock, error) {
	var port int
	if err := loopback.FreePorts(&port); err != nil {
		return nil, err
	}
	started := &mock{
		instance: i, binary: m.binary, port: strconv.Itoa(port),
		settings: filepath.Join(m.dir, i.Node+".json"), log: filepath.Join(m.dir, i.Node+".log"),
	}
	err := started.run(ctx, never, never, "/latest/meta-data/instance-id", i.ID)
	if err != nil {
		return nil, err
	}
	return started, nil
}

// run starts the mock's process and returns when it serves what is wanted at a path.
func (m *mock) run(ctx context.Context, notice, termination time.Time, path, want string) error {
	text, err := settings(m.instance, notice, termination)
	if err != nil {
		return err
	}
	if err := os.WriteFile(m.settings, text, 0o644); err != nil {
		return fmt.Errorf("write settings: %w", err)
	}
	m.process, err = process.Start(process.Command{
		Name: "ec2-metadata-mock of " + m.instance.Node, Path: m.binary, Log: m.log,
		Args: []string{"spot", "--hostname", host, "--port", m.port, "--config-file", m.settings},
	})
	if err != nil {
		return err
	}
	if err := m.await(ctx, path, want); err != nil {
		return errors.Join(err, m.process.Stop(stopGrace))
	}
	return nil
}

func (m *mock) url() string { return "http://" + net.JoinHostPort(host, m.port) }

// Env are the variables by which the Node Termination Handler of a node finds its metadata. While the node has none
// that is an error.
func (m *Mocks) Env(node string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := m.mocks[node]
	if found == nil {
		return nil, fmt.Errorf("node %s has no metadata", node)
	}
	return []string{"INSTANCE_METADATA_URL=" + found.url()}, nil
}

// Interrupt tells a node that its spot instance is terminated when the notice, 120 seconds on AWS, is over, and returns
// when its metadata says so. It is for the caller to terminate the instance then. The mock reads its settings when it
// starts, so it is restarted: a request meanwhile fails, and clients retry it.
func (m *Mocks) Interrupt(ctx context.Context, node string, notice time.Duration) (termination time.Time, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := m.mocks[node]
	if found == nil {
		return time.Time{}, fmt.Errorf("interrupt node %s: it has no metadata", node)
	}
	if err := found.process.Stop(stopGrace); err != nil {
		return time.Time{}, fmt.Errorf("interrupt node %s: %w", node, err)
	}
	now := time.Now().UTC()
	termination = now.Add(notice).Truncate(time.Second)
	err = found.run(ctx, now.Add(-time.Second), termination, "/latest/meta-data/spot/termination-time",
		termination.Format(time.RFC3339))
	if err != nil {
		return time.Time{}, fmt.Errorf("interrupt node %s: %w", node, err)
	}
	return termination, nil
}

// Stop ends a node's metadata. A node that has none is fine.
func (m *Mocks) Stop(node string) error {
	m.mu.Lock()
	found := m.mocks[node]
	delete(m.mocks, node)
	m.mu.Unlock()
	if found == nil {
		return nil
	}
	return found.process.Stop(stopGrace)
}

// Close ends all metadata.
func (m *Mocks) Close() error {
	m.mu.Lock()
	m.closed = true
	all := m.mocks
	m.mocks = map[string]*mock{}
	m.mu.Unlock()
	var errs []error
	for _, found := range all {
		errs = append(errs, found.process.Stop(stopGrace))
	}
	return errors.Join(errs...)
}
