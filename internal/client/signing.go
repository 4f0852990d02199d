package client

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/kms"

	"dip/contract"
	"dip/internal/ledger"
	"dip/internal/verify"
)

// Keys is the part of KMS that gives public keys. *kms.Client implements it.
type Keys interface {
	GetPublicKey(context.Context, *kms.GetPublicKeyInput, ...func(*kms.Options)) (*kms.GetPublicKeyOutput, error)
}

// PublicKey is the public half of the key that a stack's certificates are signed with.
type PublicKey struct {
	Key         string `json:"key"`         // ARN
	Fingerprint string `json:"fingerprint"` // see contract.Fingerprint
	PEM         string `json:"publicKey"`
}

// FetchPublicKey asks KMS for the public half of a key, given by its ARN.
func FetchPublicKey(ctx context.Context, keys Keys, arn string) (PublicKey, error) {
	out, err := keys.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &arn})
	if err != nil {
		return PublicKey{}, fmt.Errorf("get the public key of %s: %w", arn, err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: out.PublicKey})
	return PublicKey{Key: arn, Fingerprint: contract.Fingerprint(out.PublicKey), PEM: string(text)}, nil
}

// Chains is the part of the ledger that holds the chains of certificates.
type Chains interface {
	Head(ctx context.Context, segment string) (ledger.Head, error)
	Load(ctx context.Context, id string) (ledger.Load, error)
}

// VerifyChain proves a segment's chain of certificates from its head in the ledger to its beginning. o says which, from
// which lake and with which key.
func VerifyChain(ctx context.Context, chains Chains, o verify.ChainOptions) (verify.ChainReport, error) {
	head, err := chains.Head(ctx, o.Segment)
	if err != nil {
		return verify.ChainReport{}, err
	}
	o.Head = head.Next()
	o.Recorded = func(ctx context.Context, id string) (verify.Recorded, error) {
		load, err := chains.Load(ctx, id)
		if errors.Is(err, ledger.ErrNotFound) {
			return verify.Recorded{}, nil
		}
		return verify.Recorded{Link: load.Link, SHA256: load.SHA256, Unpublished: load.Status == contract.Certified}, err
	}
	return verify.Chain(ctx, o)
}
