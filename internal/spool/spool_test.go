package spool

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
)

// sink stores its input, as the lake does: from the beginning, whatever the reader's offset.
type sink struct {
	key, contentType, sum, content string
	fail                           error
}

func (s *sink) PutOnce(_ context.Context, key, contentType string, body io.ReadSeeker, sum string) error {
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return err
	}
	data, err := io.ReadAll(body)
	s.key, s.contentType, s.sum, s.content = key, contentType, sum, string(data)
	return errors.Join(err, s.fail)
}

func TestSpool(t *testing.T) {
	s := New(true)
	long := strings.Repeat("x", bufferSize+1)
	for i, part := range []string{"ab", "", "c", long} {
		if _, err := io.WriteString(s, part); err != nil {
			t.Fatal(err)
		}
		if (s.file != nil) != (i == 3) {
			t.Errorf("after part %d there is a file: %t", i, s.file != nil)
		}
	}
	if s.Size != int64(3+len(long)) {
		t.Errorf("size is %d", s.Size)
	}
	var to sink
	if err := s.Upload(t.Context(), &to, "k", "text/plain", s.Sum()); err != nil {
		t.Fatal(err)
	}
	if to.content != "abc"+long || to.key != "k" || to.contentType != "text/plain" || to.sum != s.Sum() {
		t.Errorf("stored %d bytes as %q, %q, %q", len(to.content), to.key, to.contentType, to.sum)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.file.Stat(); err == nil {
		t.Error("the file stays open")
	}
}

// printf abc | sha256sum
func TestSumIsOfWhatWasWritten(t *testing.T) {
	s := New(true)
	defer s.Close()
	if _, err := io.WriteString(s, "abc"); err != nil {
		t.Fatal(err)
	}
	if got := s.Sum(); got != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("sum is %s", got)
	}
}

func TestUploadFails(t *testing.T) {
	s := New(false)
	defer s.Close()
	refused := errors.New("refused")
	if err := s.Upload(t.Context(), &sink{fail: refused}, "k", "", ""); !errors.Is(err, refused) {
		t.Errorf("%v", err)
	}
}

// The hash and the size are those of the compressed bytes, which are the same for the same content.
func TestGzip(t *testing.T) {
	text := strings.Repeat("the same line again\n", 10_000)
	var sums []string
	for range 2 {
		s := NewGzip()
		if _, err := io.WriteString(s, text); err != nil {
			t.Fatal(err)
		}
		if err := s.Finish(); err != nil {
			t.Fatal(err)
		}
		var to sink
		if err := s.Upload(t.Context(), &to, "k", "application/gzip", s.Sum()); err != nil {
			t.Fatal(err)
		}
		hash := sha256.Sum256([]byte(to.content))
		if int(s.Size) != len(to.content) || len(to.content) > len(text)/10 || hex.EncodeToString(hash[:]) != s.Sum() {
			t.Errorf("%d bytes are %d, size %d, sum %s", len(text), len(to.content), s.Size, s.Sum())
		}
		z, err := gzip.NewReader(strings.NewReader(to.content))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(z); err != nil || string(got) != text {
			t.Errorf("%d bytes come out, %v", len(got), err)
		}
		sums = append(sums, s.Sum())
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if sums[0] != sums[1] {
		t.Errorf("the same content as %s and %s", sums[0], sums[1])
	}
}

// An output is the same whether it is written at once or piece by piece, into its buffer or over its end.
func TestPieces(t *testing.T) {
	text := strings.Repeat("0123456789", 3*bufferSize/10)
	for _, size := range []int{0, 1, bufferSize - 1, bufferSize, bufferSize + 1, 2*bufferSize + 1} {
		for _, piece := range []int{1 << 10, bufferSize - 1, bufferSize, bufferSize + 1, 3 * bufferSize} {
			s := New(true)
			for rest := text[:size]; rest != ""; {
				n, err := io.WriteString(s, rest[:min(piece, len(rest))])
				if err != nil || n == 0 {
					t.Fatal(n, err)
				}
				rest = rest[n:]
			}
			var to sink
			if err := s.Upload(t.Context(), &to, "k", "text/plain", s.Sum()); err != nil {
				t.Fatal(err)
			}
			if to.content != text[:size] || s.Size != int64(size) || s.Sum() != hexSum(text[:size]) {
				t.Errorf("%d bytes in pieces of %d: %d are stored, size %d", size, piece, len(to.content), s.Size)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func hexSum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
