package client

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"dip/contract"
)

// parameter is one in memory.
type parameter struct{ name, value string }

func (p *parameter) GetParameter(_ context.Context, in *ssm.GetParameterInput, _ ...func(*ssm.Options)) (
	*ssm.GetParameterOutput, error) {
	if *in.Name != p.name {
		return nil, errors.New("another parameter")
	}
	return &ssm.GetParameterOutput{Parameter: &types.Parameter{Value: &p.value}}, nil
}

func (p *parameter) PutParameter(_ context.Context, in *ssm.PutParameterInput, _ ...func(*ssm.Options)) (
	*ssm.PutParameterOutput, error) {
	if *in.Name != p.name || !aws.ToBool(in.Overwrite) {
		return nil, errors.New("there is such a parameter already")
	}
	p.value = *in.Value
	return &ssm.PutParameterOutput{}, nil
}

// A change keeps what it does not change.
func TestSwitchIsChanged(t *testing.T) {
	p := &parameter{"switch", `{"awake":"2026-11-27T20:00:00Z"}`}
	until := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	hold := func(s *contract.MaintenanceSwitch) { s.Hold = &contract.Hold{Until: until, Reason: "quarter"} }
	if err := ChangeSwitch(t.Context(), p, "switch", hold); err != nil {
		t.Fatal(err)
	}
	const want = `{"hold":{"until":"2026-11-29T12:00:00Z","reason":"quarter"},"awake":"2026-11-27T20:00:00Z"}`
	if p.value != want {
		t.Errorf("the parameter is %s, want %s", p.value, want)
	}
	p.value = "hold"
	err := ChangeSwitch(t.Context(), p, "switch", hold)
	if err == nil || !strings.Contains(err.Error(), `"hold"`) || p.value != "hold" {
		t.Errorf("what it does not understand became %s, %v", p.value, err)
	}
}

func TestMaintenanceFunctionIsCalled(t *testing.T) {
	for want, c := range map[string]closer{
		"throttled": {err: errors.New("throttled")},
		"boom":      {out: lambda.InvokeOutput{FunctionError: aws.String("Unhandled"), Payload: []byte("boom")}},
		"what the":  {out: lambda.InvokeOutput{Payload: []byte("{")}},
	} {
		_, err := Maintain(t.Context(), c, "arn", contract.MaintenanceRequest{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	c := closer{out: lambda.InvokeOutput{Payload: []byte(`{"at":"2026-11-27T20:00:00Z","loads":["a"]}`)}}
	if r, err := Maintain(t.Context(), c, "arn", contract.MaintenanceRequest{Look: true}); err != nil || len(r.Loads) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}
