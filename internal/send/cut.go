package send

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"unicode/utf8"
)

// What a batch has at most. A batch that was accepted in part is sent again as a whole where its key makes the ids, so
// it is smaller than a body may be. Runs of one input must agree on these: they decide where batches begin.
const (
	batchRecords = 500
	batchBytes   = 512 << 10
)

// tolerated is how many bytes a line may be longer than a record: space around it is not the record's.
const tolerated = 4 << 10

// shown is how much of a record that is too long is reported.
const shown = 200

// entry is a record of a batch.
type entry struct {
	line    int64 // from 1
	offset  int64
	data    []byte
	settled bool // the gateway has it, or will never take it
}

// batch is a part of the input.
type batch struct {
	offset, end     int64
	firstLine, line int64 // of it; line is the number of lines up to its end
	entries         []entry
	refused         []Refused
	tooLong         int64 // of the refused ones: they are no entries
	done            chan struct{}
}

func (b *batch) records() int64 { return int64(len(b.entries)) + b.tooLong }

// cutter cuts an input into batches, in the same way whenever it begins where a batch begins.
type cutter struct {
	in     *bufio.Reader
	offset int64
	line   int64
	limit  int    // of a line, bytes
	held   *entry // read, but no part of the batch before
	length int64  // of the held line with its end
}

func newCutter(in io.Reader, from State, record int) *cutter {
	return &cutter{in: bufio.NewReaderSize(in, 256<<10), offset: from.Offset, line: from.Line, limit: record + tolerated}
}

// next gives the next batch; nil at the end of the input.
func (c *cutter) next() (*batch, error) {
	b := &batch{offset: c.offset, firstLine: c.line + 1, done: make(chan struct{})}
	size := 0
	for b.records() < batchRecords {
		e, length, err := c.read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read line %d: %w", c.line+1, err)
		}
		if size += len(e.data); size > batchBytes && b.records() > 0 {
			c.held, c.length = &e, length
			break
		}
		c.offset, c.line = c.offset+length, c.line+1
		switch {
		case len(e.data) > c.limit:
			b.tooLong++
			b.refused = append(b.refused, Refused{
				Line: e.line, Offset: e.offset, Status: http.StatusRequestEntityTooLarge, Record: beginning(e.data),
				Reason: fmt.Sprintf("the line has %d bytes, a record at most %d", length, c.limit-tolerated),
			})
		case len(bytes.Trim(e.data, " \t\r")) > 0:
			b.entries = append(b.entries, e)
		}
	}
	if b.end, b.line = c.offset, c.line; b.end == b.offset {
		return nil, nil
	}
	return b, nil
}

// read gives the next line, and its length with its end. Of a line beyond the limit it keeps no more than that.
func (c *cutter) read() (e entry, length int64, err error) {
	if c.held != nil {
		e, length, c.held = *c.held, c.length, nil
		return e, length, nil
	}
	e = entry{line: c.line + 1, offset: c.offset}
	for {
		part, err := c.in.ReadSlice('\n')
		length += int64(len(part))
		text := bytes.TrimSuffix(part, []byte("\n"))
		e.data = append(e.data, text[:min(len(text), max(0, c.limit+1-len(e.data)))]...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && length > 0:
			return e, length, nil
		}
		return e, length, err
	}
}

// beginning is the readable beginning of a record.
func beginning(data []byte) string {
	if len(data) <= shown {
		return string(data)
	}
	cut := shown
	for cut > 0 && !utf8.RuneStart(data[cut]) {
		cut--
	}
	return string(data[:cut])
}
