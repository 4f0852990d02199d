package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"dip/internal/client"
)

// source is an input that can be read from any offset on, if it is a file.
type source interface {
	io.ReadSeeker
	io.Closer
}

// openSource opens an input, and names it by its content. The name of standard input is its own each time.
func openSource(file string) (in source, name string, size int64, err error) {
	if file == "-" {
		id := sha256.Sum256(fmt.Appendf(nil, "%s %d", time.Now(), rand.Uint64()))
		return os.Stdin, hex.EncodeToString(id[:16]), 0, nil
	}
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, "", 0, fmt.Errorf("send %s: %w", file, client.ErrNotFound)
	}
	if err != nil {
		return nil, "", 0, err
	}
	h := sha256.New()
	head := make([]byte, 4)
	n, err := io.ReadFull(f, head)
	if err == nil || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		h.Write(head[:n])
		err = compressed(head[:n])
	}
	if err == nil {
		size, err = io.Copy(h, f)
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, "", 0, errors.Join(fmt.Errorf("send %s: %w", file, err), f.Close())
	}
	return f, hex.EncodeToString(h.Sum(nil)[:16]), size + int64(n), nil
}

// compressed says that a file has to be decompressed first, by its first bytes.
func compressed(head []byte) error {
	for name, magic := range map[string]string{"gzip": "\x1f\x8b", "zstd": "\x28\xb5\x2f\xfd"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return fmt.Errorf("it is compressed with %s: decompress it first; what is sent is compressed anyway", name)
		}
	}
	return nil
}
