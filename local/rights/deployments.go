package rights

// managed are those policies of AWS, by ARN, with which the emulator's services make calls of their own. Source: "AWS
// managed policies", AWS Managed Policy Reference.
var managed = map[string]Document{
	"arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited": {
		Version: "2012-10-17",
		Statement: []Statement{
			{
				Effect: "Allow",
				Action: texts{"cloudwatch:DescribeAlarms", "lambda:UpdateAlias", "lambda:GetAlias",
					"lambda:GetProvisionedConcurrencyConfig"},
				Resource: texts{"*"},
			},
			{Effect: "Allow", Action: texts{"s3:GetObject", "s3:GetObjectVersion"},
				Resource: texts{"arn:aws:s3:::*/CodeDeploy/*"}},
			{Effect: "Allow", Action: texts{"s3:GetObject", "s3:GetObjectVersion"}, Resource: texts{"*"},
				Condition: map[string]map[string]any{"StringEquals": {"s3:ExistingObjectTag/UseWithCodeDeploy": "true"}}},
			{Effect: "Allow", Action: texts{"lambda:InvokeFunction"},
				Resource: texts{"arn:aws:lambda:*:*:function:CodeDeployHook_*"}},
		},
	},
}

// deploymentsRun: CodeDeploy takes the role of a deployment group, for that group. Source: "Cross-service confused
// deputy prevention" of the CodeDeploy user guide. What it does with the role is observed.
func (s *Stack) deploymentsRun(all *calls) {
	for _, r := range s.byType["aws:codedeploy/deploymentGroup:DeploymentGroup"] {
		from := s.forAccount()
		from["aws:SourceArn"] = s.arn("codedeploy",
			"deploymentgroup:"+r.text("appName")+"/"+r.text("deploymentGroupName"))
		s.takes(all, "codedeploy.amazonaws.com", r.text("serviceRoleArn"), from)
	}
}
