package adapters

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"dip/local/emulator/emulatortest"
)

const keyARN = "arn:aws:kms:us-east-1:123456789012:key/k"

// What is asked for is what the key's policy allows: ECDSA over a digest.
func TestSignerAsksForADigestsSignature(t *testing.T) {
	digest := sha256.Sum256([]byte("text"))
	s, cfg := start(t, func(target string, _ map[string]any) (int, string) {
		if target != "TrentService.Sign" {
			t.Errorf("asked for %s", target)
		}
		return 200, `{"Signature": "AQID"}`
	})
	got, err := NewSigner(cfg, keyARN).Sign(t.Context(), digest)
	if err != nil || string(got) != "\x01\x02\x03" {
		t.Errorf("%x, %v", got, err)
	}
	want := map[string]any{"KeyId": keyARN, "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256",
		"Message": base64.StdEncoding.EncodeToString(digest[:])}
	if call := s.calls[0]; fmt.Sprint(call) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", call, want)
	}
}

func TestSignerNamesTheKeyInErrors(t *testing.T) {
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&long.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{
		`{"PublicKey": "AQID"}`: "the public key of " + keyARN,
		`{"PublicKey": "` + base64.StdEncoding.EncodeToString(der) + `"}`: "is a *rsa.PublicKey, want ECDSA",
	} {
		_, cfg := start(t, func(string, map[string]any) (int, string) { return 200, body })
		if _, err := NewSigner(cfg, keyARN).PublicKey(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	_, cfg := start(t, func(string, map[string]any) (int, string) { return 400, `{"__type": "DisabledException"}` })
	signer := NewSigner(cfg, keyARN)
	_, signErr := signer.Sign(t.Context(), sha256.Sum256(nil))
	_, keyErr := signer.PublicKey(t.Context())
	for _, err := range []error{signErr, keyErr} {
		if err == nil || !strings.Contains(err.Error(), keyARN) || !strings.Contains(err.Error(), "Disabled") {
			t.Errorf("got %v", err)
		}
	}
}

// The key is asked for once, also after a failure.
func TestPublicKeyIsAskedForOnce(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	_, cfg := start(t, func(string, map[string]any) (int, string) {
		if calls++; calls == 1 {
			return 500, "{}"
		}
		return 200, `{"PublicKey": "` + base64.StdEncoding.EncodeToString(der) + `"}`
	})
	signer := NewSigner(cfg, keyARN)
	if _, err := signer.PublicKey(t.Context()); err == nil {
		t.Error("a failure gave a key")
	}
	for range 3 {
		if got, err := signer.PublicKey(t.Context()); err != nil || !got.Equal(&key.PublicKey) {
			t.Errorf("%v, %v", got, err)
		}
	}
	if calls != 2 {
		t.Errorf("asked %d times", calls)
	}
}

func TestMain(m *testing.M) { emulatortest.Main(m) }

// A key as the stack has it signs what its public half accepts.
func TestSignerWithAKey(t *testing.T) {
	cfg := emulatortest.Config(t)
	made, err := kms.NewFromConfig(cfg).CreateKey(t.Context(), &kms.CreateKeyInput{
		KeySpec: types.KeySpecEccNistP256, KeyUsage: types.KeyUsageTypeSignVerify,
	})
	if err != nil {
		t.Fatal(err)
	}
	signer := NewSigner(cfg, aws.ToString(made.KeyMetadata.Arn))
	public, err := signer.PublicKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(strings.Repeat("longer than a message may be", 1000)))
	first, err := signer.Sign(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	second, err := signer.Sign(t.Context(), digest)
	if err != nil || string(first) == string(second) {
		t.Errorf("two signatures are the same: %x, %v", first, err)
	}
	for _, signature := range [][]byte{first, second} {
		if !ecdsa.VerifyASN1(public, digest[:], signature) {
			t.Errorf("the signature %x does not fit the key", signature)
		}
	}
}
