package plan

import (
	"bytes"
	"errors"
	"fmt"

	"dip/contract"
	"dip/internal/fault"
	"dip/internal/process"
	"dip/internal/record"
)

// Line ends that make records of an input look like something else.
var (
	errCR   = errors.New("the lines of the input end in CR alone: write them with LF or CRLF")
	errCRCR = errors.New("the lines of the input end in CR CR LF, which happens when CRLF is written in text mode: " +
		"write them with LF or CRLF")
)

// checkLines looks at the first record after an offset: an input whose lines end in anything but LF or CRLF has records
// that no reader would find.
func (h *head) checkLines(from int, seg *process.Segment) error {
	for start := from; start-from <= seg.MaxRecord; {
		n, whole := record.End(h.data[start:], seg.Dialect)
		line := h.data[start : start+n]
		switch {
		case !whole && !h.eof && n <= seg.MaxRecord:
			if err := h.more(len(h.data)); err != nil {
				return err
			}
			continue
		case whole && len(record.Trim(line)) == 0: // a blank line
			start += n
			continue
		case seg.Dialect.Comments(line):
			if err := commentLine(line, true); err != nil {
				return err
			}
			if start += n; !whole {
				return nil
			}
			continue
		case seg.Dialect.Encoding == contract.NDJSON:
			if bytes.Contains(line, []byte("}\r{")) {
				return fault.Permanent(errCR)
			}
			return nil
		case whole && bytes.HasSuffix(line, []byte("\r\r\n")):
			return fault.Permanent(errCRCR)
		}
		// A CR inside an input is data. Where nothing follows the first record, it was meant to end a line.
		alone := len(bytes.Trim(h.data[start+n:], "\r\n")) == 0 && (h.eof || !whole)
		if alone && record.LoneCR(line, seg.Dialect) {
			return fault.Permanent(errCR)
		}
		return nil
	}
	return nil // endless blank lines
}

// commentLine refuses a comment with a CR in it: where lines end in CR alone, it takes in all that follows.
func commentLine(line []byte, whole bool) error {
	if whole && bytes.ContainsRune(record.Trim(line), '\r') {
		return fault.Permanent(fmt.Errorf("a comment has a CR without LF: %w", errCR))
	}
	return nil
}

// headerLines says what is wrong with the end of a header's line, which may be cut off.
func headerLines(line []byte, whole bool, seg *process.Segment) error {
	switch {
	case bytes.HasSuffix(line, []byte("\r\r\n")):
		return fault.Permanent(errCRCR)
	case record.LoneCR(line, seg.Dialect):
		return fault.Permanent(fmt.Errorf("the header has a CR without LF: %w", errCR))
	case whole && len(record.Trim(line)) > seg.MaxRecord:
		return fault.Permanent(fmt.Errorf("the header is longer than %d MiB (maxRecordMB)%s", seg.MaxRecord>>20,
			openQuote(line, seg)))
	}
	return nil
}

// openQuote is a hint at the quote in a line that seems never to be closed; "" when the line has none.
func openQuote(line []byte, seg *process.Segment) string {
	at := record.Opening(line, seg.Dialect)
	if at < 0 {
		return ""
	}
	return fmt.Sprintf(": is its quote at byte %d never closed?", at)
}
