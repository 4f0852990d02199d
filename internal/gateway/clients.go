package gateway

import (
	"context"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// NewKinesis makes a client without retries of its own, as they repeat the records that were accepted. It keeps a
// connection for each call of a stream.
func NewKinesis(cfg aws.Config) Kinesis {
	return streams{kinesis.NewFromConfig(cfg, func(o *kinesis.Options) {
		o.Retryer = aws.NopRetryer{}
		if b, ok := o.HTTPClient.(*awshttp.BuildableClient); ok {
			o.HTTPClient = b.WithTransportOptions(func(t *http.Transport) { t.MaxIdleConnsPerHost = calls })
		}
	})}
}

// Secret is a document in Secrets Manager.
type Secret struct {
	client *secretsmanager.Client
	arn    string
}

// NewSecret reads the secret with the given ARN.
func NewSecret(cfg aws.Config, arn string) *Secret {
	return &Secret{client: secretsmanager.NewFromConfig(cfg), arn: arn}
}

// Read gives the current version of the secret.
func (s *Secret) Read(ctx context.Context) ([]byte, error) {
	out, err := s.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &s.arn})
	if err != nil {
		return nil, fmt.Errorf("read the secret %s: %w", s.arn, err)
	}
	if out.SecretString == nil {
		return out.SecretBinary, nil
	}
	return []byte(*out.SecretString), nil
}
