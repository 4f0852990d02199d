package emulator_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"dip/local/emulator/emulatortest"
)

// A digest is signed as it is: its signature is that of the message. Lengths are checked.
func TestSignaturesOfDigests(t *testing.T) {
	t.Parallel()
	client := kms.NewFromConfig(emulatortest.Config(t))
	made, err := client.CreateKey(t.Context(), &kms.CreateKeyInput{
		KeySpec: types.KeySpecEccNistP256, KeyUsage: types.KeyUsageTypeSignVerify,
	})
	if err != nil {
		t.Fatal(err)
	}
	key, message := made.KeyMetadata.KeyId, []byte("message")
	digest := sha256.Sum256(message)
	forms := map[types.MessageType][]byte{types.MessageTypeRaw: message, types.MessageTypeDigest: digest[:]}
	for signed, of := range forms {
		out, err := client.Sign(t.Context(), &kms.SignInput{
			KeyId: key, Message: of, MessageType: signed, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
		})
		if err != nil {
			t.Fatal(err)
		}
		for checked, of := range forms {
			valid, err := client.Verify(t.Context(), &kms.VerifyInput{
				KeyId: key, Message: of, MessageType: checked, Signature: out.Signature,
				SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
			})
			if err != nil || !valid.SignatureValid {
				t.Errorf("signed as %s, checked as %s: %+v, %v", signed, checked, valid, err)
			}
		}
	}
	for what, c := range map[string]kms.SignInput{
		"Digest is invalid length":   {Message: digest[1:], MessageType: types.MessageTypeDigest},
		"less than or equal to 4096": {Message: make([]byte, 4097), MessageType: types.MessageTypeRaw},
	} {
		c.KeyId, c.SigningAlgorithm = key, types.SigningAlgorithmSpecEcdsaSha256
		if _, err := client.Sign(t.Context(), &c); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %s", err, what)
		}
	}
}
