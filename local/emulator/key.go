package emulator

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Key signs requests to an emulator, which serves no others.
type Key struct {
	ID     string `json:"accessKeyId"`
	Secret string `json:"secretAccessKey"`
	Token  string `json:"sessionToken,omitempty"` // only of a role
}

// newKey is a random key in the form of AWS's: 20 characters of base32, the first of them AKIA.
func newKey() Key { return Key{ID: "AKIA" + rand.Text()[:16], Secret: rand.Text() + rand.Text()} }

// Provider is the key for the clients of the SDK.
func (k Key) Provider() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(k.ID, k.Secret, k.Token)
}

// Environment returns the variables, as NAME=value, by which programs with an AWS SDK sign with the key. Those of the
// zero value are none.
func (k Key) Environment() []string {
	if k.ID == "" {
		return nil
	}
	env := []string{"AWS_ACCESS_KEY_ID=" + k.ID, "AWS_SECRET_ACCESS_KEY=" + k.Secret}
	if k.Token != "" {
		env = append(env, "AWS_SESSION_TOKEN="+k.Token)
	}
	return env
}

// Service of the paths below /_local/, which only the emulator has.
const Service = "local"

// StatusError is a response that reports an error.
type StatusError struct {
	Code int
	Text string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("the emulator returned %d %s: %s", e.Code, http.StatusText(e.Code), e.Text)
}

// Send signs a request to a service in a region, sends it with its body and returns the response's body. A response
// that reports an error is a *StatusError.
func (k Key) Send(req *http.Request, service, region string, body []byte) (text []byte, err error) {
	sum := sha256.Sum256(body)
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
	signed := aws.Credentials{AccessKeyID: k.ID, SecretAccessKey: k.Secret, SessionToken: k.Token}
	err = signer.SignHTTP(req.Context(), signed, req, hex.EncodeToString(sum[:]), service, region, time.Now())
	if err != nil {
		return nil, fmt.Errorf("sign a request to the emulator: %w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	if text, err = io.ReadAll(res.Body); err == nil && res.StatusCode >= 300 {
		err = &StatusError{Code: res.StatusCode, Text: string(text)}
	}
	return text, err
}

// local sends a request to one of the emulator's own paths.
func (k Key) local(ctx context.Context, method, url string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	return k.Send(req, Service, "us-east-1", body)
}
