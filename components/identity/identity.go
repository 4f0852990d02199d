// Package identity lets the pods of one service account use AWS, by EKS Pod Identity: no keys, no OIDC provider.
package identity

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/eks"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/policy"
)

// TypeToken is the component's type.
const TypeToken = "dip:identity:Identity"

// Args configure an identity.
type Args struct {
	// Cluster is the cluster's name. The zero value is invalid.
	Cluster pulumi.StringInput
	// Namespace and ServiceAccount are whose pods. The zero values are invalid.
	Namespace, ServiceAccount string
	// Allow is what they may do. The zero value is invalid: pods that need nothing need no identity.
	Allow []policy.Statement
	// LogRetentionDays is how long a log group of their own keeps what they write to it, days. Zero: they have none.
	LogRetentionDays int
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.If(a.Cluster == nil, "Cluster", "missing")
	found.If(a.Namespace == "", "Namespace", "missing")
	found.If(a.ServiceAccount == "", "ServiceAccount", "missing")
	found.If(len(a.Allow) == 0, "Allow", "missing")
	return found.Err()
}

// Identity is a role that the pods of a service account have.
type Identity struct {
	pulumi.ResourceState
	component.NoOutputs

	// Ready are the resources after which a new pod gets its credentials. Pods that start before them never do.
	Ready []pulumi.Resource
	// LogGroup is the name of the pods' log group. The zero value: they have none.
	LogGroup pulumi.StringOutput

	writeLogs []policy.Statement
}

// New declares an identity.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Identity, error) {
	i := &Identity{}
	return component.Declare(ctx, TypeToken, name, i, args, opts, i.createLogs, i.associate)
}

// createLogs makes the log group. Pods make its streams, and no groups: those would keep everything for ever.
func (i *Identity) createLogs(ctx *pulumi.Context, args *Args) error {
	if args.LogRetentionDays == 0 {
		return nil
	}
	logs, err := component.Child(ctx, i, "logs", cloudwatch.NewLogGroup, &cloudwatch.LogGroupArgs{
		RetentionInDays: pulumi.Int(args.LogRetentionDays),
	})
	if err != nil {
		return err
	}
	i.LogGroup = logs.Name
	i.writeLogs = []policy.Statement{{
		Actions:   []string{"logs:CreateLogStream", "logs:PutLogEvents"},
		Resources: []pulumi.StringInput{pulumi.Sprintf("%s:*", logs.Arn)},
	}}
	return nil
}

func (i *Identity) associate(ctx *pulumi.Context, args *Args) error {
	// Pod Identity tags the session with cluster, namespace, service account and pod: only these pods take the role
	// ("Create IAM role with trust policy required by EKS Pod Identity").
	pods := map[policy.Test]pulumi.Input{
		{Operator: "StringEquals", Key: "aws:RequestTag/eks-cluster-name"}:           args.Cluster,
		{Operator: "StringEquals", Key: "aws:RequestTag/kubernetes-namespace"}:       pulumi.String(args.Namespace),
		{Operator: "StringEquals", Key: "aws:RequestTag/kubernetes-service-account"}: pulumi.String(args.ServiceAccount),
	}
	role, err := policy.Role(ctx, i, "role", "pods.eks.amazonaws.com", pods, "sts:AssumeRole", "sts:TagSession")
	if err != nil {
		return err
	}
	allowed, err := policy.Attach(ctx, i, "policy", role.Name, policy.All(i.writeLogs, args.Allow)...)
	if err != nil {
		return err
	}
	associated, err := component.Child(ctx, i, "association", eks.NewPodIdentityAssociation,
		&eks.PodIdentityAssociationArgs{
			ClusterName: args.Cluster, Namespace: pulumi.String(args.Namespace),
			ServiceAccount: pulumi.String(args.ServiceAccount), RoleArn: role.Arn,
		})
	i.Ready = []pulumi.Resource{allowed, associated}
	return err
}
