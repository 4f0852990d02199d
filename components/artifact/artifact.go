// Package artifact finds what is built before the deployment runs: the functions' archives and the image's programs.
package artifact

import (
	"archive/zip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Artifact is a built function.
type Artifact struct {
	Path string // of the zip
	Code string // fingerprint of the binary in it, 16 hex digits
}

// Open reads the archives of the named functions from a folder. The error lists every one that is missing or broken,
// with the command that builds it.
func Open(dir, arch string, names ...string) (map[string]Artifact, error) {
	found := map[string]Artifact{}
	var errs []error
	for _, name := range names {
		path := filepath.Join(dir, name+".zip")
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, notBuilt(path, dir, arch))
			continue
		}
		code, err := fingerprint(path)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
		}
		found[name] = Artifact{Path: path, Code: code}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return found, nil
}

func fingerprint(path string) (code string, err error) {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	binary, err := archive.Open("bootstrap")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, binary.Close()) }()
	sum, err := digest(binary)
	return short(sum), err
}
