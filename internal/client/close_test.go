package client

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

type closer struct {
	out lambda.InvokeOutput
	err error
}

func (c closer) Invoke(_ context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput,
	error) {
	if *in.FunctionName != "arn" {
		return nil, errors.New("another function")
	}
	return &c.out, c.err
}

func TestTheCloserIsRun(t *testing.T) {
	r, err := Close(t.Context(), closer{out: lambda.InvokeOutput{Payload: []byte(`{"Certified":["a"],"State":"overdue",` +
		`"Waiting":{"start":"2026-01-31T12:00:00Z","end":"2026-01-31T12:01:00Z"},"Problems":["p"]}`)}}, "arn")
	if err != nil || len(r.Certified) != 1 || r.State != "overdue" || r.Waiting == nil || len(r.Problems) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	for want, c := range map[string]closer{
		"throttled": {err: errors.New("throttled")},
		"boom":      {out: lambda.InvokeOutput{FunctionError: aws.String("Unhandled"), Payload: []byte("boom")}},
		"what the":  {out: lambda.InvokeOutput{Payload: []byte("{")}},
	} {
		if _, err := Close(t.Context(), c, "arn"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
