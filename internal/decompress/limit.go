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
	return &limited{ReadCloser: content, most: most, left: most}
}

// TooLong is the permanent error of an input with more content than most bytes.
func TooLong(most int64) error {
	return fault.Permanent(fmt.Errorf("the input has more than %g GiB of content (loads.maxContentGB): "+
		"split it, or raise the limit", float64(most)/(1<<30)))
}

type limited struct {
	io.ReadCloser
	most, left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, TooLong(l.most)
	}
	n, err := l.ReadCloser.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return n + int(l.left), TooLong(l.most)
	}
	return n, err
}
