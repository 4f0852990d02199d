package client

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"dip/contract"
)

// Parameters is the part of SSM that reads and writes parameters. *ssm.Client implements it.
type Parameters interface {
	GetParameter(context.Context, *ssm.GetParameterInput, ...func(*ssm.Options)) (*ssm.GetParameterOutput, error)
	PutParameter(context.Context, *ssm.PutParameterInput, ...func(*ssm.Options)) (*ssm.PutParameterOutput, error)
}

// ChangeSwitch changes what people have told a stack's maintenance. Of two people at the same time, the last one's
// switch stands.
func ChangeSwitch(
	ctx context.Context, parameters Parameters, name string, change func(*contract.MaintenanceSwitch),
) error {
	out, err := parameters.GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
	if err != nil {
		return fmt.Errorf("read the parameter %s: %w", name, err)
	}
	s, err := contract.ParseSwitch(aws.ToString(out.Parameter.Value))
	if err != nil {
		return err
	}
	change(&s)
	value, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write the parameter %s: %w", name, err)
	}
	_, err = parameters.PutParameter(ctx, &ssm.PutParameterInput{
		Name: &name, Value: aws.String(string(value)), Type: types.ParameterTypeString, Overwrite: aws.Bool(true),
	})
	if err != nil {
		return fmt.Errorf("write the parameter %s: %w", name, err)
	}
	return nil
}

// Maintain calls a stack's maintenance function, and gives its report. It may run beside the scheduled one.
func Maintain(ctx context.Context, functions Functions, function string, r contract.MaintenanceRequest) (
	report contract.MaintenanceReport, err error,
) {
	request, err := json.Marshal(r)
	if err != nil {
		return report, fmt.Errorf("call the maintenance function: %w", err)
	}
	out, err := functions.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, Payload: request})
	switch {
	case err != nil:
		return report, fmt.Errorf("call the maintenance function %s: %w", function, err)
	case out.FunctionError != nil:
		return report, fmt.Errorf("the maintenance function failed: %s: %s", aws.ToString(out.FunctionError), out.Payload)
	}
	if err := json.Unmarshal(out.Payload, &report); err != nil {
		return report, fmt.Errorf("read what the maintenance function says: %w", err)
	}
	return report, nil
}
