package network_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/components/network"
	"dip/config"
)

func args() *network.Args {
	a := &network.Args{
		Settings: config.Network{CIDR: "10.20.0.0/16", AvailabilityZones: 4, PublicPrefix: 24,
			PrivatePrefix: 20, NAT: config.SingleNAT},
		Region: componenttest.Region, Account: componenttest.Account,
	}
	for _, id := range []string{"use1-az1", "use1-az2", "use1-az4", "use1-az5"} {
		a.Zones = append(a.Zones, config.Zone{Name: "name of " + id, ID: id})
	}
	return a
}

func run(t *testing.T, a *network.Args) *componenttest.Recorder {
	return componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		n, err := network.New(ctx, "n", a)
		if err == nil && (len(n.Private) != len(a.Zones) || len(n.Public) != len(a.Zones)) {
			t.Errorf("%d private and %d public subnets", len(n.Private), len(n.Public))
		}
		return err
	})
}

// children are those of one zone, z, and those that every network has.
func children(a *network.Args) (list []string) {
	list = []string{
		"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup::n-default-group",
		"aws:ec2/internetGateway:InternetGateway::n-internet",
		"aws:ec2/route:Route::n-public-out", "aws:ec2/routeTable:RouteTable::n-public", "aws:ec2/vpc:Vpc::n-vpc",
		"aws:ec2/vpcEndpoint:VpcEndpoint::n-dynamodb", "aws:ec2/vpcEndpoint:VpcEndpoint::n-s3",
		"aws:ec2/eip:Eip::n-nat-address-use1-az1", "aws:ec2/natGateway:NatGateway::n-nat-use1-az1",
	}
	for _, z := range a.Zones {
		list = append(list, "aws:ec2/route:Route::n-private-out-"+z.ID, "aws:ec2/routeTable:RouteTable::n-private-"+z.ID)
		for _, kind := range []string{"public", "private"} {
			list = append(list, "aws:ec2/subnet:Subnet::n-"+kind+"-"+z.ID,
				"aws:ec2/routeTableAssociation:RouteTableAssociation::n-"+kind+"-"+z.ID)
		}
	}
	return list
}

func expect(t *testing.T, r *componenttest.Recorder, want []string) {
	t.Helper()
	slices.Sort(want)
	if got := r.Children(network.TypeToken, "n"); !slices.Equal(got, want) {
		t.Errorf("children are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestChildren(t *testing.T) {
	expect(t, run(t, args()), children(args()))
}

func TestGatewayInEachZone(t *testing.T) {
	a := args()
	a.Settings.NAT = config.PerZoneNAT
	want := children(a)
	for _, z := range a.Zones[1:] {
		want = append(want, "aws:ec2/eip:Eip::n-nat-address-"+z.ID, "aws:ec2/natGateway:NatGateway::n-nat-"+z.ID)
	}
	r := run(t, a)
	expect(t, r, want)
	for _, z := range a.Zones {
		if got := r.Find(t, "aws:ec2/route:Route",
			"n-private-out-"+z.ID).Inputs["natGatewayId"].StringValue(); got != "n-nat-"+z.ID+"-id" {
			t.Errorf("zone %s goes out through %s", z.ID, got)
		}
	}
}

func TestEndpointsAndFlowLogs(t *testing.T) {
	a := args()
	a.Settings.Endpoints, a.Settings.FlowLogDays = []string{"sqs", "ecr.api"}, 7
	r := run(t, a)
	expect(t, r, append(children(a), "aws:ec2/securityGroup:SecurityGroup::n-endpoints",
		"aws:ec2/vpcEndpoint:VpcEndpoint::n-sqs", "aws:ec2/vpcEndpoint:VpcEndpoint::n-ecr.api",
		"aws:cloudwatch/logGroup:LogGroup::n-flow-logs", "aws:iam/role:Role::n-flow-logs",
		"aws:iam/rolePolicy:RolePolicy::n-flow-logs",
		"aws:ec2/flowLog:FlowLog::n-flow-logs"))
	rights := r.Find(t, "aws:iam/rolePolicy:RolePolicy", "n-flow-logs").Inputs["policy"].StringValue()
	if !strings.Contains(rights, `"Action":["logs:DescribeLogGroups"],"Resource":["*"]`) {
		t.Errorf("flow logs cannot find their group: %s", rights)
	}
	e := r.Find(t, "aws:ec2/vpcEndpoint:VpcEndpoint", "n-ecr.api").Inputs
	if e["serviceName"].StringValue() != "com.amazonaws.us-east-1.ecr.api" || !e["privateDnsEnabled"].BoolValue() ||
		len(e["subnetIds"].ArrayValue()) != 4 {
		t.Errorf("endpoint is %v", e)
	}
	if got := r.Find(t, "aws:ec2/flowLog:FlowLog", "n-flow-logs").Inputs["trafficType"].StringValue(); got != "ALL" {
		t.Errorf("flow logs hold %s", got)
	}
	if got := r.Find(t, "aws:ec2/vpcEndpoint:VpcEndpoint", "n-s3").Inputs["routeTableIds"].ArrayValue(); len(got) != 4 {
		t.Errorf("the gateway endpoint serves %v", got)
	}
}

// What is ready is destroyed last: nodes need routes, the subnets' part in them, and endpoints until they are gone.
func TestReadyIsTheWholeWayOut(t *testing.T) {
	a := args()
	a.Settings.Endpoints = []string{"sqs"}
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		n, err := network.New(ctx, "n", a)
		if err != nil {
			return err
		}
		_, err = sqs.NewQueue(ctx, "after", nil, pulumi.DependsOn(n.Ready))
		return err
	})
	want := []string{"n-dynamodb", "n-s3", "n-sqs", "n-public-out"}
	for _, z := range a.Zones {
		want = append(want, "n-private-"+z.ID, "n-private-out-"+z.ID, "n-public-"+z.ID)
	}
	slices.Sort(want)
	if got := r.Find(t, "aws:sqs/queue:Queue", "after").After; !slices.Equal(got, want) {
		t.Errorf("ready are\n%q, want\n%q", got, want)
	}
}

// Subnets are placed by zone id, and open nothing by themselves.
func TestSubnets(t *testing.T) {
	r := run(t, args())
	s := r.Find(t, "aws:ec2/subnet:Subnet", "n-private-use1-az4").Inputs
	if s["availabilityZoneId"].StringValue() != "use1-az4" || s["cidrBlock"].StringValue() != "10.20.48.0/20" ||
		s.HasValue("mapPublicIpOnLaunch") {
		t.Errorf("subnet is %v", s)
	}
	if tags := s["tags"].ObjectValue(); tags["kubernetes.io/role/internal-elb"].StringValue() != "1" {
		t.Errorf("tags are %v", tags)
	}
	if rules := r.Find(t, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
		"n-default-group").Inputs; rules.HasValue("ingress") || rules.HasValue("egress") {
		t.Errorf("the default group lets traffic through: %v", rules)
	}
}

// Of an existing network nothing is declared, and so nothing is destroyed.
func TestExistingNetwork(t *testing.T) {
	a := args()
	a.Settings = config.Network{VPCID: "vpc-1", AvailabilityZones: 4, PrivateSubnets: []string{"a", "b", "c", "d"},
		PublicSubnets: []string{"e"}, PublicPrefix: 24, PrivatePrefix: 20}
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		n, err := network.New(ctx, "n", a)
		if err == nil && (len(n.Private) != 4 || len(n.Public) != 1) {
			t.Errorf("%d private and %d public subnets", len(n.Private), len(n.Public))
		}
		return err
	})
	expect(t, r, nil)
}

func TestBadArgsRegisterNothing(t *testing.T) {
	a := args()
	a.Region, a.Account, a.Zones, a.Settings.CIDR, a.Settings.FlowLogDays = "", "", a.Zones[:3], "10.0.0.0/24", -1
	componenttest.MustRefuse(t, "network n", func(ctx *pulumi.Context) error {
		_, err := network.New(ctx, "n", a)
		return err
	},
		"Region: missing", "Account: missing", "Settings.flowLogDays: -1: want 0 to", "Zones: 3, want the 4 of Settings",
		"Settings.cidr: 10.0.0.0/24 is too small")
}
