// Package cluster is an EKS cluster: its keys, logs and access, the role of its nodes, the add-ons that it cannot
// work without, and the provider with which the program talks to it. It has no nodes of its own.
package cluster

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	awseks "github.com/pulumi/pulumi-aws/sdk/v6/go/aws/eks"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi-eks/sdk/v2/go/eks"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/network"
	"dip/components/policy"
	"dip/config"
)

// TypeToken is the component's type.
const TypeToken = "dip:cluster:Cluster"

// ServiceCIDR is where the cluster's services have their addresses: outside of every network of config.
const ServiceCIDR = "172.20.0.0/16"

// Args configure a cluster.
type Args struct {
	// Settings are version, access and add-ons. The zero value is invalid.
	Settings config.Cluster
	// Prefix begins the physical name of a cluster that does not exist yet; a unique part follows. EKS derives the name
	// of the control plane's log group from it, and writes to that group once more after the cluster is deleted: the
	// group is left behind, and a second cluster of the same name could not create its own. The zero value is invalid.
	Prefix string
	// Name is the physical name of the cluster that exists. The zero value: there is none yet.
	Name string
	// Account is the AWS account, 12 digits: its Auto Scaling is granted Settings.VolumeKey, and EKS may take the role of
	// OwnServiceRole for it alone. The zero value is invalid with either.
	Account string
	// OwnServiceRole declares the control plane's role here, where the stack's demands on roles reach it. False:
	// pulumi-eks declares one. A cluster cannot change its role.
	OwnServiceRole bool
	// Network is where it runs. The zero value is invalid.
	Network *network.Network
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.If(a.Prefix == "", "Prefix", "missing")
	found.If(a.Network == nil, "Network", "missing")
	s, versions := a.Settings, config.KubernetesVersions()
	found.If(!slices.Contains(versions, s.Version), "Settings.Version", "%q, want one of %q", s.Version, versions)
	found.If((s.VolumeKey != "" || a.OwnServiceRole) && a.Account == "", "Account", "missing")
	found.If(s.LogDays < 1, "Settings.LogDays", "missing")
	for _, name := range slices.Sorted(maps.Keys(s.AddOns)) {
		found.If(s.AddOns[name] == config.DefaultAddOn, fmt.Sprintf("Settings.AddOns[%s]", name), "not resolved to a version")
	}
	policies := slices.Sorted(maps.Keys(config.AccessPolicies))
	for _, name := range slices.Sorted(maps.Keys(s.Access)) {
		policy := s.Access[name].Policy
		found.If(!slices.Contains(policies, policy),
			fmt.Sprintf("Settings.Access[%s].Policy", name), "%q, want one of %q", policy, policies)
	}
	return found.Err()
}

// Cluster is a cluster.
type Cluster struct {
	pulumi.ResourceState

	Name                 pulumi.StringOutput
	Endpoint             pulumi.StringOutput
	CertificateAuthority pulumi.StringOutput // base64 of PEM
	SecurityGroup        pulumi.StringOutput // id of the group that EKS gives its control plane and nodes
	Kubeconfig           pulumi.StringOutput // JSON
	NodeRole             *iam.Role           // of all nodes: the cluster lets it join
	Provider             *kubernetes.Provider
	// Ready are the add-ons without which a node never gets ready: node groups depend on them.
	Ready []pulumi.Resource

	key      *kms.Key
	logs     *cloudwatch.LogGroup
	rights   []pulumi.Resource
	cluster  *eks.Cluster
	physical pulumi.StringOutput // name, before the cluster exists
}

// New declares a cluster.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Cluster, error) {
	c := &Cluster{}
	return component.Declare(ctx, TypeToken, name, c, args, opts,
		c.createKey, c.createNodeRole, c.choose, c.createLogs, c.createCluster, c.createAccess, c.createAddOns,
		c.grantVolumeKey, c.createProvider)
}

// Outputs are the cluster's name and endpoint.
func (c *Cluster) Outputs() pulumi.Map { return pulumi.Map{"name": c.Name, "endpoint": c.Endpoint} }

// createKey makes the key that Kubernetes secrets are encrypted with before they reach the cluster's store.
func (c *Cluster) createKey(ctx *pulumi.Context, args *Args) (err error) {
	c.key, err = component.Child(ctx, c, "key", kms.NewKey, &kms.KeyArgs{
		Description: pulumi.String("Secrets of the cluster " + args.Prefix), EnableKeyRotation: pulumi.Bool(true),
	}, pulumi.Protect(args.Settings.Protect))
	if err != nil {
		return err
	}
	_, err = component.Child(ctx, c, "key-alias", kms.NewAlias, &kms.AliasArgs{TargetKeyId: c.key.KeyId})
	return err
}

// uniqueDigits is how many characters of the node role's id, which IAM never assigns twice, make a name unique.
const uniqueDigits = 8

// choose decides the physical name: that of the cluster that exists, else the prefix and a part of the node role's id,
// which lives exactly as long as the cluster.
func (c *Cluster) choose(_ *pulumi.Context, args *Args) error {
	if args.Name != "" {
		c.physical = pulumi.String(args.Name).ToStringOutput()
		return nil
	}
	c.physical = c.NodeRole.UniqueId.ApplyT(func(id string) string {
		return args.Prefix + "-" + strings.ToLower(id[max(0, len(id)-uniqueDigits):])
	}).(pulumi.StringOutput)
	return nil
}

// createLogs makes the log group before EKS does, which would keep everything for ever.
func (c *Cluster) createLogs(ctx *pulumi.Context, args *Args) (err error) {
	c.logs, err = component.Child(ctx, c, "logs", cloudwatch.NewLogGroup, &cloudwatch.LogGroupArgs{
		Name: pulumi.Sprintf("/aws/eks/%s/cluster", c.physical), RetentionInDays: pulumi.Int(args.Settings.LogDays),
	})
	return err
}

// nodePolicies are what a node needs to join, to give pods their addresses and to pull images. Source: "Amazon EKS node
// IAM role".
var nodePolicies = []string{"AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryReadOnly"}

func (c *Cluster) createNodeRole(ctx *pulumi.Context, _ *Args) (err error) {
	if c.NodeRole, err = policy.Role(ctx, c, "node", "ec2.amazonaws.com", nil); err != nil {
		return err
	}
	for _, name := range nodePolicies {
		attached, err := component.Child(ctx, c, "node-"+name, iam.NewRolePolicyAttachment, &iam.RolePolicyAttachmentArgs{
			Role: c.NodeRole.Name, PolicyArn: pulumi.String("arn:aws:iam::aws:policy/" + name),
		})
		if err != nil {
			return err
		}
		c.rights = append(c.rights, attached)
	}
	return nil
}

// logTypes are all logs that the control plane has.
var logTypes = []string{"api", "audit", "authenticator", "controllerManager", "scheduler"}

func (c *Cluster) createCluster(ctx *pulumi.Context, args *Args) (err error) {
	mode, yes := eks.AuthenticationModeApi, true
	made := &eks.ClusterArgs{
		Name:                            c.physical,
		Version:                         pulumi.String(args.Settings.Version),
		AuthenticationMode:              &mode,
		SkipDefaultNodeGroup:            &yes,
		UseDefaultVpcCni:                &yes, // the add-on below; the component's own needs kubectl
		InstanceRole:                    c.NodeRole,
		VpcId:                           args.Network.VPC.ToStringOutput(),
		PublicSubnetIds:                 network.Subnets(args.Network.Public),
		PrivateSubnetIds:                network.Subnets(args.Network.Private),
		EndpointPrivateAccess:           pulumi.Bool(true),
		EndpointPublicAccess:            pulumi.Bool(len(args.Settings.PublicCIDRs) > 0),
		PublicAccessCidrs:               pulumi.ToStringArray(args.Settings.PublicCIDRs),
		EncryptionConfigKeyArn:          c.key.Arn,
		EnabledClusterLogTypes:          pulumi.ToStringArray(logTypes),
		KubernetesServiceIpAddressRange: pulumi.String(ServiceCIDR),
	}
	if args.OwnServiceRole {
		role, err := c.createServiceRole(ctx, args.Account)
		if err != nil {
			return err
		}
		made.ServiceRole = role
	}
	c.cluster, err = component.Child(ctx, c, "", eks.NewCluster, made, pulumi.Protect(args.Settings.Protect),
		component.After(slices.Concat(c.rights, args.Network.Ready, []pulumi.Resource{c.logs})...))
	if err != nil {
		return err
	}
	c.Kubeconfig = c.cluster.KubeconfigJson
	// Once there is a kubeconfig, there is a cluster to ask.
	c.Name = pulumi.All(c.Kubeconfig, c.physical).ApplyT(func(v []any) string {
		return v[1].(string)
	}).(pulumi.StringOutput)
	described := awseks.LookupClusterOutput(ctx, awseks.LookupClusterOutputArgs{Name: c.Name}, pulumi.Parent(c))
	c.Endpoint = described.Endpoint()
	c.CertificateAuthority = described.CertificateAuthorities().Index(pulumi.Int(0)).Data()
	c.SecurityGroup = described.VpcConfig().ClusterSecurityGroupId()
	return nil
}

// createServiceRole makes the control plane's role. Sources: "Amazon EKS cluster IAM role" and "Cross-service confused
// deputy prevention in Amazon EKS", Amazon EKS User Guide.
func (c *Cluster) createServiceRole(ctx *pulumi.Context, account string) (*iam.Role, error) {
	role, err := policy.Role(ctx, c, "control-plane", "eks.amazonaws.com", policy.ForAccount(account))
	if err != nil {
		return nil, err
	}
	attached, err := component.Child(ctx, c, "control-plane", iam.NewRolePolicyAttachment, &iam.RolePolicyAttachmentArgs{
		Role: role.Name, PolicyArn: pulumi.String("arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"),
	})
	c.rights = append(c.rights, attached)
	return role, err
}

func (c *Cluster) createAccess(ctx *pulumi.Context, args *Args) error {
	for _, name := range slices.Sorted(maps.Keys(args.Settings.Access)) {
		access := args.Settings.Access[name]
		entry, err := component.Child(ctx, c, "access-"+name, awseks.NewAccessEntry, &awseks.AccessEntryArgs{
			ClusterName: c.Name, PrincipalArn: pulumi.String(access.Principal),
		})
		if err != nil {
			return err
		}
		scope := awseks.AccessPolicyAssociationAccessScopeArgs{Type: pulumi.String("cluster")}
		if len(access.Namespaces) > 0 {
			scope = awseks.AccessPolicyAssociationAccessScopeArgs{
				Type: pulumi.String("namespace"), Namespaces: pulumi.ToStringArray(access.Namespaces),
			}
		}
		associated := &awseks.AccessPolicyAssociationArgs{
			ClusterName: c.Name, PrincipalArn: entry.PrincipalArn, AccessScope: scope,
			PolicyArn: pulumi.String("arn:aws:eks::aws:cluster-access-policy/" + config.AccessPolicies[access.Policy]),
		}
		if _, err = component.Child(ctx, c, "access-"+name, awseks.NewAccessPolicyAssociation, associated); err != nil {
			return err
		}
	}
	return nil
}

// needNodes are add-ons that run as pods of a Deployment: they get ready only when there are nodes, so that node groups
// cannot wait for them.
var needNodes = []string{"coredns", "metrics-server"}

func (c *Cluster) createAddOns(ctx *pulumi.Context, args *Args) error {
	for _, name := range slices.Sorted(maps.Keys(args.Settings.AddOns)) {
		if slices.Contains(needNodes, name) {
			continue
		}
		addOn, err := c.addOn(ctx, name, args.Settings.AddOns[name], nil)
		if err != nil {
			return err
		}
		c.Ready = append(c.Ready, addOn)
	}
	return nil
}

// CompleteAddOns declares those of the add-ons, versions by name, that need nodes, once there are some.
func (c *Cluster) CompleteAddOns(ctx *pulumi.Context, versions map[string]string, nodes []pulumi.Resource) error {
	for _, name := range needNodes {
		if versions[name] == "" {
			continue
		}
		if _, err := c.addOn(ctx, name, versions[name], nodes); err != nil {
			return component.In(c, err)
		}
	}
	return nil
}

// addOnSettings are the configuration values of add-ons; those that are not named have their defaults.
//
// The VPC CNI ignores network policies unless it is told to enforce them. Source: "Restrict Pod network traffic with
// Kubernetes network policies". CoreDNS's two pods spread over kinds of capacity, as our own controllers do.
var addOnSettings = map[string]map[string]any{
	"vpc-cni": {"enableNetworkPolicy": "true"},
	"coredns": {"topologySpreadConstraints": []map[string]any{
		spread(config.CapacityLabel), spread("topology.kubernetes.io/zone"), spread("kubernetes.io/hostname"),
	}},
}

func spread(topology string) map[string]any {
	return map[string]any{
		"maxSkew": 1, "topologyKey": topology, "whenUnsatisfiable": "ScheduleAnyway",
		"labelSelector": map[string]any{"matchLabels": map[string]string{"k8s-app": "kube-dns"}},
	}
}

func (c *Cluster) addOn(ctx *pulumi.Context, name, version string, after []pulumi.Resource) (*awseks.Addon, error) {
	args := &awseks.AddonArgs{
		ClusterName: c.Name, AddonName: pulumi.String(name), AddonVersion: pulumi.String(version),
		ResolveConflictsOnCreate: pulumi.String("OVERWRITE"), ResolveConflictsOnUpdate: pulumi.String("OVERWRITE"),
	}
	if settings, ok := addOnSettings[name]; ok {
		text, err := json.Marshal(settings)
		if err != nil {
			return nil, err
		}
		args.ConfigurationValues = pulumi.String(text)
	}
	return component.Child(ctx, c, name, awseks.NewAddon, args, component.After(after...))
}

// volumeOperations are what Auto Scaling does with a key of volumes. Source: "Required AWS KMS key policy for use with
// encrypted volumes".
var volumeOperations = []string{
	"Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext",
	"DescribeKey", "CreateGrant",
}

// grantVolumeKey lets Auto Scaling's service-linked role, which starts the nodes of all groups, use the key of their
// volumes.
func (c *Cluster) grantVolumeKey(ctx *pulumi.Context, args *Args) error {
	if args.Settings.VolumeKey == "" {
		return nil
	}
	granted, err := component.Child(ctx, c, "volumes", kms.NewGrant, &kms.GrantArgs{
		KeyId: pulumi.String(args.Settings.VolumeKey), Operations: pulumi.ToStringArray(volumeOperations),
		GranteePrincipal: pulumi.String("arn:aws:iam::" + args.Account + ":role/aws-service-role/autoscaling.amazonaws.com/" +
			"AWSServiceRoleForAutoScaling"),
	})
	c.Ready = append(c.Ready, granted)
	return err
}

func (c *Cluster) createProvider(ctx *pulumi.Context, _ *Args) (err error) {
	c.Provider, err = component.Child(ctx, c, "kubernetes", kubernetes.NewProvider, &kubernetes.ProviderArgs{
		Kubeconfig: c.Kubeconfig, EnableServerSideApply: pulumi.Bool(true),
	})
	return err
}
