package text

import (
	"fmt"
	"io"

	"dip/contract"
	"dip/internal/decompress"
	"dip/internal/fault"
)

// LastLines finds the last n lines of raw, which is whole units: the offset of their start, and how many there
// are when there are fewer. A line ends with a line feed; the last one need not.
func (c *Charset) LastLines(raw []byte, n int) (at, lines int) {
	at = len(raw)
	for lines < n && at > 0 {
		// The feed before this one ends the line before.
		feed := c.lastFeed(raw[:at-c.Unit()])
		if at = 0; feed >= 0 {
			at = feed + c.Unit()
		}
		lines++
	}
	return at, lines
}

// TooFewLines is the permanent error of an input that has fewer lines than its footer should have, from an offset on.
func TooFewLines(n int, from int64) error {
	return fault.Permanent(fmt.Errorf("the input has fewer than %d lines from byte %d on, where its records begin, and "+
		"footerLines skips as many at its end", n, from))
}

// TooLongFooter is the permanent error of lines that take more memory than a record may.
func TooLongFooter(n, most int) error {
	return fault.Permanent(fmt.Errorf("%d lines of the input (footerLines) are longer than %d MiB (maxRecordMB)",
		n, most>>20))
}

// Body reads an input but for its last lines. It holds as many lines in memory, for any may turn out to be the last.
type Body struct {
	charset *Charset
	in      io.Reader
	lines   int
	most    int   // bytes of these lines, as ASCII
	from    int64 // offset of what in reads

	buffer []byte
	held   []byte // in buffer: read and not given yet
	free   int    // of held: not among the last lines
	read   int64
	err    error
}

// Body reads r, which starts at an offset of the input, without its last lines. They may be about most bytes long.
func (c *Charset) Body(r io.Reader, lines, most int, from int64) *Body {
	return &Body{charset: c, in: r, lines: lines, most: most, from: from}
}

// Footer is the last lines, once Read has reached the end.
func (b *Body) Footer() contract.Skipped {
	return contract.Skipped{Lines: int64(b.lines), Bytes: int64(len(b.held))}
}

func (b *Body) Read(p []byte) (int, error) {
	for b.free == 0 && b.err == nil && len(p) > 0 {
		b.fill()
	}
	n := copy(p, b.held[:b.free])
	b.held, b.free = b.held[n:], b.free-n
	if b.free > 0 {
		return n, nil
	}
	return n, b.err
}

func (b *Body) fill() {
	if len(b.buffer) < len(b.held)+blockSize {
		b.buffer = append(make([]byte, 0, 2*(len(b.held)+blockSize)), b.held...)
		b.buffer = b.buffer[:cap(b.buffer)]
	} else {
		copy(b.buffer, b.held)
	}
	old := len(b.held)
	n, err := b.in.Read(b.buffer[old : old+blockSize])
	b.held, b.err, b.read = b.buffer[:old+n], err, b.read+int64(n)
	half := len(b.held) % b.charset.Unit()
	at, lines := b.charset.LastLines(b.held[:len(b.held)-half], b.lines)
	switch b.free = at; {
	case decompress.Ended(err) && half > 0:
		b.err = b.charset.HalfUnit(b.from + b.read - 1)
	case decompress.Ended(err) && lines < b.lines:
		b.err = TooFewLines(b.lines, b.from)
	case len(b.held)-at > b.most*b.charset.Unit()+blockSize:
		b.err = TooLongFooter(b.lines, b.most)
	}
}
