// Package spool buffers outputs while they grow: large ones on disk.
package spool

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
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

// Spool is a growing output. Outputs are uploaded once complete, and must not count against memory: one that outgrows
// its buffer is in a temporary file. On Lambda that is in /tmp (512 MB by default).
type Spool struct {
	Size int64 // bytes so far

	buf  []byte // what is not in the file
	file *os.File
	hash hash.Hash    // nil if the caller knows the hash
	zip  *gzip.Writer // nil if the output is not compressed
}

const bufferSize = 256 << 10

// Small outputs cost less than the memory that they are buffered and compressed in: it is used again.
var (
	buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}
	zips    = sync.Pool{New: func() any {
		z, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
		if err != nil {
			panic(err) // the level is a constant
		}
		return z
	}}
)

// New creates an empty spool. Only a hashed one has a Sum.
func New(hashed bool) *Spool {
	s := &Spool{buf: buffers.Get().(*[bufferSize]byte)[:0]}
	if hashed {
		s.hash = sha256.New()
	}
	return s
}

// NewGzip creates an empty spool that compresses what is written to it, and has the Sum of that.
func NewGzip() *Spool {
	s := New(true)
	s.zip = zips.Get().(*gzip.Writer)
	s.zip.Reset(stored{s})
	return s
}

// stored appends to a spool what is compressed.
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
	if len(s.buf)+len(p) <= cap(s.buf) {
		s.buf = append(s.buf, p...)
		return len(p), nil
	}
	if err := s.spill(); err != nil {
		return 0, err
	}
	if len(p) > cap(s.buf) {
		return s.file.Write(p)
	}
	s.buf = append(s.buf, p...)
	return len(p), nil
}

// spill appends the buffer to the file.
func (s *Spool) spill() error {
	if s.file == nil {
		f, err := os.CreateTemp("", "dip-output-*")
		if err != nil {
			return fmt.Errorf("create output spool: %w", err)
		}
		s.file = f
		// Unlinked at once: the space is freed however the process ends.
		if err := os.Remove(f.Name()); err != nil {
			return fmt.Errorf("unlink output spool: %w", err)
		}
	}
	_, err := s.file.Write(s.buf)
	s.buf = s.buf[:0]
	return err
}

// Sum is the SHA-256 of the bytes written to a hashed spool, in hex.
func (s *Spool) Sum() string { return hex.EncodeToString(s.hash.Sum(nil)) }

// Upload stores the spooled bytes under key.
func (s *Spool) Upload(ctx context.Context, sink Sink, key, contentType, sha256Hex string) error {
	if s.file == nil {
		return sink.PutOnce(ctx, key, contentType, bytes.NewReader(s.buf), sha256Hex)
	}
	if err := s.spill(); err != nil {
		return fmt.Errorf("spool %s: %w", key, err)
	}
	return sink.PutOnce(ctx, key, contentType, s.file, sha256Hex)
}

// Close frees the space. Nothing but another Close may follow.
func (s *Spool) Close() error {
	if s.buf != nil {
		buffers.Put((*[bufferSize]byte)(s.buf[:bufferSize]))
		s.buf = nil
	}
	if s.zip != nil {
		s.zip.Reset(nil)
		zips.Put(s.zip)
		s.zip = nil
	}
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
