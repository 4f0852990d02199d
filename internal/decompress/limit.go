package decompress

import (
	"fmt"
	"io"

	"dip/internal/fault"
)

// Limit passes up to most bytes of content on; 0: all of it. More is a permanent error: a small object may hold more
// than any machine can read.
func Limit(content io.ReadCloser, most int64) io.ReadCloser {
	if most == 0 {
		return content
	}
	return &limited{ReadCloser: content, left: most, over: TooLong(most)}
}

// small is the content, bytes, that any input may have: a short one of one repeated character is no attack.
const small = 64 << 20

// Expansion passes on up to times the stored bytes of an input's content; 0: all of it. More is a permanent error. gzip
// cannot exceed 1,032 (zlib Technical Details), zstd can by far.
func Expansion(content io.ReadCloser, stored int64, times int) io.ReadCloser {
	if times == 0 {
		return content
	}
	return &limited{ReadCloser: content, left: max(small, stored*int64(times)), over: fault.Permanent(fmt.Errorf(
		"the input has more than %d times as much content as it has bytes (loads.maxExpansion): "+
			"store it less compressed, or raise the limit", times))}
}

// TooLong is the permanent error of an input with more content than most bytes.
func TooLong(most int64) error {
	return fault.Permanent(fmt.Errorf("the input has more than %g GiB of content (loads.maxContentGB): "+
		"split it, or raise the limit", float64(most)/(1<<30)))
}

type limited struct {
	io.ReadCloser
	left int64
	over error
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, l.over
	}
	n, err := l.ReadCloser.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return n + int(l.left), l.over
	}
	return n, err
}
