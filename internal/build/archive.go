package build

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// epoch is the time of every entry: the earliest that the format has.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// archive packs a binary as Lambda wants it: one executable file named bootstrap. An archive that holds the same
// bytes already stays untouched.
func archive(binary, path string) (changed bool, err error) {
	if modified(path).After(modified(binary)) {
		return false, nil
	}
	data, err := os.ReadFile(binary)
	if err != nil {
		return false, fmt.Errorf("read the binary: %w", err)
	}
	packed, err := Pack(data)
	if err != nil {
		return false, fmt.Errorf("pack %s: %w", path, err)
	}
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("read the last archive: %w", err)
	}
	if bytes.Equal(old, packed) {
		now := time.Now()
		return false, os.Chtimes(path, now, now)
	}
	partial := path + ".part"
	if err := os.WriteFile(partial, packed, 0o644); err != nil {
		return false, fmt.Errorf("write the archive: %w", err)
	}
	return true, os.Rename(partial, path)
}

// Pack makes the archive of a binary: the same for the same bytes.
func Pack(binary []byte) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	w.RegisterCompressor(zip.Deflate, func(to io.Writer) (io.WriteCloser, error) { return flate.NewWriter(to, flate.BestCompression) })
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate, Modified: epoch}
	header.SetMode(0o755)
	entry, err := w.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := entry.Write(binary); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
