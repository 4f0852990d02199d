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
	"sync"

	"github.com/klauspost/compress/gzip"
)

// Sink stores outputs write-once.
type Sink interface {
	PutOnce(ctx context.Context, key, contentType string, body io.ReadSeeker, sha256Hex string) error
}

// Spool is a temporary file for a growing output: outputs are uploaded once complete, and must not count against
// memory. On Lambda it is in /tmp (512 MB by default).
type Spool struct {
	Size int64 // bytes in the file so far

	file *os.File
	buf  *bufio.Writer
	hash hash.Hash    // nil if the caller knows the hash
	zip  *gzip.Writer // nil if the output is not compressed
}

const bufferSize = 256 << 10

// Small outputs cost less than the memory that they are buffered and compressed in: it is used again.
var (
	buffers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, bufferSize) }}
	zips    = sync.Pool{New: func() any {
		z, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
		if err != nil {
			panic(err) // the level is a constant
		}
		return z
	}}
)

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
	s := &Spool{file: f, buf: buffers.Get().(*bufio.Writer)}
	s.buf.Reset(f)
	if hashed {
		s.hash = sha256.New()
	}
	return s, nil
}

// NewGzip creates an empty spool that compresses what is written to it, and has the Sum of that.
func NewGzip() (*Spool, error) {
	s, err := New(true)
	if err != nil {
		return nil, err
	}
	s.zip = zips.Get().(*gzip.Writer)
	s.zip.Reset(stored{s})
	return s, nil
}

// stored appends to a spool's file.
type stored struct{ *Spool }

func (s stored) Write(p []byte) (int, error) { return s.store(p) }

// Write appends to the output.
func (s *Spool) Write(p []byte) (int, error) {
	if s.zip != nil {
		return s.zip.Write(p)
	}
	return s.store(p)
}

// Finish completes a compressed output: nothing can be written to it any more, and Size and Sum are those of all of it.
func (s *Spool) Finish() error {
	if s.zip == nil {
		return nil
	}
	if err := s.zip.Close(); err != nil {
		return fmt.Errorf("compress the output: %w", err)
	}
	return nil
}

func (s *Spool) store(p []byte) (int, error) {
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

// Close frees the space. Nothing but another Close may follow.
func (s *Spool) Close() error {
	if s.buf != nil {
		s.buf.Reset(nil)
		buffers.Put(s.buf)
		s.buf = nil
	}
	if s.zip != nil {
		s.zip.Reset(nil)
		zips.Put(s.zip)
		s.zip = nil
	}
	return s.file.Close()
}
