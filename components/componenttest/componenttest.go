// Package componenttest runs declarations without an engine and records what they register.
package componenttest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// The account, region and stack that everything is recorded in.
const (
	Account = "123456789012"
	Region  = "us-east-1"
	Project = "dip"
	// Deployer is who runs programs, as STS names them.
	Deployer = "arn:aws:sts::" + Account + ":assumed-role/deployer/session"
)

// Resource is a registered resource.
type Resource struct {
	Type    string
	Name    string
	Parent  string // "type::name" of the parent; "" below the stack
	Inputs  resource.PropertyMap
	Protect bool
	Retain  bool
	After   []string // names of the resources that it depends on, sorted
	request *pulumirpc.RegisterResourceRequest
}

// Functions answer functions of a provider, by token.
type Functions map[string]func(args resource.PropertyMap) (resource.PropertyMap, error)

// Recorder is what a run registered.
type Recorder struct {
	functions Functions
	lock      sync.Mutex
	resources []Resource
}

// Run runs a program as the stack and returns what it registered. config are the values of the stack file. What AWS
// would refuse of it is an error.
func Run(stack string, config map[string]string, program pulumi.RunFunc) (*Recorder, error) {
	return RunWith(stack, config, nil, program)
}

// RunWith is Run in an account that answers some functions in another way than an empty one.
func RunWith(stack string, config map[string]string, functions Functions, program pulumi.RunFunc) (*Recorder, error) {
	r := &Recorder{functions: functions}
	err := pulumi.RunErr(program, pulumi.WithMocks(Project, stack, r), func(info *pulumi.RunInfo) { info.Config = config })
	if err == nil {
		err = r.Refused()
	}
	return r, err
}

// MustRun is Run for programs that succeed.
func MustRun(t testing.TB, program pulumi.RunFunc) *Recorder {
	t.Helper()
	r, err := Run("test", nil, program)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// NewResource records a resource and answers with the outputs that AWS would compute.
func (r *Recorder) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	registered := Resource{Type: args.TypeToken, Name: args.Name, Inputs: args.Inputs}
	if rpc := args.RegisterRPC; rpc != nil {
		registered.Protect, registered.Retain = rpc.GetProtect(), rpc.GetRetainOnDelete()
		registered.Parent, registered.request = short(rpc.GetParent()), rpc
		for _, urn := range rpc.GetDependencies() {
			registered.After = append(registered.After, urn[strings.LastIndex(urn, "::")+2:])
		}
		slices.Sort(registered.After)
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	r.resources = append(r.resources, registered)
	return args.Name + "-id", computed(args), nil
}

// Call answers the functions that the program asks, as an account without a cluster does.
func (r *Recorder) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	if answer, ok := r.functions[args.Token]; ok {
		return answer(args.Args)
	}
	switch args.Token {
	case "aws:index/getCallerIdentity:getCallerIdentity":
		return resource.PropertyMap{
			"accountId": resource.NewProperty(Account), "arn": resource.NewProperty(Deployer),
		}, nil
	case "aws:eks/getClusters:getClusters":
		return resource.PropertyMap{"names": resource.NewProperty([]resource.PropertyValue{})}, nil
	case "aws:eks/getAddonVersion:getAddonVersion":
		return resource.PropertyMap{"version": resource.NewProperty("v1.2.3-eksbuild.4")}, nil
	case "aws:ssm/getParameter:getParameter":
		return resource.PropertyMap{
			"name": args.Args["name"], "insecureValue": resource.NewProperty("1.36.0-20261118"),
		}, nil
	case "aws:servicequotas/getServiceQuota:getServiceQuota":
		return resource.PropertyMap{"value": resource.NewProperty(1000.0)}, nil
	case "aws:ec2/getEips:getEips":
		return resource.PropertyMap{"allocationIds": resource.NewProperty([]resource.PropertyValue{})}, nil
	case "aws:ec2/getVpcs:getVpcs":
		return resource.PropertyMap{"ids": resource.NewProperty([]resource.PropertyValue{})}, nil
	case "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings":
		return offerings(args.Args), nil
	case "aws:ebs/getDefaultKmsKey:getDefaultKmsKey":
		return resource.PropertyMap{"keyArn": resource.NewProperty("alias/aws/ebs")}, nil
	case "aws:ecr/getImage:getImage":
		return resource.PropertyMap{"imageTag": args.Args["imageTag"], "imageDigest": resource.NewProperty("sha256:0")}, nil
	case "aws:index/getRegion:getRegion":
		return resource.PropertyMap{"name": resource.NewProperty(Region)}, nil
	case "aws:eks/getCluster:getCluster":
		return resource.PropertyMap{
			"name": args.Args["name"], "endpoint": resource.NewProperty("https://cluster.example"),
			"certificateAuthorities": list(object("data", resource.NewProperty("Q0E="))),
			"vpcConfig":              object("clusterSecurityGroupId", resource.NewProperty("sg-cluster")),
		}, nil
	case "aws:index/getAvailabilityZones:getAvailabilityZones":
		return zones(), nil
	default:
		return nil, fmt.Errorf("unknown function %s", args.Token)
	}
}

// zones are those of Region, in the order of their names.
func zones() resource.PropertyMap {
	names, ids := []resource.PropertyValue{}, []resource.PropertyValue{}
	for i, id := range []string{"use1-az6", "use1-az1", "use1-az2", "use1-az4", "use1-az3", "use1-az5"} {
		names = append(names, resource.NewProperty(Region+string(rune('a'+i))))
		ids = append(ids, resource.NewProperty(id))
	}
	return resource.PropertyMap{"names": resource.NewProperty(names), "zoneIds": resource.NewProperty(ids)}
}

// offerings are all instance types that are asked for, in all zones.
func offerings(args resource.PropertyMap) resource.PropertyMap {
	kinds, locations := []resource.PropertyValue{}, []resource.PropertyValue{}
	for _, kind := range args["filters"].ArrayValue()[0].ObjectValue()["values"].ArrayValue() {
		for _, zone := range zones()["zoneIds"].ArrayValue() {
			kinds, locations = append(kinds, kind), append(locations, zone)
		}
	}
	return resource.PropertyMap{
		"instanceTypes": resource.NewProperty(kinds), "locations": resource.NewProperty(locations),
	}
}

// Resources lists what was registered, by parent, type and name.
func (r *Recorder) Resources() []Resource {
	return slices.SortedFunc(slices.Values(r.resources), func(a, b Resource) int {
		return cmp.Or(cmp.Compare(a.Parent, b.Parent), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
	})
}

// Children lists the children of a component as "type::name", sorted.
func (r *Recorder) Children(componentType, name string) []string {
	var children []string
	for _, c := range r.resources {
		if c.Parent == componentType+"::"+name {
			children = append(children, c.Type+"::"+c.Name)
		}
	}
	slices.Sort(children)
	return children
}

// Find is the resource of a type and name. A missing one ends the test.
func (r *Recorder) Find(t testing.TB, resourceType, name string) Resource {
	t.Helper()
	for _, c := range r.resources {
		if c.Type == resourceType && c.Name == name {
			return c
		}
	}
	t.Fatalf("nothing registered %s %s", resourceType, name)
	return Resource{}
}

// short is "type::name" of a URN, "" for the stack.
func short(urn string) string {
	parts := strings.Split(urn, "::")
	if len(parts) < 4 || strings.HasSuffix(parts[2], "pulumi:pulumi:Stack") {
		return ""
	}
	return parts[2][strings.LastIndex(parts[2], "$")+1:] + "::" + parts[3]
}
