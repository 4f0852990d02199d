package infer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"dip/contract"
	"dip/internal/decompress"
	"dip/internal/record"
)

// file is a local file as the data plane's source of objects.
type file struct {
	path        string
	object      contract.Object
	compression contract.Compression
}

func openFile(path string) (*file, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f := &file{path: path, object: contract.Object{Bucket: "local", Key: path, Size: info.Size()}}
	start, err := f.ReadRange(context.Background(), f.object, 0, min(info.Size(), decompress.MagicSize))
	if err != nil {
		return nil, err
	}
	f.compression = decompress.Detect(start)
	return f, nil
}

// Head implements plan.Source.
func (f *file) Head(context.Context, contract.Object) (contract.Object, error) { return f.object, nil }

// Stream implements process.Source.
func (f *file) Stream(_ context.Context, _ contract.Object, from int64) io.ReadCloser {
	stream, err := os.Open(f.path)
	if err != nil {
		return broken{err}
	}
	if _, err := stream.Seek(from, io.SeekStart); err != nil {
		return broken{errors.Join(err, stream.Close())}
	}
	return stream
}

// StreamTo implements process.Source.
func (f *file) StreamTo(ctx context.Context, o contract.Object, from, _ int64) io.ReadCloser {
	return f.Stream(ctx, o, from)
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }
func (b broken) Close() error             { return nil }

// ReadRange implements process.Source.
func (f *file) ReadRange(_ context.Context, _ contract.Object, from, to int64) (data []byte, err error) {
	stream, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	data = make([]byte, to-from)
	if _, err := stream.ReadAt(data, from); err != nil {
		return nil, fmt.Errorf("read bytes %d to %d: %w", from, to, err)
	}
	return data, nil
}

// content streams the decompressed file.
func (f *file) content() (io.ReadCloser, error) {
	stored := f.Stream(context.Background(), f.object, 0)
	content, err := decompress.Decompress(stored, f.compression)
	if err != nil {
		return nil, errors.Join(err, stored.Close())
	}
	return both{content, stored}, nil
}

// both closes the stored bytes' reader with that of the content.
type both struct {
	io.ReadCloser
	stored io.Closer
}

func (b both) Close() error { return errors.Join(b.ReadCloser.Close(), b.stored.Close()) }

// headSize is how much of the content is read to detect the dialect.
const headSize = 1 << 20

// head is the beginning of the content: headSize bytes, or more if the first record is longer.
func (f *file) head() (head []byte, err error) {
	content, err := f.content()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	for size := int64(headSize); ; size = maxRecord {
		more, err := io.ReadAll(io.LimitReader(content, size))
		if err != nil {
			return nil, fmt.Errorf("read the first bytes: %w", err)
		}
		head = append(head, more...)
		_, whole := record.End(head, contract.Dialect{Encoding: contract.NDJSON})
		if whole || int64(len(more)) < size || size == maxRecord {
			return head, nil
		}
	}
}
