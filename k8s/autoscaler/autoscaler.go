// Package autoscaler is the Cluster Autoscaler: it adds nodes for pods that fit nowhere, and drains and removes nodes
// that are hardly used, within the pods' disruption budgets. It is for groups whose pods may be moved; see package
// escalator for the others.
package autoscaler

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/config"
	"dip/k8s"
)

// TypeToken is the component's type.
const TypeToken = "dip:k8s:Autoscaler"

// Account is its service account, which needs AWS: see Allow.
const Account = app

// app is the name of its objects.
const app = "cluster-autoscaler"

// Args configure the Cluster Autoscaler.
type Args struct {
	// Image is what runs; its minor is the cluster's. The zero value is invalid.
	Image config.Image
	// Cluster is the cluster's name: groups are found by the tag with it. The zero value is invalid.
	Cluster pulumi.StringInput
	// Region is the cluster's. The zero value is invalid.
	Region string
	// Groups are the groups that it scales. The zero value is invalid.
	Groups map[string]Group
	// Place is where it runs itself. The zero value is any node that is not dedicated.
	Place k8s.Place
	// After are the resources that it needs: the namespaces and its AWS identity.
	After []pulumi.Resource
}

// Group is a node group.
type Group struct {
	AutoScalingGroup pulumi.StringInput // name
	Spot             bool
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.If(!a.Image.Pinned(), "Image", "%q, want an exact tag or a digest", a.Image.Reference())
	found.If(a.Cluster == nil, "Cluster", "missing")
	found.If(a.Region == "", "Region", "missing")
	found.If(len(a.Groups) == 0, "Groups", "missing")
	return found.Err()
}

// Autoscaler is the Cluster Autoscaler.
type Autoscaler struct {
	pulumi.ResourceState
	component.NoOutputs

	ready []pulumi.Resource
}

// New declares the Cluster Autoscaler. The provider among opts is the cluster's.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Autoscaler, error) {
	a := &Autoscaler{}
	return component.Declare(ctx, TypeToken, name, a, args, opts,
		a.createAccount, a.createPriorities, a.createController)
}

func (a *Autoscaler) createAccount(ctx *pulumi.Context, args *Args) (err error) {
	a.ready, err = k8s.Account{
		App: app, Namespace: k8s.System, Name: Account, Cluster: clusterRules, Local: localRules(), Token: true,
	}.Declare(ctx, a, component.After(args.After...))
	return err
}

// createPriorities makes the ConfigMap of the expander "priority", whose name is fixed. It is read again when it
// changes.
func (a *Autoscaler) createPriorities(ctx *pulumi.Context, args *Args) error {
	made, err := component.Child(ctx, a, "priorities", corev1.NewConfigMap, &corev1.ConfigMapArgs{
		Metadata: k8s.Meta(app, k8s.System, priorityConfig),
		Data:     pulumi.StringMap{"priorities": priorities(args.Groups)},
	}, component.After(args.After...))
	a.ready = append(a.ready, made)
	return err
}

func (a *Autoscaler) createController(ctx *pulumi.Context, args *Args) error {
	return k8s.Controller{
		App: app, Namespace: k8s.System, Image: args.Image.Reference(),
		Command: []string{"./cluster-autoscaler"}, Args: Flags(args.Cluster),
		Env:  k8s.Env(map[string]pulumi.StringInput{k8s.RegionVariable: pulumi.String(args.Region)}),
		Port: 8085, Path: "/health-check", MilliCPU: 100, MemoryMB: 600, Place: args.Place,
	}.Declare(ctx, a, append(a.ready, args.After...))
}
