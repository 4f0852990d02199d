// Package identity lets the pods of one service account use AWS, by EKS Pod Identity: no keys, no OIDC provider.
package identity

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/eks"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

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
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var errs []error
	if a.Cluster == nil {
		errs = append(errs, errors.New("identity: Cluster: missing"))
	}
	if a.Namespace == "" || a.ServiceAccount == "" {
		errs = append(errs, errors.New("identity: Namespace, ServiceAccount: missing"))
	}
	if len(a.Allow) == 0 {
		errs = append(errs, errors.New("identity: Allow: missing"))
	}
	return errors.Join(errs...)
}

// Identity is a role that the pods of a service account have.
type Identity struct {
	pulumi.ResourceState

	// Ready are the resources after which a new pod gets its credentials. Pods that start before them never do.
	Ready []pulumi.Resource
}

// New declares an identity.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Identity, error) {
	if err := args.Validate(); err != nil {
		return nil, err
	}
	i := &Identity{}
	if err := ctx.RegisterComponentResource(TypeToken, name, i, opts...); err != nil {
		return nil, fmt.Errorf("identity %s: %w", name, err)
	}
	if err := i.create(ctx, name, args); err != nil {
		return nil, fmt.Errorf("identity %s: %w", name, err)
	}
	return i, ctx.RegisterResourceOutputs(i, pulumi.Map{})
}

func (i *Identity) create(ctx *pulumi.Context, name string, args *Args) error {
	// Pod Identity tags the session with cluster, namespace and pod.
	trust, err := policy.Trust("pods.eks.amazonaws.com", "sts:AssumeRole", "sts:TagSession")
	if err != nil {
		return err
	}
	role, err := iam.NewRole(ctx, name+"-role", &iam.RoleArgs{AssumeRolePolicy: pulumi.String(trust)}, pulumi.Parent(i))
	if err != nil {
		return err
	}
	document, err := policy.Document(args.Allow...)
	if err != nil {
		return err
	}
	allowed, err := iam.NewRolePolicy(ctx, name+"-policy", &iam.RolePolicyArgs{Role: role.Name, Policy: document}, pulumi.Parent(i))
	if err != nil {
		return err
	}
	associated, err := eks.NewPodIdentityAssociation(ctx, name+"-association", &eks.PodIdentityAssociationArgs{
		ClusterName: args.Cluster, Namespace: pulumi.String(args.Namespace), ServiceAccount: pulumi.String(args.ServiceAccount), RoleArn: role.Arn,
	}, pulumi.Parent(i))
	i.Ready = []pulumi.Resource{allowed, associated}
	return err
}
