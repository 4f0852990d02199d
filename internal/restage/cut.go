package restage

import (
	"fmt"
	"io"

	"dip/contract"
	"dip/internal/chunk"
	"dip/internal/decompress"
	"dip/internal/fault"
	"dip/internal/text"
)

// bufferSize is how much of the content is in memory at once.
const bufferSize = 1 << 20

// cutter cuts content into pieces of whole records. It holds no more than a buffer in memory, however long the records.
type cutter struct {
	in        io.Reader
	charset   *text.Charset
	scanner   *chunk.Scanner
	maxRecord int64 // bytes

	buf    []byte
	half   []byte // read after rest: not a whole unit
	rest   []byte // of buf: read and not cut yet, whole units
	pos    int64  // offset in the content at which rest begins
	record int64  // offset at which the current record begins
}

// newCutter makes a cutter of content that begins at an offset on which a record starts.
func newCutter(in io.Reader, at int64, d contract.Dialect, maxRecord int) *cutter {
	charset := text.Of(d.Charset)
	// How long the text of a record is, only its chunk finds out; no charset takes more bytes than twice as many.
	return &cutter{in: in, charset: charset, scanner: chunk.NewScanner(d), maxRecord: int64(maxRecord * charset.Unit()),
		buf: make([]byte, bufferSize), pos: at, record: at}
}

// cut writes the next piece: up to the first record's start that is target bytes or more after its own, or to the
// content's end. It says how long the piece is: 0 when nothing is left.
func (c *cutter) cut(to io.Writer, target int64) (int64, error) {
	start := c.pos
	for {
		if err := c.fill(); err != nil {
			return 0, err
		}
		if len(c.rest) == 0 {
			return c.pos - start, nil
		}
		n, done := c.scan(start + target)
		if length := c.pos + int64(n) - c.record; length > c.maxRecord {
			return 0, fault.Permanent(fmt.Errorf("the record at byte %d is longer than %d MiB (maxRecordMB): is a quote "+
				"never closed?", c.record, c.maxRecord/int64(c.charset.Unit())>>20))
		}
		if _, err := to.Write(c.rest[:n]); err != nil {
			return 0, fmt.Errorf("spool the piece at byte %d: %w", start, err)
		}
		c.rest, c.pos = c.rest[n:], c.pos+int64(n)
		if done {
			return c.pos - start, nil
		}
	}
}

// scan says how many of the bytes at hand belong to a piece that reaches to goal, and whether it ends with them.
func (c *cutter) scan(goal int64) (n int, done bool) {
	narrow, unit := c.charset.Narrow(c.rest), c.charset.Unit()
	for n < len(c.rest) {
		used, ended := c.scanner.Next(narrow[n/unit:])
		if n += used * unit; !ended {
			break
		}
		if c.record = c.pos + int64(n); c.record >= goal {
			return n, true
		}
	}
	return n, false
}

// fill reads more when nothing is at hand; nothing is at hand after it only at the content's end.
func (c *cutter) fill() error {
	for len(c.rest) == 0 {
		n := copy(c.buf, c.half)
		more, err := c.in.Read(c.buf[n:])
		n += more
		whole := n - n%c.charset.Unit()
		c.rest, c.half = c.buf[:whole], append(c.half[:0], c.buf[whole:n]...)
		switch {
		case decompress.Ended(err) && len(c.half) > 0:
			return c.charset.HalfUnit(c.pos + int64(len(c.rest)))
		case decompress.Ended(err):
			return nil
		case err != nil:
			return fmt.Errorf("read from byte %d: %w", c.pos+int64(n), err)
		}
	}
	return nil
}
