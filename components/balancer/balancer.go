// Package balancer is a Network Load Balancer with TLS before a NodePort service of the cluster. All of it is declared
// here, and no controller in the cluster makes a part, so that a destroy leaves nothing.
package balancer

import (
	"maps"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/autoscaling"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/network"
	"dip/config"
)

// TypeToken is the component's type.
const TypeToken = "dip:balancer:Balancer"

const (
	port = 443
	// tlsPolicy takes TLS 1.3 and 1.2 ("Security policies for your Network Load Balancer").
	tlsPolicy = "ELBSecurityPolicy-TLS13-1-2-2021-06"
)

// Args configure a load balancer.
type Args struct {
	// VPC is the network's. The zero value is invalid.
	VPC pulumi.StringInput
	// Subnets are where it has addresses, one a zone. The zero value is invalid.
	Subnets []pulumi.IDOutput
	// Public gives it addresses of the internet. The zero value: addresses of the network.
	Public bool
	// CIDRs are the addresses that may connect. The zero value is invalid.
	CIDRs []string
	// Certificate is the ARN of an ACM certificate. The zero value is invalid.
	Certificate string
	// NodePort is the port of each node that leads to the service. The zero value is invalid.
	NodePort int
	// HealthPath is answered with 200 on the same port while the node has a pod that is ready. The zero value is invalid.
	HealthPath string
	// Drain is how long a node that leaves keeps its connections. The zero value is invalid.
	Drain config.Duration
	// NodeSecurityGroup is the nodes'. The zero value is invalid.
	NodeSecurityGroup pulumi.StringInput
	// Groups are the names of the Auto Scaling groups whose nodes take the connections, by node group. The zero value is
	// invalid.
	Groups map[string]pulumi.StringInput
	// Protect refuses to destroy it.
	Protect bool
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.If(a.VPC == nil, "VPC", "missing")
	found.If(len(a.Subnets) == 0, "Subnets", "missing")
	found.If(len(a.CIDRs) == 0, "CIDRs", "missing: nobody could connect")
	found.If(a.Certificate == "", "Certificate", "missing")
	found.If(a.NodePort < 30000 || a.NodePort > 32767, "NodePort", "%d: want 30000 to 32767", a.NodePort)
	found.If(a.HealthPath == "", "HealthPath", "missing")
	found.If(a.Drain <= 0, "Drain", "missing")
	found.If(a.NodeSecurityGroup == nil, "NodeSecurityGroup", "missing")
	found.If(len(a.Groups) == 0, "Groups", "missing: there would be no nodes")
	return found.Err()
}

// Balancer is a load balancer.
type Balancer struct {
	pulumi.ResourceState

	Name pulumi.StringOutput // DNS name

	group    *ec2.SecurityGroup
	balancer *lb.LoadBalancer
	targets  *lb.TargetGroup
}

// New declares a load balancer.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Balancer, error) {
	b := &Balancer{}
	return component.Declare(ctx, TypeToken, name, b, args, opts,
		b.createGroup, b.createBalancer, b.createTargets, b.listen, b.attach)
}

// Outputs are its DNS name.
func (b *Balancer) Outputs() pulumi.Map { return pulumi.Map{"name": b.Name} }

// createGroup makes the security group, and lets it through to the nodes: health checks come from there, too. A
// load balancer that is made without a group can never get one ("Update the security groups for your NLB").
func (b *Balancer) createGroup(ctx *pulumi.Context, args *Args) (err error) {
	b.group, err = component.Child(ctx, b, "group", ec2.NewSecurityGroup, &ec2.SecurityGroupArgs{
		VpcId: args.VPC, Description: pulumi.String("Load balancer of the gateway"),
	})
	if err != nil {
		return err
	}
	for _, cidr := range args.CIDRs {
		_, err := component.Child(ctx, b, "from-"+cidr, vpc.NewSecurityGroupIngressRule, &vpc.SecurityGroupIngressRuleArgs{
			SecurityGroupId: b.group.ID(), IpProtocol: pulumi.String("tcp"), CidrIpv4: pulumi.String(cidr),
			FromPort: pulumi.Int(port), ToPort: pulumi.Int(port),
		})
		if err != nil {
			return err
		}
	}
	_, err = component.Child(ctx, b, "to-nodes", vpc.NewSecurityGroupEgressRule, &vpc.SecurityGroupEgressRuleArgs{
		SecurityGroupId: b.group.ID(), IpProtocol: pulumi.String("tcp"), ReferencedSecurityGroupId: args.NodeSecurityGroup,
		FromPort: pulumi.Int(args.NodePort), ToPort: pulumi.Int(args.NodePort),
	})
	if err != nil {
		return err
	}
	_, err = component.Child(ctx, b, "nodes", vpc.NewSecurityGroupIngressRule, &vpc.SecurityGroupIngressRuleArgs{
		SecurityGroupId: args.NodeSecurityGroup, IpProtocol: pulumi.String("tcp"), ReferencedSecurityGroupId: b.group.ID(),
		FromPort: pulumi.Int(args.NodePort), ToPort: pulumi.Int(args.NodePort),
	})
	return err
}

// createBalancer makes the load balancer. Across zones: there are fewer pods than zones at times.
func (b *Balancer) createBalancer(ctx *pulumi.Context, args *Args) (err error) {
	b.balancer, err = component.Child(ctx, b, "balancer", lb.NewLoadBalancer, &lb.LoadBalancerArgs{
		LoadBalancerType: pulumi.String("network"), Internal: pulumi.Bool(!args.Public),
		Subnets: network.Subnets(args.Subnets), SecurityGroups: pulumi.StringArray{b.group.ID()},
		EnableCrossZoneLoadBalancing: pulumi.Bool(true), EnableDeletionProtection: pulumi.Bool(args.Protect),
	}, pulumi.Protect(args.Protect))
	if err != nil {
		return err
	}
	b.Name = b.balancer.DnsName
	return nil
}

// createTargets makes the target group. A node is healthy while it has a pod that is ready. Connections to one that is
// not are kept: a pod that drains answers the requests that it has, and closes them itself. Client addresses are not
// preserved: a client on a node of the cluster could not be answered otherwise.
func (b *Balancer) createTargets(ctx *pulumi.Context, args *Args) (err error) {
	b.targets, err = component.Child(ctx, b, "targets", lb.NewTargetGroup, &lb.TargetGroupArgs{
		TargetType: pulumi.String("instance"), Protocol: pulumi.String("TCP"), Port: pulumi.Int(args.NodePort),
		VpcId: args.VPC, PreserveClientIp: pulumi.String("false"),
		DeregistrationDelay: pulumi.Int(args.Drain.Seconds()), ConnectionTermination: pulumi.Bool(true),
		TargetHealthStates: lb.TargetGroupTargetHealthStateArray{lb.TargetGroupTargetHealthStateArgs{
			EnableUnhealthyConnectionTermination: pulumi.Bool(false),
		}},
		HealthCheck: lb.TargetGroupHealthCheckArgs{
			Protocol: pulumi.String("HTTP"), Path: pulumi.String(args.HealthPath),
			Port: pulumi.String(strconv.Itoa(args.NodePort)), Matcher: pulumi.String("200"),
			Interval: pulumi.Int(config.GatewayHealthSeconds), Timeout: pulumi.Int(config.GatewayHealthSeconds - 1),
			HealthyThreshold: pulumi.Int(config.GatewayHealthCount), UnhealthyThreshold: pulumi.Int(config.GatewayHealthCount),
		},
	})
	return err
}

func (b *Balancer) listen(ctx *pulumi.Context, args *Args) error {
	_, err := component.Child(ctx, b, "listener", lb.NewListener, &lb.ListenerArgs{
		LoadBalancerArn: b.balancer.Arn, Port: pulumi.Int(port), Protocol: pulumi.String("TLS"),
		CertificateArn: pulumi.String(args.Certificate), SslPolicy: pulumi.String(tlsPolicy),
		DefaultActions: lb.ListenerDefaultActionArray{lb.ListenerDefaultActionArgs{
			Type: pulumi.String("forward"), TargetGroupArn: b.targets.Arn,
		}},
	})
	return err
}

// attach has the Auto Scaling groups register their nodes, and deregister those that they end.
func (b *Balancer) attach(ctx *pulumi.Context, args *Args) error {
	for _, name := range slices.Sorted(maps.Keys(args.Groups)) {
		_, err := component.Child(ctx, b, name, autoscaling.NewAttachment, &autoscaling.AttachmentArgs{
			AutoscalingGroupName: args.Groups[name], LbTargetGroupArn: b.targets.Arn,
		})
		if err != nil {
			return err
		}
	}
	return nil
}
