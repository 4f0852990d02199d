// Package evidence keeps all that proves a certificate as files in a folder, so that neither S3 nor a stack is needed.
package evidence

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"dip/contract"
	"dip/internal/fault"
)

// Names of the files; those of outputs are below data and quarantine, by the last part of their keys, which is the
// object's own.
const (
	certificateName = "certificate.json"
	envelopeName    = "envelope.json" // the certificate's signature
	previousName    = "previous.json" // the certificate before it in the chain
	manifestName    = "manifest.txt"
	catalogName     = "catalog.json"
	inputName       = "input"
)

// fileName is the file of an object of the lake. certificate is the key of the certificate that the folder is for.
func fileName(key, certificate string) (string, error) {
	own := path.Base(key)
	if strings.HasPrefix(key, contract.CertificatePrefix) && key != certificate {
		if key == contract.EnvelopeOf(certificate) {
			return envelopeName, nil
		}
		return previousName, nil
	}
	for prefix, name := range map[string]string{
		contract.CertificatePrefix: certificateName, contract.ManifestPrefix: manifestName,
		contract.CatalogPrefix: catalogName,
		contract.DataPrefix:    contract.DataPrefix + own, contract.QuarantinePrefix: contract.QuarantinePrefix + own,
	} {
		if strings.HasPrefix(key, prefix) && filepath.IsLocal(own) {
			return filepath.FromSlash(name), nil
		}
	}
	return "", fault.Permanent(fmt.Errorf("the object %q is not part of the evidence", key))
}

// Folder reads a load's evidence. It is what verify.Lake asks for; the ETag of the input, which is S3's, is taken as
// the certificate has it.
type Folder struct {
	dir         string
	bucket      string // of the lake, as the manifest names it
	certificate string // key of the folder's certificate
}

// Open opens a folder and reads its certificate, whose SHA-256 it gives in hex.
func Open(dir string) (*Folder, contract.Certificate, string, error) {
	c, sum, err := Certificate(filepath.Join(dir, certificateName))
	if err != nil {
		return nil, c, "", err
	}
	f := &Folder{dir: dir, certificate: contract.CertificateKey(c.Segment, c.Load)}
	manifest, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, c, "", fmt.Errorf("read the manifest: %w", err)
	}
	f.bucket, _, _ = strings.Cut(strings.TrimPrefix(string(manifest), "s3://"), "/")
	return f, c, sum, nil
}

// Holds says whether a folder holds evidence.
func Holds(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, certificateName))
	return err == nil && info.Mode().IsRegular()
}

// Certificate reads a certificate from a file, and gives the file's SHA-256 in hex.
func Certificate(file string) (c contract.Certificate, sha256Hex string, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return c, "", fmt.Errorf("read the certificate: %w", err)
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, "", fmt.Errorf("certificate %s: %w", file, err)
	}
	sum := sha256.Sum256(data)
	return c, hex.EncodeToString(sum[:]), nil
}

// Bucket is the bucket that the outputs came from.
func (f *Folder) Bucket() string { return f.bucket }

func (f *Folder) open(o contract.Object) (*os.File, error) {
	name := inputName
	if o.Bucket == f.bucket && o.VersionID == "" {
		var err error
		if name, err = fileName(o.Key, f.certificate); err != nil {
			return nil, err
		}
	}
	file, err := os.Open(filepath.Join(f.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		err = fault.Permanent(fmt.Errorf("no file for the object %s: %w", o.Key, err))
	}
	return file, err
}

// Get reads a whole object of the lake.
func (f *Folder) Get(_ context.Context, key string) ([]byte, error) {
	file, err := f.open(contract.Object{Bucket: f.bucket, Key: key})
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(file)
	return data, errors.Join(err, file.Close())
}

// Head gives an object's size.
func (f *Folder) Head(_ context.Context, o contract.Object) (contract.Object, error) {
	file, err := f.open(o)
	if err != nil {
		return o, err
	}
	info, err := file.Stat()
	if err == nil {
		o.Size = info.Size()
	}
	return o, errors.Join(err, file.Close())
}

// Stream reads an object from an offset on. The caller closes it.
func (f *Folder) Stream(_ context.Context, o contract.Object, from int64) io.ReadCloser {
	file, err := f.open(o)
	if err != nil {
		return failed{err}
	}
	if _, err := file.Seek(from, io.SeekStart); err != nil {
		return failed{errors.Join(err, file.Close())}
	}
	return file
}

type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }
func (f failed) Close() error             { return nil }

// Source is where evidence is taken from.
type Source interface {
	Bucket() string
	Get(ctx context.Context, key string) ([]byte, error)
	Head(ctx context.Context, o contract.Object) (contract.Object, error)
	Stream(ctx context.Context, o contract.Object, from int64) io.ReadCloser
}

// Write copies a certificate and its evidence into a folder, which it creates if need be.
func Write(ctx context.Context, from Source, c contract.Certificate, dir string) error {
	for _, sub := range []string{contract.DataPrefix, contract.QuarantinePrefix} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return fmt.Errorf("write evidence: %w", err)
		}
	}
	certificate := contract.CertificateKey(c.Segment, c.Load)
	keys := []string{certificate, contract.ManifestKey(c.Segment, c.Load), c.Catalog}
	if c.Link != nil && c.Link.Number > 1 {
		keys = append(keys, contract.CertificateKey(c.Segment, c.Link.Load))
	}
	for _, k := range c.Chunks {
		for _, o := range k.Outputs {
			keys = append(keys, o.Key)
		}
		if k.Quarantine != nil {
			keys = append(keys, k.Quarantine.Key)
		}
	}
	for _, key := range keys {
		name, err := fileName(key, certificate)
		if err != nil {
			return err
		}
		if err := fetch(ctx, from, contract.Object{Bucket: from.Bucket(), Key: key}, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	envelope := contract.Object{Bucket: from.Bucket(), Key: contract.EnvelopeOf(certificate)}
	err := fetch(ctx, from, envelope, filepath.Join(dir, envelopeName))
	if err != nil && !(c.Link == nil && fault.IsPermanent(err)) { // certificates without a link may have none
		return err
	}
	return fetch(ctx, from, c.Input, filepath.Join(dir, inputName))
}

// fetch copies an object into a file that is there whole or not at all.
func fetch(ctx context.Context, from Source, o contract.Object, file string) (err error) {
	if o, err = from.Head(ctx, contract.Object{Bucket: o.Bucket, Key: o.Key, VersionID: o.VersionID}); err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(file), ".download-*")
	if err != nil {
		return fmt.Errorf("download %s: %w", o.Key, err)
	}
	stream := from.Stream(ctx, o, 0)
	_, err = io.Copy(part, stream)
	if err = errors.Join(err, stream.Close(), part.Chmod(0o644), part.Close()); err == nil {
		err = os.Rename(part.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("download %s: %w", o.Key, errors.Join(err, os.Remove(part.Name())))
	}
	return nil
}
