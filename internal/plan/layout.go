package plan

import (
	"context"
	"errors"

	"dip/contract"
	"dip/internal/ledger"
	"dip/internal/process"
)

// Layout reads an input's first bytes and finds its compression, where its records begin and, for CSV, its columns:
// what a plan says of an input before it is cut into chunks. Errors are those of a load that cannot be planned.
func Layout(ctx context.Context, src Source, seg *process.Segment, o contract.Object) (layout ledger.Plan, err error) {
	p := &Planner{Source: src}
	h, err := p.head(ctx, o, seg)
	if err != nil {
		return layout, err
	}
	layout.Compression = h.compression
	if err := errors.Join(h.layout(seg, &layout), h.Close()); err != nil {
		return layout, err
	}
	return layout, p.footer(ctx, o, seg, &layout)
}
