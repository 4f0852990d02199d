package network

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/policy"
)

// gatewayServices are reached through route tables, which costs nothing and keeps the data off the NAT gateways.
var gatewayServices = []string{"s3", "dynamodb"}

func (n *Network) createEndpoints(ctx *pulumi.Context, args *Args) error {
	tables := pulumi.StringArray{}
	for _, t := range n.privateTables {
		tables = append(tables, t.ID())
	}
	for _, service := range gatewayServices {
		made, err := component.Child(ctx, n, service, ec2.NewVpcEndpoint, &ec2.VpcEndpointArgs{
			VpcId: n.VPC, VpcEndpointType: pulumi.String("Gateway"),
			ServiceName: args.service(service), RouteTableIds: tables,
		})
		if err != nil {
			return err
		}
		n.Ready = append(n.Ready, made)
	}
	if len(args.Settings.Endpoints) == 0 {
		return nil
	}
	group, err := component.Child(ctx, n, "endpoints", ec2.NewSecurityGroup, &ec2.SecurityGroupArgs{
		VpcId: n.VPC, Description: pulumi.String("TLS from the network to the interface endpoints"),
		Ingress: ec2.SecurityGroupIngressArray{ec2.SecurityGroupIngressArgs{
			Protocol: pulumi.String("tcp"), FromPort: pulumi.Int(443), ToPort: pulumi.Int(443),
			CidrBlocks: pulumi.StringArray{pulumi.String(args.Settings.CIDR)},
		}},
	})
	if err != nil {
		return err
	}
	for _, service := range args.Settings.Endpoints {
		made, err := component.Child(ctx, n, service, ec2.NewVpcEndpoint, &ec2.VpcEndpointArgs{
			VpcId: n.VPC, VpcEndpointType: pulumi.String("Interface"), PrivateDnsEnabled: pulumi.Bool(true),
			ServiceName: args.service(service),
			SubnetIds:   Subnets(n.Private), SecurityGroupIds: pulumi.StringArray{group.ID()},
		})
		if err != nil {
			return err
		}
		n.Ready = append(n.Ready, made)
	}
	return nil
}

// service is a service's name for endpoints.
func (a *Args) service(name string) pulumi.String {
	return pulumi.String("com.amazonaws." + a.Region + "." + name)
}

// createFlowLogs records who talked to whom, and what was refused.
func (n *Network) createFlowLogs(ctx *pulumi.Context, args *Args) error {
	if args.Settings.FlowLogDays == 0 {
		return nil
	}
	logs, err := component.Child(ctx, n, "flow-logs", cloudwatch.NewLogGroup, &cloudwatch.LogGroupArgs{
		RetentionInDays: pulumi.Int(args.Settings.FlowLogDays),
	})
	if err != nil {
		return err
	}
	role, err := policy.Role(ctx, n, "flow-logs", "vpc-flow-logs.amazonaws.com", policy.ForAccount(args.Account))
	if err != nil {
		return err
	}
	// Source: "IAM role for publishing flow logs to CloudWatch Logs", which asks for DescribeLogGroups too; a list of
	// groups cannot be limited to one. Without a right, delivery fails and only the flow log's status tells.
	allowed, err := policy.Attach(ctx, n, "flow-logs", role.Name,
		policy.Statement{
			Actions:   []string{"logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"},
			Resources: []pulumi.StringInput{pulumi.Sprintf("%s:*", logs.Arn)},
		},
		policy.Statement{
			Actions: []string{"logs:DescribeLogGroups"}, Resources: []pulumi.StringInput{pulumi.String("*")},
		})
	if err != nil {
		return err
	}
	_, err = component.Child(ctx, n, "flow-logs", ec2.NewFlowLog, &ec2.FlowLogArgs{
		VpcId: n.VPC, TrafficType: pulumi.String("ALL"), LogDestination: logs.Arn, IamRoleArn: role.Arn,
	}, component.After(allowed))
	return err
}
