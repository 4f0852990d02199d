package e2e

import (
	"context"
	"crypto/ecdsa"
	"os"
	"path/filepath"
	"testing"

	"dip/internal/client"
	"dip/internal/verify"
)

// publicKey is the key that the stack signs certificates with, as people get it.
func publicKey(t *testing.T) *ecdsa.PublicKey {
	t.Helper()
	s := stack.Client()
	fetched, err := client.FetchPublicKey(context.Background(), s.KMS, s.Outputs.SigningKey)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, []byte(fetched.PEM), 0o644); err != nil {
		t.Fatal(err)
	}
	key, err := verify.ReadPublicKey(file)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// chained proves a segment's chain of certificates, which has at least as many as that.
func chained(t *testing.T, segment string, atLeast int64, key *ecdsa.PublicKey) {
	t.Helper()
	s := stack.Client()
	report, err := client.VerifyChain(context.Background(), s.Ledger, verify.ChainOptions{
		Lake: s.Lake, Segment: segment, PublicKey: key,
	})
	if err != nil || !report.Verified || report.Certificates < atLeast ||
		report.Signature != verify.SignatureVerified {
		t.Errorf("the chain of %s: %+v, %v", segment, report, err)
	}
}
