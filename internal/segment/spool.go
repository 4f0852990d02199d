package segment

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

// spool is a temporary file that an output grows in: outputs are uploaded when they are whole, and their size must
// not count against memory. On Lambda it lies on /tmp (512 MB unless configured otherwise).
type spool struct {
	file *os.File
	buf  *bufio.Writer
	hash hash.Hash // nil when the caller knows the hash
	size int64
}

const spoolBuffer = 256 << 10

func newSpool(hashed bool) (*spool, error) {
	f, err := os.CreateTemp("", "dip-output-*")
	if err != nil {
		return nil, fmt.Errorf("create output spool: %w", err)
	}
	// Unlinked at once: the space is given back however the process ends.
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("unlink output spool: %w", err), f.Close())
	}
	s := &spool{file: f, buf: bufio.NewWriterSize(f, spoolBuffer)}
	if hashed {
		s.hash = sha256.New()
	}
	return s, nil
}

func (s *spool) Write(p []byte) (int, error) {
	if s.hash != nil {
		s.hash.Write(p)
	}
	s.size += int64(len(p))
	return s.buf.Write(p)
}

func (s *spool) sum() string { return hex.EncodeToString(s.hash.Sum(nil)) }

// upload stores the spooled bytes under key.
func (s *spool) upload(ctx context.Context, sink Sink, key, contentType, sha256Hex string) error {
	if err := s.buf.Flush(); err != nil {
		return fmt.Errorf("spool %s: %w", key, err)
	}
	return sink.PutOnce(ctx, key, contentType, s.file, sha256Hex)
}

func (s *spool) Close() error { return s.file.Close() }
