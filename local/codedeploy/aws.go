package codedeploy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"dip/local/emulator"
)

// Emulator is the store of an emulator's deployments.
type Emulator struct {
	Endpoint string
	Key      emulator.Key // its owner's
}

// Deployments implements Store.
func (e Emulator) Deployments(ctx context.Context) ([]emulator.Deployment, error) {
	return emulator.Deployments(ctx, e.Endpoint, e.Key)
}

// Proceed implements Store.
func (e Emulator) Proceed(ctx context.Context, id string, p emulator.Progress) error {
	return emulator.Proceed(ctx, e.Endpoint, e.Key, id, p)
}

// Connect is an account that signs with the credentials of a configuration.
func Connect(cfg aws.Config) Account {
	return &account{lambda: lambda.NewFromConfig(cfg), watch: cloudwatch.NewFromConfig(cfg)}
}

type account struct {
	lambda *lambda.Client
	watch  *cloudwatch.Client
}

func (a *account) Alias(ctx context.Context, function, name string) (Alias, error) {
	out, err := a.lambda.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: &function, Name: &name})
	if err != nil {
		return Alias{}, answered(err, "read alias %s of %s", name, function)
	}
	found := Alias{Version: aws.ToString(out.FunctionVersion)}
	if out.RoutingConfig != nil {
		found.Weights = out.RoutingConfig.AdditionalVersionWeights
	}
	return found, nil
}

func (a *account) Move(ctx context.Context, function, name string, to Alias) error {
	weights := to.Weights
	if weights == nil {
		weights = map[string]float64{} // removes those that there are
	}
	_, err := a.lambda.UpdateAlias(ctx, &lambda.UpdateAliasInput{
		FunctionName: &function, Name: &name, FunctionVersion: &to.Version,
		RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: weights},
	})
	return answered(err, "move alias %s of %s to version %s", name, function, to.Version)
}

func (a *account) Call(ctx context.Context, function string, payload []byte) error {
	_, err := a.lambda.Invoke(ctx, &lambda.InvokeInput{
		FunctionName: &function, Payload: payload, InvocationType: types.InvocationTypeEvent,
	})
	return answered(err, "call hook %s", function)
}

func (a *account) Firing(ctx context.Context, alarms []string) ([]string, error) {
	out, err := a.watch.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{
		AlarmNames: alarms, AlarmTypes: []cwtypes.AlarmType{cwtypes.AlarmTypeMetricAlarm, cwtypes.AlarmTypeCompositeAlarm},
	})
	if err != nil {
		return nil, answered(err, "read alarms")
	}
	states := map[string]cwtypes.StateValue{}
	for _, m := range out.MetricAlarms {
		states[aws.ToString(m.AlarmName)] = m.StateValue
	}
	for _, c := range out.CompositeAlarms {
		states[aws.ToString(c.AlarmName)] = c.StateValue
	}
	var firing []string
	for _, name := range alarms {
		switch states[name] {
		case "":
			return nil, &Refused{Reason: fmt.Sprintf("no alarm %q", name)}
		case cwtypes.StateValueAlarm:
			firing = append(firing, name)
		}
	}
	slices.Sort(firing)
	return firing, nil
}

// answered wraps an error with what was attempted. One that the service answered is a refusal, unless it is a fault of
// its own or a request to slow down.
func answered(err error, what string, args ...any) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf(what+": %w", append(args, err)...)
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.HTTPStatusCode() < http.StatusInternalServerError &&
		response.HTTPStatusCode() != http.StatusTooManyRequests {
		return &Refused{Reason: err.Error()}
	}
	return err
}
