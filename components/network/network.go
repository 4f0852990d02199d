// Package network is the VPC of a cluster: a public and a private subnet in each zone, ways out, private ways to AWS
// services, and a record of the traffic.
package network

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/config"
)

// TypeToken is the component's type.
const TypeToken = "dip:network:Network"

// Args configure a network.
type Args struct {
	// Settings are addresses, gateways and endpoints. The zero value is invalid.
	Settings config.Network
	// Region is the region's name, for the names of its services. The zero value is invalid.
	Region string
	// Zones are those of config.ChooseZones, Settings.AvailabilityZones of them. The zero value is invalid.
	Zones []config.Zone
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var errs []error
	if a.Region == "" {
		errs = append(errs, errors.New("network: Region: missing"))
	}
	if len(a.Zones) < config.MinZones || len(a.Zones) != a.Settings.AvailabilityZones {
		errs = append(errs, fmt.Errorf("network: Zones: %d, want the %d of Settings, at least %d", len(a.Zones), a.Settings.AvailabilityZones, config.MinZones))
	}
	if _, err := a.plan(); err != nil {
		errs = append(errs, fmt.Errorf("network: Settings.CIDR: %w", err))
	}
	return errors.Join(errs...)
}

func (a *Args) plan() (config.Addresses, error) {
	return config.PlanAddresses(a.Settings.CIDR, a.Settings.PublicPrefix, a.Settings.PrivatePrefix)
}

// Network is a VPC.
type Network struct {
	pulumi.ResourceState

	VPC     pulumi.IDOutput
	Private []pulumi.IDOutput // subnets, in the order of the zones
	Public  []pulumi.IDOutput
	// Ready are the ways out: what needs images and the AWS API depends on them, and is destroyed before them.
	Ready []pulumi.Resource

	name          string
	addresses     config.Addresses
	vpc           *ec2.Vpc
	internet      *ec2.InternetGateway
	public        map[string]*ec2.Subnet // by zone id
	gateways      map[string]*ec2.NatGateway
	privateTables []*ec2.RouteTable
}

// New declares a network.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Network, error) {
	if err := args.Validate(); err != nil {
		return nil, err
	}
	n := &Network{name: name, public: map[string]*ec2.Subnet{}, gateways: map[string]*ec2.NatGateway{}}
	var err error
	if n.addresses, err = args.plan(); err != nil {
		return nil, err
	}
	if err := ctx.RegisterComponentResource(TypeToken, name, n, opts...); err != nil {
		return nil, fmt.Errorf("network %s: %w", name, err)
	}
	for _, step := range []func(*pulumi.Context, *Args) error{
		n.createVPC, n.closeDefaultGroup, n.createFlowLogs, n.createPublic, n.createGateways, n.createPrivate, n.createEndpoints,
	} {
		if err := step(ctx, args); err != nil {
			return nil, fmt.Errorf("network %s: %w", name, err)
		}
	}
	n.VPC = n.vpc.ID()
	return n, ctx.RegisterResourceOutputs(n, pulumi.Map{"vpc": n.VPC})
}

func (n *Network) createVPC(ctx *pulumi.Context, args *Args) (err error) {
	n.vpc, err = ec2.NewVpc(ctx, n.name+"-vpc", &ec2.VpcArgs{
		CidrBlock:          pulumi.String(args.Settings.CIDR),
		EnableDnsHostnames: pulumi.Bool(true), // private names of interface endpoints need it
		EnableDnsSupport:   pulumi.Bool(true),
		Tags:               pulumi.StringMap{"Name": pulumi.String(n.name)},
	}, pulumi.Parent(n))
	return err
}

// closeDefaultGroup takes the rules of the group that a network interface gets when nobody names one.
func (n *Network) closeDefaultGroup(ctx *pulumi.Context, _ *Args) error {
	_, err := ec2.NewDefaultSecurityGroup(ctx, n.name+"-default-group", &ec2.DefaultSecurityGroupArgs{VpcId: n.vpc.ID()}, pulumi.Parent(n))
	return err
}

func (n *Network) createPublic(ctx *pulumi.Context, args *Args) (err error) {
	n.internet, err = ec2.NewInternetGateway(ctx, n.name+"-internet", &ec2.InternetGatewayArgs{VpcId: n.vpc.ID()}, pulumi.Parent(n))
	if err != nil {
		return err
	}
	table, err := n.table(ctx, "public")
	if err != nil {
		return err
	}
	out, err := ec2.NewRoute(ctx, n.name+"-public-out", &ec2.RouteArgs{
		RouteTableId: table.ID(), DestinationCidrBlock: pulumi.String("0.0.0.0/0"), GatewayId: n.internet.ID(),
	}, pulumi.Parent(n))
	if err != nil {
		return err
	}
	for _, z := range args.Zones {
		subnet, err := n.subnet(ctx, "public-"+z.ID, z, n.addresses.Public(z).String(), "kubernetes.io/role/elb", table)
		if err != nil {
			return err
		}
		n.public[z.ID] = subnet
		n.Public = append(n.Public, subnet.ID())
	}
	n.Ready = append(n.Ready, out)
	return nil
}

// createGateways makes one NAT gateway, in the first zone, or one in each zone.
func (n *Network) createGateways(ctx *pulumi.Context, args *Args) error {
	zones := args.Zones
	if args.Settings.NAT == config.SingleNAT {
		zones = zones[:1]
	}
	for _, z := range zones {
		address, err := ec2.NewEip(ctx, n.name+"-nat-address-"+z.ID, &ec2.EipArgs{Domain: pulumi.String("vpc")}, pulumi.Parent(n), pulumi.DependsOn([]pulumi.Resource{n.internet}))
		if err != nil {
			return err
		}
		n.gateways[z.ID], err = ec2.NewNatGateway(ctx, n.name+"-nat-"+z.ID, &ec2.NatGatewayArgs{
			AllocationId: address.ID(), SubnetId: n.public[z.ID].ID(),
		}, pulumi.Parent(n), pulumi.DependsOn(n.Ready))
		if err != nil {
			return err
		}
	}
	return nil
}

func (n *Network) createPrivate(ctx *pulumi.Context, args *Args) error {
	for _, z := range args.Zones {
		table, err := n.table(ctx, "private-"+z.ID)
		if err != nil {
			return err
		}
		gateway := n.gateways[z.ID]
		if gateway == nil {
			gateway = n.gateways[args.Zones[0].ID]
		}
		out, err := ec2.NewRoute(ctx, n.name+"-private-out-"+z.ID, &ec2.RouteArgs{
			RouteTableId: table.ID(), DestinationCidrBlock: pulumi.String("0.0.0.0/0"), NatGatewayId: gateway.ID(),
		}, pulumi.Parent(n))
		if err != nil {
			return err
		}
		subnet, err := n.subnet(ctx, "private-"+z.ID, z, n.addresses.Private(z).String(), "kubernetes.io/role/internal-elb", table)
		if err != nil {
			return err
		}
		n.Private = append(n.Private, subnet.ID())
		n.privateTables = append(n.privateTables, table)
		n.Ready = append(n.Ready, out)
	}
	return nil
}

func (n *Network) table(ctx *pulumi.Context, role string) (*ec2.RouteTable, error) {
	return ec2.NewRouteTable(ctx, n.name+"-"+role, &ec2.RouteTableArgs{VpcId: n.vpc.ID()}, pulumi.Parent(n))
}

// subnet makes a subnet with its routes. role is the tag by which load balancers find it.
func (n *Network) subnet(ctx *pulumi.Context, name string, z config.Zone, cidr, role string, table *ec2.RouteTable) (*ec2.Subnet, error) {
	subnet, err := ec2.NewSubnet(ctx, n.name+"-"+name, &ec2.SubnetArgs{
		VpcId: n.vpc.ID(), AvailabilityZoneId: pulumi.String(z.ID), CidrBlock: pulumi.String(cidr),
		Tags: pulumi.StringMap{"Name": pulumi.String(n.name + "-" + name), role: pulumi.String("1")},
	}, pulumi.Parent(n))
	if err != nil {
		return nil, err
	}
	_, err = ec2.NewRouteTableAssociation(ctx, n.name+"-"+name, &ec2.RouteTableAssociationArgs{
		SubnetId: subnet.ID(), RouteTableId: table.ID(),
	}, pulumi.Parent(n))
	return subnet, err
}
