package network

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

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
		_, err := ec2.NewVpcEndpoint(ctx, n.name+"-"+service, &ec2.VpcEndpointArgs{
			VpcId: n.vpc.ID(), VpcEndpointType: pulumi.String("Gateway"),
			ServiceName: pulumi.String("com.amazonaws." + args.Region + "." + service), RouteTableIds: tables,
		}, pulumi.Parent(n))
		if err != nil {
			return err
		}
	}
	if len(args.Settings.Endpoints) == 0 {
		return nil
	}
	group, err := ec2.NewSecurityGroup(ctx, n.name+"-endpoints", &ec2.SecurityGroupArgs{
		VpcId: n.vpc.ID(), Description: pulumi.String("TLS from the network to the interface endpoints"),
		Ingress: ec2.SecurityGroupIngressArray{ec2.SecurityGroupIngressArgs{
			Protocol: pulumi.String("tcp"), FromPort: pulumi.Int(443), ToPort: pulumi.Int(443),
			CidrBlocks: pulumi.StringArray{pulumi.String(args.Settings.CIDR)},
		}},
	}, pulumi.Parent(n))
	if err != nil {
		return err
	}
	subnets := pulumi.StringArray{}
	for _, id := range n.Private {
		subnets = append(subnets, id)
	}
	for _, service := range args.Settings.Endpoints {
		_, err := ec2.NewVpcEndpoint(ctx, n.name+"-"+service, &ec2.VpcEndpointArgs{
			VpcId: n.vpc.ID(), VpcEndpointType: pulumi.String("Interface"), PrivateDnsEnabled: pulumi.Bool(true),
			ServiceName: pulumi.String("com.amazonaws." + args.Region + "." + service),
			SubnetIds:   subnets, SecurityGroupIds: pulumi.StringArray{group.ID()},
		}, pulumi.Parent(n))
		if err != nil {
			return err
		}
	}
	return nil
}

// createFlowLogs records who talked to whom, and what was refused.
func (n *Network) createFlowLogs(ctx *pulumi.Context, args *Args) error {
	if args.Settings.FlowLogDays == 0 {
		return nil
	}
	logs, err := cloudwatch.NewLogGroup(ctx, n.name+"-flow-logs", &cloudwatch.LogGroupArgs{
		RetentionInDays: pulumi.Int(args.Settings.FlowLogDays),
	}, pulumi.Parent(n))
	if err != nil {
		return err
	}
	trust, err := policy.Trust("vpc-flow-logs.amazonaws.com")
	if err != nil {
		return err
	}
	role, err := iam.NewRole(ctx, n.name+"-flow-logs", &iam.RoleArgs{AssumeRolePolicy: pulumi.String(trust)}, pulumi.Parent(n))
	if err != nil {
		return err
	}
	document, err := policy.Document(policy.Statement{
		Actions:   []string{"logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"},
		Resources: []pulumi.StringInput{pulumi.Sprintf("%s:*", logs.Arn)},
	})
	if err != nil {
		return err
	}
	allowed, err := iam.NewRolePolicy(ctx, n.name+"-flow-logs", &iam.RolePolicyArgs{Role: role.Name, Policy: document}, pulumi.Parent(n))
	if err != nil {
		return err
	}
	_, err = ec2.NewFlowLog(ctx, n.name+"-flow-logs", &ec2.FlowLogArgs{
		VpcId: n.vpc.ID(), TrafficType: pulumi.String("ALL"), LogDestination: logs.Arn, IamRoleArn: role.Arn,
	}, pulumi.Parent(n), pulumi.DependsOn([]pulumi.Resource{allowed}))
	return err
}
