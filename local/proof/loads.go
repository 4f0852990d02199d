package proof

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/sample"
	"dip/internal/terminal"
	"dip/internal/verify"
)

// Sizes of inputs.
const (
	// mostBytes is the largest object that is made: a stream is uploaded in at most 10,000 parts of 16 MiB. More is
	// several loads.
	mostBytes = 100 << 30
	// smallBytes is the input of steps that disturb a load, and of those that only show that one works.
	smallBytes = 8 << 20
	disturbed  = 512 << 20
	badShare   = 0.001
)

// put generates an input and lands it. It returns the load's id.
func (p *proof) put(ctx context.Context, s *client.Stack, bytes int64) (string, error) {
	r, w := io.Pipe()
	go func() {
		_, err := sample.Trips(w, sample.Options{Bytes: bytes, Seed: uint64(p.Now().UnixNano()), BadShare: badShare})
		w.CloseWithError(err)
	}()
	key := contract.LandingKey("trips", fmt.Sprintf("proof-%d.csv", p.Now().UnixNano()))
	object, err := client.Upload{Bucket: s.Outputs.LandingBucket, Key: key}.PutStream(ctx, s.S3, r)
	// A generator whose input nobody reads any more ends.
	_ = r.CloseWithError(errors.New("the upload ended"))
	if err != nil {
		return "", err
	}
	return contract.LoadID(object), nil
}

// certified follows a load and proves its certificate with independent code.
func (p *proof) certified(ctx context.Context, s *client.Stack, id string) (contract.Certificate, error) {
	none := contract.Certificate{}
	progress, err := client.Follow(ctx, s.Ledger, id, func(client.Progress) {})
	if err == nil {
		err = client.Outcome(progress)
	}
	if err != nil {
		return none, fmt.Errorf("%w: %s", err, progress.Reason)
	}
	load, err := s.Ledger.Load(ctx, id)
	if err != nil {
		return none, err
	}
	c, sum, err := client.Certificate(ctx, s.Lake, load)
	if err != nil {
		return none, err
	}
	recorded, err := client.Recorded(ctx, path.Base(s.Name), s.Ledger, load)
	if err != nil {
		return none, err
	}
	key, err := publicKey(ctx, s)
	if err != nil {
		return none, err
	}
	report, err := verify.Certificate(ctx, verify.Options{
		Lake: s.Lake, Certificate: c, SHA256: sum, PublicKey: key, Ledger: &recorded,
	})
	if err == nil && !report.Verified {
		err = fmt.Errorf("the certificate of load %s does not verify: %s", id, strings.Join(report.Problems, "; "))
	}
	return c, err
}

// publicKey is the public half of the key that the stack's certificates are signed with.
func publicKey(ctx context.Context, s *client.Stack) (*ecdsa.PublicKey, error) {
	fetched, err := client.FetchPublicKey(ctx, s.KMS, s.Outputs.SigningKey)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode([]byte(fetched.PEM))
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the public key of stack %s: %w", s.Name, err)
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the key of stack %s is a %T", s.Name, parsed)
	}
	return key, nil
}

// load lands an input, in several objects if it is too large for one, and waits for all certificates.
func (p *proof) load(ctx context.Context, bytes int64) ([]string, error) {
	s, err := p.stack(ctx)
	if err != nil {
		return nil, err
	}
	began := p.Now()
	var ids []string
	for left := bytes; left > 0; left -= mostBytes {
		id, err := p.put(ctx, s, min(left, mostBytes))
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	landed := p.Now()
	var rows, chunks int64
	for _, id := range ids {
		c, err := p.certified(ctx, s, id)
		if err != nil {
			return nil, err
		}
		rows, chunks = rows+c.Totals.RowsIn, chunks+int64(len(c.Chunks))
	}
	return []string{
		fmt.Sprintf("%s in %d loads, %d chunks, %d rows, all certificates proved", terminal.Bytes(bytes), len(ids), chunks,
			rows),
		fmt.Sprintf("landed in %s, certified %s later", terminal.Duration(landed.Sub(began)),
			terminal.Duration(p.Now().Sub(landed))),
	}, nil
}

// disturb lands an input, does something once its first chunk is done, and wants it certified all the same.
func (p *proof) disturb(ctx context.Context, bytes int64, do func(context.Context, *client.Stack, client.Progress) (
	[]string, error),
) ([]string, error) {
	s, err := p.stack(ctx)
	if err != nil {
		return nil, err
	}
	id, err := p.put(ctx, s, bytes)
	if err != nil {
		return nil, err
	}
	begun := errors.New("the load has begun")
	watch, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var at client.Progress
	_, err = client.Follow(watch, s.Ledger, id, func(now client.Progress) {
		if at = now; now.Chunks > 0 {
			stop(begun)
		}
	})
	if err != nil && !errors.Is(context.Cause(watch), begun) {
		return nil, err
	}
	lines, err := do(ctx, s, at)
	if err != nil {
		return lines, err
	}
	c, err := p.certified(ctx, s, id)
	if err != nil {
		return lines, err
	}
	return append(lines, fmt.Sprintf("the load of %s was certified: %d rows in, %d out, %d quarantined",
		terminal.Bytes(bytes), c.Totals.RowsIn, c.Totals.RowsOut, c.Totals.Quarantined)), nil
}

// pause waits, unless the context ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
