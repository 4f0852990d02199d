package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"dip/config"
	"dip/contract"
	"dip/internal/adapters"
	"dip/internal/catalog"
	"dip/internal/deploy"
	"dip/internal/lake"
	"dip/internal/ledger"
)

// Outputs of a stack, as read from Pulumi.
type Outputs = contract.StackOutputs[string]

// Stack is access to one stack.
type Stack struct {
	Name    string
	Outputs Outputs
	S3      *s3.Client
	SQS     *sqs.Client
	SFN     *sfn.Client
	Lambda  *lambda.Client
	Loads   *adapters.Workflows // executions of the load workflow
	KMS     *kms.Client
	Kinesis *kinesis.Client
	Metrics *cloudwatch.Client
	SSM     *ssm.Client
	Ledger  *ledger.Ledger
	Lake    *lake.Lake
	// Deployments and Aliases are the rollouts' CodeDeploy and functions.
	Deployments *deploy.Deployments
	Aliases     *deploy.Functions
	// Catalogs are read from the lake.
	Catalogs *catalog.Reader
}

// Connect makes a Stack's clients. If the configuration sets an endpoint, as in local mode, buckets are addressed by
// path.
func Connect(name string, cfg aws.Config, o Outputs) *Stack {
	if cfg.Region == "" {
		cfg.Region = o.Region
	}
	objects := s3.NewFromConfig(cfg, func(opts *s3.Options) { opts.UsePathStyle = cfg.BaseEndpoint != nil })
	bucket := lake.New(objects, o.LakeBucket)
	return &Stack{
		Name: name, Outputs: o, S3: objects,
		SQS: sqs.NewFromConfig(cfg), SFN: sfn.NewFromConfig(cfg), KMS: kms.NewFromConfig(cfg),
		Lambda: lambda.NewFromConfig(cfg), Metrics: cloudwatch.NewFromConfig(cfg), Kinesis: kinesis.NewFromConfig(cfg),
		SSM:         ssm.NewFromConfig(cfg),
		Ledger:      ledger.New(dynamodb.NewFromConfig(cfg), o.LedgerTable),
		Deployments: deploy.NewDeployments(cfg, ""), Aliases: deploy.NewFunctions(cfg),
		Lake: bucket, Catalogs: &catalog.Reader{Lake: bucket},
	}
}

// ParseOutputs reads what `pulumi stack output --json` prints. The error names every missing output.
func ParseOutputs(data []byte) (Outputs, error) {
	var o Outputs
	if err := json.Unmarshal(data, &o); err != nil {
		return o, fmt.Errorf("read the stack's outputs: %w", err)
	}
	var missing []error
	v := reflect.ValueOf(o)
	for i := range v.NumField() {
		if v.Field(i).Kind() == reflect.Pointer {
			continue // only some stacks have it
		}
		if v.Field(i).IsZero() {
			missing = append(missing,
				fmt.Errorf("the stack has no output %q: was it deployed by this version?", v.Type().Field(i).Tag.Get("json")))
		}
	}
	return o, errors.Join(missing...)
}

// ReadOutputs reads the outputs from a file.
func ReadOutputs(path string) (Outputs, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Outputs{}, fmt.Errorf("read the stack's outputs: %w", err)
	}
	return ParseOutputs(data)
}

// PulumiOutputs reads the outputs of a stack of the project in dir through this machine's Pulumi CLI.
func PulumiOutputs(ctx context.Context, dir, stack string) (Outputs, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "pulumi", "stack", "output", "--json", "--stack", stack, "--cwd", dir,
		"--non-interactive")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return Outputs{}, errors.New("read the stack's outputs: the pulumi command is not installed: install it, or save " +
			"the outputs " +
			"elsewhere with `pulumi stack output --json` and pass the file with --outputs")
	case err != nil:
		return Outputs{}, fmt.Errorf("read the outputs of stack %s with pulumi: %w: %s", stack, err,
			strings.TrimSpace(stderr.String()))
	}
	return ParseOutputs(stdout.Bytes())
}

// CheckSegment returns an error for an unknown segment, suggesting the one that was probably meant.
func (s *Stack) CheckSegment(name string) error {
	if _, ok := s.Outputs.Segments[name]; ok {
		return nil
	}
	names := slices.Sorted(maps.Keys(s.Outputs.Segments))
	return fmt.Errorf("segment %q: %w in stack %s: %s", name, ErrNotFound, s.Name, config.Suggest(name, names))
}
