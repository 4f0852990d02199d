package runner

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"dip/local/emulator"
)

// codeCache keeps unpacked code by its hash, so that a published version keeps its own while $LATEST moves on.
type codeCache struct {
	dir    string
	key    emulator.Key
	region string
	lambda *lambda.Client
	// mu allows one download at a time; concurrent starts of one version are more frequent than changes of two functions.
	mu sync.Mutex
}

// folder returns the folder with a version's code, fetching it first if necessary.
func (c *codeCache) folder(ctx context.Context, v *version) (string, error) {
	sum, err := base64.StdEncoding.DecodeString(v.codeSha256)
	if err != nil || len(sum) != sha256.Size {
		return "", fmt.Errorf("function %s:%s: invalid code hash %q", v.function, v.number, v.codeSha256)
	}
	dir := filepath.Join(c.dir, hex.EncodeToString(sum))
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	archive, err := c.fetch(ctx, v)
	if err != nil {
		return "", fmt.Errorf("fetch the code of %s:%s: %w", v.function, v.number, err)
	}
	if got := sha256.Sum256(archive); !bytes.Equal(got[:], sum) {
		return "", fmt.Errorf("function %s:%s: the code changed while an instance started", v.function, v.number)
	}
	if err := unpackAtomically(archive, dir); err != nil {
		return "", fmt.Errorf("unpack the code of %s:%s: %w", v.function, v.number, err)
	}
	return dir, nil
}

func (c *codeCache) fetch(ctx context.Context, v *version) ([]byte, error) {
	out, err := c.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: &v.function, Qualifier: &v.number})
	if err != nil {
		return nil, err
	}
	if out.Code == nil || out.Code.Location == nil {
		return nil, errors.New("the function has no zip")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, *out.Code.Location, nil)
	if err != nil {
		return nil, err
	}
	return c.key.Send(req, emulator.Service, c.region, nil)
}

// unpackAtomically unpacks next to dir and renames: a folder that exists is complete.
func unpackAtomically(archive []byte, dir string) (err error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), ".unpack-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if err := os.Chmod(work, 0o755); err != nil {
		return err
	}
	files, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return err
	}
	for _, f := range files.File {
		if err := unpackFile(f, work); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return os.Rename(work, dir)
}

func unpackFile(f *zip.File, dir string) (err error) {
	if f.FileInfo().IsDir() {
		return nil
	}
	if !filepath.IsLocal(f.Name) {
		return errors.New("the path leads out of the archive")
	}
	target := filepath.Join(dir, f.Name)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	// The mode decides whether bootstrap is executable: a zip without it fails here as it does on AWS.
	out, err := os.OpenFile(target, os.O_CREATE|os.O_WRONLY|os.O_EXCL, f.Mode().Perm())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}
