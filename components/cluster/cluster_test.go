package cluster_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/cluster"
	"dip/components/componenttest"
	"dip/components/network"
	"dip/config"
)

func settings() config.Cluster {
	return config.Cluster{
		Version: "1.36", LogDays: 7,
		AddOns: map[string]string{"vpc-cni": "v1", "kube-proxy": "v2", "coredns": "v3", "metrics-server": "v4"},
	}
}

// run declares a cluster in a network that is made up, and completes it.
func run(t *testing.T, s config.Cluster) *componenttest.Recorder {
	return componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		ids := []pulumi.IDOutput{pulumi.ID("a").ToIDOutput(), pulumi.ID("b").ToIDOutput()}
		n := &network.Network{VPC: pulumi.ID("vpc").ToIDOutput(), Private: ids, Public: ids[:1]}
		args := &cluster.Args{Settings: s, Prefix: "dip-test", Account: componenttest.Account, Network: n}
		c, err := cluster.New(ctx, "c", args)
		if err != nil {
			return err
		}
		return c.CompleteAddOns(ctx, s.AddOns, []pulumi.Resource{c.NodeRole})
	})
}

var children = []string{
	"aws:cloudwatch/logGroup:LogGroup::c-logs",
	"aws:eks/addon:Addon::c-coredns",
	"aws:eks/addon:Addon::c-kube-proxy",
	"aws:eks/addon:Addon::c-metrics-server",
	"aws:eks/addon:Addon::c-vpc-cni",
	"aws:iam/role:Role::c-node",
	"aws:iam/rolePolicyAttachment:RolePolicyAttachment::c-node-AmazonEC2ContainerRegistryReadOnly",
	"aws:iam/rolePolicyAttachment:RolePolicyAttachment::c-node-AmazonEKSWorkerNodePolicy",
	"aws:iam/rolePolicyAttachment:RolePolicyAttachment::c-node-AmazonEKS_CNI_Policy",
	"aws:kms/alias:Alias::c-key-alias",
	"aws:kms/key:Key::c-key",
	"eks:index:Cluster::c",
	"pulumi:providers:kubernetes::c-kubernetes",
}

func TestChildren(t *testing.T) {
	if got := run(t, settings()).Children(cluster.TypeToken, "c"); !slices.Equal(got, children) {
		t.Errorf("children are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(children, "\n"))
	}
}

func TestCluster(t *testing.T) {
	r := run(t, settings())
	made := r.Find(t, "eks:index:Cluster", "c")
	in := made.Inputs.Mappable()
	for key, want := range map[string]any{
		"name": "dip-test-00000001", "version": "1.36", "authenticationMode": "API", "skipDefaultNodeGroup": true,
		"useDefaultVpcCni":      true,
		"endpointPrivateAccess": true, "endpointPublicAccess": false, "vpcId": "vpc",
		"kubernetesServiceIpAddressRange": cluster.ServiceCIDR,
		"encryptionConfigKeyArn":          "arn:aws:kms:us-east-1:123456789012:key/c-key",
	} {
		if in[key] != want {
			t.Errorf("%s is %v, want %v", key, in[key], want)
		}
	}
	if got := in["enabledClusterLogTypes"].([]any); len(got) != 5 {
		t.Errorf("it logs %v", got)
	}
	if _, ok := in["createOidcProvider"]; ok {
		t.Error("an OIDC provider opens connections in a preview")
	}
	if !slices.Contains(made.After, "c-logs") {
		t.Errorf("it is made before its log group: after %v", made.After)
	}
	if got := r.Find(t, "aws:cloudwatch/logGroup:LogGroup",
		"c-logs").Inputs["name"].StringValue(); got != "/aws/eks/dip-test-00000001/cluster" {
		t.Errorf("it logs to %s", got)
	}
	if got := r.Find(t, "aws:eks/addon:Addon", "c-coredns").After; !slices.Contains(got, "c-node") {
		t.Errorf("coredns does not wait for nodes: %v", got)
	}
}

// Network policies are enforced only where the CNI is told so.
func TestAddOnSettings(t *testing.T) {
	r := run(t, settings())
	for name, want := range map[string]string{
		"vpc-cni": `{"enableNetworkPolicy":"true"}`, "coredns": `"topologyKey":"eks.amazonaws.com/capacityType"`,
	} {
		got := r.Find(t, "aws:eks/addon:Addon", "c-"+name).Inputs["configurationValues"].StringValue()
		if !strings.Contains(got, want) {
			t.Errorf("%s has %s, want %s", name, got, want)
		}
	}
	if r.Find(t, "aws:eks/addon:Addon", "c-kube-proxy").Inputs.HasValue("configurationValues") {
		t.Error("kube-proxy has settings")
	}
}

// A cluster that exists keeps its name: another one would replace it.
func TestExistingClusterKeepsItsName(t *testing.T) {
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		ids := []pulumi.IDOutput{pulumi.ID("a").ToIDOutput()}
		n := &network.Network{VPC: pulumi.ID("vpc").ToIDOutput(), Private: ids, Public: ids}
		_, err := cluster.New(ctx, "c", &cluster.Args{Settings: settings(), Prefix: "dip-test", Name: "dip-test", Network: n})
		return err
	})
	if got := r.Find(t, "eks:index:Cluster", "c").Inputs["name"].StringValue(); got != "dip-test" {
		t.Errorf("it is called %s", got)
	}
}

// Auto Scaling may use a key of volumes that is not AWS's, before any node starts.
func TestVolumeKey(t *testing.T) {
	s := settings()
	s.VolumeKey = "arn:aws:kms:us-east-1:123456789012:key/mine"
	in := run(t, s).Find(t, "aws:kms/grant:Grant", "c-volumes").Inputs.Mappable()
	if in["keyId"] != s.VolumeKey || len(in["operations"].([]any)) != 8 || in["granteePrincipal"] !=
		"arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling" {
		t.Errorf("the grant is %v", in)
	}
}

// The control plane's role is one of the stack's, where the stack's demands on roles reach it.
func TestOwnServiceRole(t *testing.T) {
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		ids := []pulumi.IDOutput{pulumi.ID("a").ToIDOutput()}
		n := &network.Network{VPC: pulumi.ID("vpc").ToIDOutput(), Private: ids, Public: ids}
		_, err := cluster.New(ctx, "c", &cluster.Args{
			Settings: settings(), Prefix: "p", OwnServiceRole: true, Account: componenttest.Account, Network: n,
		})
		return err
	})
	made := r.Find(t, "eks:index:Cluster", "c")
	if !made.Inputs.HasValue("serviceRole") || !slices.Contains(made.After, "c-control-plane") {
		t.Errorf("its role is %v, after %v", made.Inputs["serviceRole"], made.After)
	}
}

func TestAccess(t *testing.T) {
	s := settings()
	s.PublicCIDRs = []string{"203.0.113.0/24"}
	s.Access = map[string]config.Access{
		"ops":   {Principal: "arn:aws:iam::123456789012:role/ops", Policy: "clusterAdmin"},
		"audit": {Principal: "arn:aws:iam::123456789012:role/audit", Policy: "view", Namespaces: []string{"dip"}},
	}
	r := run(t, s)
	if in := r.Find(t, "eks:index:Cluster", "c").Inputs; !in["endpointPublicAccess"].BoolValue() ||
		in["publicAccessCidrs"].ArrayValue()[0].StringValue() != "203.0.113.0/24" {
		t.Errorf("public endpoint: %v", in)
	}
	const token = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
	audit := r.Find(t, token, "c-access-audit").Inputs.Mappable()
	if audit["policyArn"] != "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy" ||
		audit["accessScope"].(map[string]any)["type"] != "namespace" {
		t.Errorf("audit has %v", audit)
	}
	if ops := r.Find(t, token,
		"c-access-ops").Inputs.Mappable(); ops["accessScope"].(map[string]any)["type"] != "cluster" {
		t.Errorf("ops has %v", ops)
	}
}

func TestProtection(t *testing.T) {
	s := settings()
	s.Protect = true
	r := run(t, s)
	if !r.Find(t, "eks:index:Cluster", "c").Protect || !r.Find(t, "aws:kms/key:Key", "c-key").Protect {
		t.Error("not protected")
	}
	if run(t, settings()).Find(t, "eks:index:Cluster", "c").Protect {
		t.Error("a disposable cluster is protected")
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	s := config.Cluster{
		Version: "1.2", AddOns: map[string]string{"coredns": config.DefaultAddOn},
		Access: map[string]config.Access{"x": {Policy: "root"}, "y": {Policy: "view"}},
	}
	componenttest.MustRefuse(t, "cluster c", func(ctx *pulumi.Context) error {
		_, err := cluster.New(ctx, "c", &cluster.Args{Settings: s, OwnServiceRole: true})
		return err
	},
		"Prefix: missing", "Account: missing", "Network: missing", `Settings.Version: "1.2", want one of`, "Settings.LogDays: missing",
		"Settings.AddOns[coredns]: not resolved to a version",
		`Settings.Access[x].Policy: "root", want one of`)
}
