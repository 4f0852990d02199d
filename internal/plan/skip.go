package plan

import (
	"bytes"
	"context"
	"fmt"

	"dip/contract"
	"dip/internal/fault"
	"dip/internal/ledger"
	"dip/internal/process"
	"dip/internal/text"
)

// front skips the lines at the start of the text that are no records, from an offset on. Each ends with a line feed,
// whatever quotes are in it.
func (h *head) front(from int, seg *process.Segment, plan *ledger.Plan) (end int, err error) {
	end = from
	for line := 0; line < seg.Dialect.SkipLines; {
		if n := bytes.IndexByte(h.data[end:], '\n'); n >= 0 {
			end += n + 1
			line++
			continue
		}
		switch {
		case h.eof && end < len(h.data) && line == seg.Dialect.SkipLines-1:
			end = len(h.data)
			line++
		case h.eof && bytes.ContainsRune(h.data, '\r'):
			return 0, fault.Permanent(errCR)
		case h.eof:
			return 0, fault.Permanent(fmt.Errorf("the input has %d lines, and skipLines skips %d", line,
				seg.Dialect.SkipLines))
		case len(h.data)-from > seg.MaxRecord:
			return 0, fault.Permanent(fmt.Errorf("the first %d lines (skipLines) are longer than %d MiB (maxRecordMB)",
				seg.Dialect.SkipLines, seg.MaxRecord>>20))
		default:
			if err := h.more(len(h.data)); err != nil {
				return 0, err
			}
		}
	}
	plan.Front = contract.Skipped{Lines: int64(seg.Dialect.SkipLines), Bytes: seg.Charset.Len(h.data[from:end])}
	return end, nil
}

// tailSize is how much of an input's end is read at first to find its footer.
const tailSize = 64 << 10

// footer finds the lines at the end of an input that are no records. Those of one that cannot be split are found by who
// reads all of it.
func (p *Planner) footer(ctx context.Context, o contract.Object, seg *process.Segment, plan *ledger.Plan) error {
	lines, unit := seg.Dialect.FooterLines, int64(seg.Charset.Unit())
	if !plan.Compression.Splittable() {
		return nil
	}
	if o.Size%unit != 0 {
		return seg.Charset.HalfUnit(o.Size - 1)
	}
	for size := int64(tailSize); lines > 0; size *= 2 {
		from := max(o.Size-size, plan.Body)
		if from > o.Size-unit { // nothing follows the header
			return text.TooFewLines(lines, plan.Body)
		}
		tail, err := p.Source.ReadRange(ctx, o, from, o.Size)
		if err != nil {
			return fmt.Errorf("read the last bytes: %w", err)
		}
		at, found := seg.Charset.LastLines(tail, lines)
		switch whole := from == plan.Body; {
		case found < lines && whole:
			return text.TooFewLines(lines, plan.Body)
		case found == lines && (at > 0 || whole):
			plan.Footer = contract.Skipped{Lines: int64(lines), Bytes: int64(len(tail) - at)}
			return nil
		case size > int64(seg.MaxRecord)*unit:
			return text.TooLongFooter(lines, seg.MaxRecord)
		}
	}
	return nil
}
