package build

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"time"
)

// epoch is the time of every entry: the earliest that the format has.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// archive packs a binary as Lambda wants it: one executable file named bootstrap. An archive of the same binary stays
// untouched.
func archive(binary, path string) (changed bool, err error) {
	data, err := os.ReadFile(binary)
	if err != nil {
		return false, fmt.Errorf("read the binary: %w", err)
	}
	if current(path, comment(data)) {
		return false, nil
	}
	packed, err := Pack(data)
	if err != nil {
		return false, fmt.Errorf("pack %s: %w", path, err)
	}
	partial := path + ".part"
	if err := os.WriteFile(partial, packed, 0o644); err != nil {
		return false, fmt.Errorf("write the archive: %w", err)
	}
	return true, os.Rename(partial, path)
}

// comment is an archive's comment: it tells the binary without unpacking it.
func comment(binary []byte) string {
	sum := sha256.Sum256(binary)
	return hex.EncodeToString(sum[:])
}

// current says whether there is an archive with a comment. One that is missing or broken is not current.
func current(path, comment string) bool {
	r, err := zip.OpenReader(path)
	if err != nil {
		return false
	}
	return r.Comment == comment && r.Close() == nil
}

// Pack makes the archive of a binary: the same for the same bytes.
func Pack(binary []byte) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	w.RegisterCompressor(zip.Deflate,
		func(to io.Writer) (io.WriteCloser, error) { return flate.NewWriter(to, flate.BestCompression) })
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate, Modified: epoch}
	header.SetMode(0o755)
	entry, err := w.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := entry.Write(binary); err != nil {
		return nil, err
	}
	if err := w.SetComment(comment(binary)); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
