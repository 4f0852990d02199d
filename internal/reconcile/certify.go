package reconcile

import (
	"context"

	"dip/contract"
	"dip/internal/attest"
	"dip/internal/ledger"
)

// certify certifies the load if its proof holds.
func (r *Reconciler) certify(ctx context.Context, load ledger.Load) (contract.StepResponse, error) {
	chunks, err := r.chunks(ctx, load)
	if err != nil {
		return contract.StepResponse{}, err
	}
	certificate, err := Certificate(r.Stack, load, chunks)
	if err != nil {
		// A proof that does not hold is a result: the load fails with it, since a retry would not help.
		return contract.StepResponse{Action: contract.ActionFail, Cause: "the proof does not hold: " + err.Error()}, nil
	}
	segment, err := r.segment(ctx, load)
	if err != nil {
		return contract.StepResponse{}, err
	}
	if why := TooBad(certificate.Totals, segment.MaxBadShare); why != "" {
		return contract.StepResponse{Action: contract.ActionFail, Cause: why}, nil
	}
	a := attest.Attester{Ledger: r.Ledger, Lake: r.Lake, Signer: r.Signer, Now: r.Now, Pause: r.Pause}
	err = a.Certify(ctx, load, certificate, Manifest(r.Lake.Bucket(), chunks))
	return contract.StepResponse{Action: contract.ActionDone}, err
}
