package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Image is what the image of workers and restage jobs is made of.
type Image struct {
	Tag  string            // hash of the Dockerfile and all programs, 16 hex digits: the same tag is the same code
	Code map[string]string // fingerprint of each program's binary, 16 hex digits
}

// OpenImage reads the image's programs from the folder that also has the archives. The error lists every one that is
// missing, with the command that builds it.
func OpenImage(dir, arch, dockerfile string, programs ...string) (Image, error) {
	image := Image{Code: map[string]string{}}
	all := sha256.New()
	text, err := os.ReadFile(dockerfile)
	errs := []error{err}
	all.Write(text)
	for _, name := range slices.Sorted(slices.Values(programs)) {
		path := filepath.Join(dir, "image", "app", name)
		sum, err := sumOf(path)
		if errors.Is(err, fs.ErrNotExist) {
			err = notBuilt(path, dir, arch)
		}
		errs = append(errs, err)
		image.Code[name] = short(sum)
		fmt.Fprintf(all, "\x00%s\x00%x", name, sum)
	}
	image.Tag = short(all.Sum(nil))
	return image, errors.Join(errs...)
}

func sumOf(path string) (sum []byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return digest(file)
}

func digest(r io.Reader) ([]byte, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

// short is a fingerprint: the first half of a hash's first half.
func short(sum []byte) string { return hex.EncodeToString(sum[:min(8, len(sum))]) }

func notBuilt(path, dir, arch string) error {
	return fmt.Errorf("%s is not built: run `go run ./cmd/build --out %s --arch %s`", path, dir, arch)
}
