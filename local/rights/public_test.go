package rights

import (
	"testing"

	"dip/tools/simulate"
)

// TestPublicParametersAreJudged: the ARN of a public parameter has no account, and only a policy that names it allows
// the call.
func TestPublicParametersAreJudged(t *testing.T) {
	const (
		role      = "arn:aws:iam::123456789012:role/maintenance"
		parameter = "arn:aws:ssm:eu-west-1::parameter/aws/service/eks/optimized-ami/1.36/release_version"
	)
	allow := func(resource string) map[string]any {
		return map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
			"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": resource}}}
	}
	for resource, want := range map[string]string{
		parameter: simulate.Allowed,
		"arn:aws:ssm:eu-west-1:123456789012:parameter/aws/service/eks/*": "ImplicitlyDenied",
		"arn:aws:ssm:eu-west-1::parameter/aws/service/ecs/*":             "ImplicitlyDenied",
	} {
		got, err := judge(t)(t.Context(), simulate.Request{
			Account:  "123456789012",
			Identity: map[string]map[string]any{role: {"policy": allow(resource)}},
			Calls: []simulate.Call{{Principal: role, Action: "ssm:GetParameter", Resource: parameter,
				Context: map[string]any{}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if got[0].Result != want {
			t.Errorf("a policy on %s: %s %s; want %s", resource, got[0].Result, got[0].Reason, want)
		}
	}
}
