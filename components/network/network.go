// Package network is the VPC of a cluster: a public and a private subnet in each zone, ways out, private ways to AWS
// services, and a record of the traffic. Or an existing VPC, of which it declares nothing.
package network

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
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
	// Account is the stack's, 12 digits. The zero value is invalid.
	Account string
	// Zones are those of config.ChooseZones, Settings.AvailabilityZones of them. The zero value is invalid.
	Zones []config.Zone
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.If(a.Region == "", "Region", "missing")
	found.If(a.Account == "", "Account", "missing")
	zones := len(a.Zones)
	found.Add(config.CheckLimits("Settings", a.Settings))
	found.If(zones != a.Settings.AvailabilityZones, "Zones", "%d, want the %d of Settings", zones,
		a.Settings.AvailabilityZones)
	if a.Settings.VPCID == "" {
		_, err := a.plan()
		found.In("Settings.cidr", err)
	}
	return found.Err()
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
	// Ready are the ways out: routes, what joins subnets to them, and endpoints. What needs images and the AWS API depends
	// on them, and is destroyed before them: a node that has lost its way out can neither drain nor deregister.
	Ready []pulumi.Resource

	addresses     config.Addresses
	internet      *ec2.InternetGateway
	public        map[string]*ec2.Subnet // by zone id
	gateways      map[string]*ec2.NatGateway
	privateTables []*ec2.RouteTable
}

// New declares a network.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Network, error) {
	n := &Network{public: map[string]*ec2.Subnet{}, gateways: map[string]*ec2.NatGateway{}}
	if args.Settings.VPCID != "" {
		return component.Declare(ctx, TypeToken, name, n, args, opts, n.adopt)
	}
	return component.Declare(ctx, TypeToken, name, n, args, opts,
		n.createVPC, n.closeDefaultGroup, n.createFlowLogs, n.createPublic, n.createGateways, n.createPrivate,
		n.createEndpoints)
}

// Outputs are the VPC's id.
func (n *Network) Outputs() pulumi.Map { return pulumi.Map{"vpc": n.VPC} }

// Subnets lists ids of subnets as resources take them.
func Subnets(ids []pulumi.IDOutput) pulumi.StringArray {
	all := pulumi.StringArray{}
	for _, id := range ids {
		all = append(all, id)
	}
	return all
}

// adopt takes an existing network as it is.
func (n *Network) adopt(_ *pulumi.Context, args *Args) error {
	n.VPC = pulumi.ID(args.Settings.VPCID).ToIDOutput()
	for _, id := range args.Settings.PrivateSubnets {
		n.Private = append(n.Private, pulumi.ID(id).ToIDOutput())
	}
	for _, id := range args.Settings.PublicSubnets {
		n.Public = append(n.Public, pulumi.ID(id).ToIDOutput())
	}
	return nil
}

func (n *Network) createVPC(ctx *pulumi.Context, args *Args) (err error) {
	if n.addresses, err = args.plan(); err != nil {
		return err
	}
	vpc, err := component.Child(ctx, n, "vpc", ec2.NewVpc, &ec2.VpcArgs{
		CidrBlock:          pulumi.String(args.Settings.CIDR),
		EnableDnsHostnames: pulumi.Bool(true), // private names of interface endpoints need it
		EnableDnsSupport:   pulumi.Bool(true),
		Tags:               pulumi.StringMap{"Name": pulumi.String(n.PulumiResourceName())},
	})
	if err != nil {
		return err
	}
	n.VPC = vpc.ID()
	return nil
}

// closeDefaultGroup removes the rules of the default security group, which applies to interfaces that name none.
func (n *Network) closeDefaultGroup(ctx *pulumi.Context, _ *Args) error {
	_, err := component.Child(ctx, n, "default-group", ec2.NewDefaultSecurityGroup, &ec2.DefaultSecurityGroupArgs{
		VpcId: n.VPC,
	})
	return err
}

func (n *Network) createPublic(ctx *pulumi.Context, args *Args) (err error) {
	n.internet, err = component.Child(ctx, n, "internet", ec2.NewInternetGateway, &ec2.InternetGatewayArgs{VpcId: n.VPC})
	if err != nil {
		return err
	}
	table, err := n.table(ctx, "public")
	if err != nil {
		return err
	}
	out, err := component.Child(ctx, n, "public-out", ec2.NewRoute, &ec2.RouteArgs{
		RouteTableId: table.ID(), DestinationCidrBlock: anywhere, GatewayId: n.internet.ID(),
	})
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

// anywhere is every address.
const anywhere = pulumi.String("0.0.0.0/0")

// createGateways makes one NAT gateway, in the first zone, or one in each zone.
func (n *Network) createGateways(ctx *pulumi.Context, args *Args) error {
	zones := args.Zones
	if args.Settings.NAT == config.SingleNAT {
		zones = zones[:1]
	}
	for _, z := range zones {
		address, err := component.Child(ctx, n, "nat-address-"+z.ID, ec2.NewEip, &ec2.EipArgs{
			Domain: pulumi.String("vpc"),
		}, component.After(n.internet))
		if err != nil {
			return err
		}
		n.gateways[z.ID], err = component.Child(ctx, n, "nat-"+z.ID, ec2.NewNatGateway, &ec2.NatGatewayArgs{
			AllocationId: address.ID(), SubnetId: n.public[z.ID].ID(),
		}, component.After(n.Ready...))
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
		out, err := component.Child(ctx, n, "private-out-"+z.ID, ec2.NewRoute, &ec2.RouteArgs{
			RouteTableId: table.ID(), DestinationCidrBlock: anywhere, NatGatewayId: gateway.ID(),
		})
		if err != nil {
			return err
		}
		subnet, err := n.subnet(ctx, "private-"+z.ID, z,
			n.addresses.Private(z).String(), "kubernetes.io/role/internal-elb", table)
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
	return component.Child(ctx, n, role, ec2.NewRouteTable, &ec2.RouteTableArgs{VpcId: n.VPC})
}

// subnet makes a subnet with its routes. tag is the one by which load balancers find it.
func (n *Network) subnet(ctx *pulumi.Context, role string, z config.Zone, cidr, tag string, table *ec2.RouteTable) (
	*ec2.Subnet, error,
) {
	subnet, err := component.Child(ctx, n, role, ec2.NewSubnet, &ec2.SubnetArgs{
		VpcId: n.VPC, AvailabilityZoneId: pulumi.String(z.ID), CidrBlock: pulumi.String(cidr),
		Tags: pulumi.StringMap{
			"Name": pulumi.String(n.PulumiResourceName() + "-" + role), tag: pulumi.String("1"),
		},
	})
	if err != nil {
		return nil, err
	}
	routed, err := component.Child(ctx, n, role, ec2.NewRouteTableAssociation, &ec2.RouteTableAssociationArgs{
		SubnetId: subnet.ID(), RouteTableId: table.ID(),
	})
	n.Ready = append(n.Ready, routed)
	return subnet, err
}
