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
	errCRCR = errors.New("the lines of the input end in CR CR LF, as of a CRLF that was written as text once more: " +
		"write them with LF or CRLF")
)

// checkLines looks at the first record after an offset: an input whose lines end in something else than LF or CRLF has
// records in it that no reader would find.
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
		case seg.Dialect.Encoding == contract.NDJSON:
			if bytes.Contains(line, []byte("}\r{")) {
				return fault.Permanent(errCR)
			}
			return nil
		case whole && bytes.HasSuffix(line, []byte("\r\r\n")):
			return fault.Permanent(errCRCR)
		}
		// Amid an input a CR is data. Where nothing follows the first record, it is what should have ended a line.
		alone := len(bytes.Trim(h.data[start+n:], "\r\n")) == 0 && (h.eof || !whole)
		if alone && record.LoneCR(line, seg.Dialect) {
			return fault.Permanent(errCR)
		}
		return nil
	}
	return nil // blank lines, and no end of them
}

// headerLines says what is wrong with the end of a header's line, or of what is there of it.
func headerLines(line []byte, whole bool, seg *process.Segment) error {
	switch {
	case bytes.HasSuffix(line, []byte("\r\r\n")):
		return fault.Permanent(errCRCR)
	case record.LoneCR(line, seg.Dialect):
		return fault.Permanent(fmt.Errorf("the header has a CR without LF: %w", errCR))
	case whole && len(record.Trim(line)) > seg.MaxRecord:
		return fault.Permanent(fmt.Errorf("the header is longer than %d MiB (maxRecordMB)%s", seg.MaxRecord>>20, openQuote(line, seg)))
	}
	return nil
}

// openQuote asks about the quote in a line that seems never to be closed; nothing when the line has none.
func openQuote(line []byte, seg *process.Segment) string {
	at := record.Opening(line, seg.Dialect)
	if at < 0 {
		return ""
	}
	return fmt.Sprintf(": is the quote at byte %d of it never closed?", at)
}
