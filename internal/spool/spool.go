// Package spool buffers outputs on disk while they grow.
package spool

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
)

// Sink stores outputs write-once.
type Sink interface {
	PutOnce(ctx context.Context, key, contentType string, body io.ReadSeeker, sha256Hex string) error
}

// Spool is a temporary file for a growing output: outputs are uploaded once complete, and must not count against
// memory. On Lambda it is in /tmp (512 MB by default).
type Spool struct {
	Size int64 // bytes written so far

	file *os.File
	buf  *bufio.Writer
	hash hash.Hash // nil if the caller knows the hash
}

const bufferSize = 256 << 10

// New creates an empty spool. Only a hashed one has a Sum.
func New(hashed bool) (*Spool, error) {
	f, err := os.CreateTemp("", "dip-output-*")
	if err != nil {
		return nil, fmt.Errorf("create output spool: %w", err)
	}
	// Unlinked at once: the space is freed however the process ends.
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("unlink output spool: %w", err), f.Close())
	}
	s := &Spool{file: f, buf: bufio.NewWriterSize(f, bufferSize)}
	if hashed {
		s.hash = sha256.New()
	}
	return s, nil
}

// Write appends to the output.
func (s *Spool) Write(p []byte) (int, error) {
	if s.hash != nil {
		s.hash.Write(p)
	}
	s.Size += int64(len(p))
	return s.buf.Write(p)
}

// Sum is the SHA-256 of the bytes written to a hashed spool, in hex.
func (s *Spool) Sum() string { return hex.EncodeToString(s.hash.Sum(nil)) }

// Upload stores the spooled bytes under key.
func (s *Spool) Upload(ctx context.Context, sink Sink, key, contentType, sha256Hex string) error {
	if err := s.buf.Flush(); err != nil {
		return fmt.Errorf("spool %s: %w", key, err)
	}
	return sink.PutOnce(ctx, key, contentType, s.file, sha256Hex)
}

// Close frees the space.
func (s *Spool) Close() error { return s.file.Close() }
