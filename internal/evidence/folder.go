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
	"slices"
	"strings"
	"time"

	"dip/contract"
	"dip/internal/fault"
)

// Names of the files; those of other objects are below a folder by the last part of their keys, which is the object's
// own.
const (
	certificateName = "certificate.json"
	envelopeName    = "envelope.json" // the certificate's signature
	previousName    = "previous.json" // the certificate before it in the chain
	previousFolder  = "previous"      // those of an interval, as far as it looks back
	manifestName    = "manifest.txt"
	catalogName     = "catalog.json"
	inputName       = "input"
)

// fileName is the file of an object of the lake in the folder of a certificate.
func fileName(key string, c contract.Certificate) (string, error) {
	own, certificate := path.Base(key), contract.CertificateKey(c.Segment, c.Load)
	if strings.HasPrefix(key, contract.CertificatePrefix) && key != certificate {
		switch {
		case key == contract.EnvelopeOf(certificate):
			return envelopeName, nil
		case c.Stream == nil:
			return previousName, nil
		case filepath.IsLocal(own):
			return filepath.Join(previousFolder, own), nil
		}
	}
	for prefix, name := range map[string]string{
		contract.CertificatePrefix: certificateName, contract.ManifestPrefix: manifestName,
		contract.CatalogPrefix: catalogName,
		contract.DataPrefix:    contract.DataPrefix + own, contract.QuarantinePrefix: contract.QuarantinePrefix + own,
		contract.ArchivePrefix: contract.ArchivePrefix + own, contract.CoverPrefix: contract.CoverPrefix + own,
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
	certificate contract.Certificate
}

// Open opens a folder and reads its certificate, whose SHA-256 it gives in hex.
func Open(dir string) (*Folder, contract.Certificate, string, error) {
	c, sum, err := Certificate(filepath.Join(dir, certificateName))
	if err != nil {
		return nil, c, "", err
	}
	f := &Folder{dir: dir, certificate: c}
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
	keys, err := objects(ctx, from, c)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := fetch(ctx, from, contract.Object{Bucket: from.Bucket(), Key: key}, dir, c); err != nil {
			return err
		}
	}
	certificate := contract.CertificateKey(c.Segment, c.Load)
	envelope := contract.Object{Bucket: from.Bucket(), Key: contract.EnvelopeOf(certificate)}
	err = fetch(ctx, from, envelope, dir, c)
	if err != nil && !(c.Link == nil && fault.IsPermanent(err)) { // certificates without a link may have none
		return err
	}
	if c.Stream != nil { // its input is the archive
		return nil
	}
	return copyTo(ctx, from, c.Input, filepath.Join(dir, inputName))
}

// objects are the keys of the objects of the lake that prove a certificate, without its envelope.
func objects(ctx context.Context, from Source, c contract.Certificate) ([]string, error) {
	keys := []string{
		contract.CertificateKey(c.Segment, c.Load), contract.ManifestKey(c.Segment, c.Load), c.Catalog,
	}
	for _, k := range c.Chunks {
		for _, o := range k.Outputs {
			keys = append(keys, o.Key)
		}
		if k.Quarantine != nil {
			keys = append(keys, k.Quarantine.Key)
		}
	}
	if c.Stream != nil {
		before, err := intervals(ctx, from, c)
		return append(append(keys, streamed(*c.Stream)...), before...), err
	}
	if c.Link != nil && c.Link.Number > 1 {
		keys = append(keys, contract.CertificateKey(c.Segment, c.Link.Load))
	}
	return keys, nil
}

// streamed are the keys that the proof of an interval names.
func streamed(s contract.StreamProof) (keys []string) {
	for _, shard := range s.Shards {
		for _, b := range shard.Batches {
			keys = append(keys, b.Key)
		}
	}
	for _, cover := range slices.Concat(s.Covers, s.Duplicates) {
		if cover.Stored != nil {
			keys = append(keys, cover.Stored.Key)
		}
	}
	if s.IDs != nil {
		keys = append(keys, s.IDs.Key)
	}
	return keys
}

// intervals are the keys of the certificates before an interval's: the one that it goes on from, and those that its
// look-back reaches, with their record ids.
func intervals(ctx context.Context, from Source, c contract.Certificate) (keys []string, err error) {
	back := c.Stream.Start.Add(-time.Duration(c.Stream.LookBackSeconds) * time.Second)
	for link := c.Link; link != nil && link.Load != ""; {
		key := contract.CertificateKey(c.Segment, link.Load)
		data, err := from.Get(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("read the certificate of load %s: %w", link.Load, err)
		}
		var before contract.Certificate
		if err := json.Unmarshal(data, &before); err != nil || before.Stream == nil {
			return nil, fault.Permanent(fmt.Errorf("the certificate of load %s is not of an interval: %w", link.Load, err))
		}
		keys = append(keys, key)
		if !before.Stream.End.After(back) {
			break
		}
		if before.Stream.IDs != nil {
			keys = append(keys, before.Stream.IDs.Key)
		}
		link = before.Link
	}
	return keys, nil
}

// fetch copies an object of the lake to its file in the folder of a certificate.
func fetch(ctx context.Context, from Source, o contract.Object, dir string, c contract.Certificate) error {
	name, err := fileName(o.Key, c)
	if err != nil {
		return err
	}
	return copyTo(ctx, from, o, filepath.Join(dir, name))
}

// copyTo copies an object into a file that is there whole or not at all.
func copyTo(ctx context.Context, from Source, o contract.Object, file string) (err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("write evidence: %w", err)
	}
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
