package rights

import (
	"strings"
	"testing"

	"dip/local/emulator"
)

const (
	hook  = "arn:aws:lambda:us-east-1:123456789012:function:judge"
	group = "arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:rollout/trips"
)

// deploying is a stack with a deployment group. Its role trusts CodeDeploy for one group, and has the rights given.
func deploying(source string, rights ...string) []Resource {
	condition := `{"StringEquals":{"aws:SourceAccount":"123456789012"},"ArnEquals":{"aws:SourceArn":"` + source + `"}}`
	return []Resource{
		res("aws:iam/role:Role", "deployer", map[string]any{"arn": roleARN + "deployer-1",
			"assumeRolePolicy": policy(`{"Effect":"Allow","Action":"sts:AssumeRole",` +
				`"Principal":{"Service":"codedeploy.amazonaws.com"},"Condition":` + condition + `}`)}),
		res("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "deployer-lambda", map[string]any{"role": "deployer-1",
			"policyArn": "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited"}),
		res("aws:iam/rolePolicy:RolePolicy", "deployer-policy", map[string]any{"role": "deployer-1",
			"policy": policy(rights...)}),
		res("aws:codedeploy/deploymentGroup:DeploymentGroup", "trips", map[string]any{"appName": "rollout",
			"deploymentGroupName": "trips", "serviceRoleArn": roleARN + "deployer-1"}),
	}
}

// What CodeDeploy does with its role is allowed by AWS's own policy, but for the call of a hook.
func TestCodeDeployNeedsARightToCallTheHook(t *testing.T) {
	var made []emulator.Call
	for action, resource := range map[string]string{
		"lambda:GetAlias": tripsFunction, "lambda:UpdateAlias": tripsFunction, "lambda:InvokeFunction": hook,
		"cloudwatch:DescribeAlarms": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:late",
	} {
		made = append(made, emulator.Call{Principal: roleARN + "deployer-1", Action: action, Resource: resource,
			Context: map[string]any{}})
	}
	mayCall := allow("lambda:InvokeFunction", hook, "")
	if report := check(t, deploying(group, mayCall), made); report.Err() != nil {
		t.Error(report.Err())
	}
	report := check(t, deploying(group, allow("logs:PutLogEvents", "*", "")), made)
	if len(report.Denied) != 1 || !strings.Contains(report.Denied[0], "lambda:InvokeFunction on "+hook) {
		t.Errorf("without a right to call the hook, denied are %q", report.Denied)
	}
	report = check(t, deploying(group+"s", mayCall), made)
	if len(report.Denied) != 1 || !strings.Contains(report.Denied[0], "codedeploy.amazonaws.com takes its role") {
		t.Errorf("with the role of another group, denied are %q", report.Denied)
	}
}
