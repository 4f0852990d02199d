package adapters

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// Signer signs with an asymmetric key of KMS: ECC_NIST_P256, SIGN_VERIFY.
type Signer struct {
	client *kms.Client
	key    string // ARN

	mu     sync.Mutex
	public *ecdsa.PublicKey
}

// NewSigner signs with the key with the given ARN.
func NewSigner(cfg aws.Config, key string) *Signer {
	return &Signer{client: kms.NewFromConfig(cfg), key: key}
}

// Sign signs a SHA-256: a message itself may have at most 4,096 bytes ("Sign", AWS KMS API reference).
func (s *Signer) Sign(ctx context.Context, digest [sha256.Size]byte) ([]byte, error) {
	out, err := s.client.Sign(ctx, &kms.SignInput{
		KeyId: &s.key, Message: digest[:], MessageType: types.MessageTypeDigest,
		SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
	})
	if err != nil {
		return nil, fmt.Errorf("sign with %s: %w", s.key, err)
	}
	return out.Signature, nil
}

// PublicKey gives the public key. It is asked for once.
func (s *Signer) PublicKey(ctx context.Context) (*ecdsa.PublicKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.public != nil {
		return s.public, nil
	}
	out, err := s.client.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &s.key})
	if err != nil {
		return nil, fmt.Errorf("get the public key of %s: %w", s.key, err)
	}
	key, err := x509.ParsePKIXPublicKey(out.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("the public key of %s: %w", s.key, err)
	}
	public, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the public key of %s is a %T, want ECDSA", s.key, key)
	}
	s.public = public
	return public, nil
}
