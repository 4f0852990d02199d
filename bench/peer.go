package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

var (
	//go:embed package.json
	peerPackage []byte
	//go:embed package-lock.json
	peerLock []byte
	//go:embed duckdb.mjs
	peerScript []byte
)

// peer is DuckDB in Node.js.
type peer struct {
	node, script string
	versions     string // of DuckDB and Node.js, for display
}

// installPeer returns DuckDB, installed into the cache on first use. The error says what is missing.
func (o *options) installPeer(ctx context.Context) (*peer, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, fmt.Errorf("DuckDB needs Node.js: %w", err)
	}
	dir, err := o.installPackage(ctx, "duckdb", peerPackage, peerLock)
	if err != nil {
		return nil, err
	}
	p := &peer{node: node, script: filepath.Join(dir, "duckdb.mjs")}
	if err := os.WriteFile(p.script, peerScript, 0o644); err != nil {
		return nil, fmt.Errorf("install DuckDB: %w", err)
	}
	version, err := p.query(ctx, "SELECT version()", 1)
	if err != nil {
		return nil, fmt.Errorf("start DuckDB: %w", err)
	}
	nodeVersion, err := exec.CommandContext(ctx, node, "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("ask Node.js for its version: %w", err)
	}
	p.versions = fmt.Sprintf("DuckDB %s in Node.js %s", version[0].String(0), bytes.TrimSpace(nodeVersion))
	return p, nil
}

// installPackage installs what a package.json and its lock file ask for into the cache, once, and returns the folder.
func (o *options) installPackage(ctx context.Context, name string, description, lock []byte) (string, error) {
	sum := sha256.Sum256(append(bytes.Clone(description), lock...))
	dir, err := o.place(name + "-" + hex.EncodeToString(sum[:6]))
	if err != nil {
		return "", err
	}
	for file, text := range map[string][]byte{"package.json": description, "package-lock.json": lock} {
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o644); err != nil {
			return "", fmt.Errorf("install %s: %w", name, err)
		}
	}
	// npm writes this file when the installation is complete.
	if _, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err == nil {
		return dir, nil
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", fmt.Errorf("%s is installed with npm: %w", name, err)
	}
	o.screen.Notef("installing %s with npm ...", name)
	// Not `npm ci`: it rejects a lock file without the binaries of other platforms, and a registry may lack them.
	// Packages in the lock file are installed as locked; all versions are exact.
	cmd := exec.CommandContext(ctx, npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("install %s: npm install: %w: %s", name, err, bytes.TrimSpace(text))
	}
	return dir, nil
}

// statement for DuckDB; Rows is how many of its rows to return at most.
type statement struct {
	SQL  string `json:"sql"`
	Rows int    `json:"rows,omitempty"`
}

// row of a result; nil is null.
type row []*string

func (r row) String(i int) string {
	if r[i] == nil {
		return "null"
	}
	return *r[i]
}

// answer to one statement.
type answer struct {
	Rows  []row  `json:"rows"`
	Error string `json:"error"`
}

func (a answer) err() error {
	if a.Error == "" {
		return nil
	}
	return errors.New(a.Error)
}

// command runs statements on the given number of threads; readAnswers parses its output.
func (p *peer) command(threads int, statements []statement) (argv []string, stdin []byte, err error) {
	stdin, err = json.Marshal(map[string]any{"threads": threads, "statements": statements})
	return []string{p.node, p.script}, stdin, err
}

func readAnswers(stdout []byte) ([]answer, error) {
	var answers []answer
	if err := json.Unmarshal(stdout, &answers); err != nil {
		return nil, fmt.Errorf("read DuckDB's answer: %w", err)
	}
	return answers, nil
}

// run runs all statements, even if some fail.
func (p *peer) run(ctx context.Context, statements []statement) ([]answer, error) {
	argv, stdin, err := p.command(2, statements)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run DuckDB: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return readAnswers(stdout)
}

// query runs one statement.
func (p *peer) query(ctx context.Context, sql string, rows int) ([]row, error) {
	answers, err := p.run(ctx, []statement{{sql, rows}})
	if err != nil {
		return nil, err
	}
	return answers[0].Rows, answers[0].err()
}
