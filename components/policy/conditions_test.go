package policy_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/policy"
)

func TestConditions(t *testing.T) {
	for want, conditions := range map[string]map[policy.Test]pulumi.Input{
		`{"StringLikeIfExists":{"s3:prefix":["data/trips/*","catalog/*"]}}`:      policy.Below("data/trips/", "catalog/"),
		`{"ForAllValues:StringEquals":{"dynamodb:Attributes":["load","ack"]}}`:   policy.Touching("load", "ack"),
		`{"ForAnyValue:StringEquals":{"states:StateMachineQualifier":["live"]}}`: policy.Qualified("live"),
	} {
		got := text(t, policy.Statement{
			Actions: []string{"a:Do"}, Resources: []pulumi.StringInput{pulumi.String("arn")}, Conditions: conditions,
		})
		want := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["a:Do"],"Resource":["arn"],` +
			`"Condition":` + want + `}]}`
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
