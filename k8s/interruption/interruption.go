// Package interruption is the AWS Node Termination Handler: it drains nodes that are about to be removed, in groups
// that EKS does not manage. It is notified in one of two ways, never both: by the metadata of each node, or through a
// queue.
package interruption

import (
	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/config"
	"dip/k8s"
)

// TypeToken is the component's type.
const TypeToken = "dip:k8s:Interruption"

// formerType is its former name: existing stacks keep their objects.
const formerType = "dip:k8s:Termination"

// Account is its service account, which needs AWS when it reads a queue: see Allow.
const Account = app

// app is the name of its objects.
const app = "node-termination-handler"

// Args configure the handler.
type Args struct {
	// Mode is how it is notified of interruptions: config.ByIMDS or config.ByQueue. The zero value is invalid.
	Mode config.Interruptions
	// Image is what runs. The zero value is invalid.
	Image config.Image
	// Queue is the URL of the queue. Nil: there is none, as the mode by metadata needs.
	Queue pulumi.StringInput
	// Region is the queue's. The zero value is invalid.
	Region string
	// Place is where the reader of the queue runs. The zero value is any node that is not dedicated.
	Place k8s.Place
	// After are the resources that it needs: the namespaces and, for a queue, its AWS identity.
	After []pulumi.Resource
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.If(a.Mode != config.ByIMDS && a.Mode != config.ByQueue,
		"Mode", "%q, want %s or %s", a.Mode, config.ByIMDS, config.ByQueue)
	found.If(!a.Image.Pinned(), "Image", "%q, want an exact tag or a digest", a.Image.Reference())
	found.If((a.Queue != nil) != (a.Mode == config.ByQueue),
		"Queue", "mode %s has one, and no other mode", config.ByQueue)
	found.If(a.Region == "", "Region", "missing")
	return found.Err()
}

// Interruption is the handler.
type Interruption struct {
	pulumi.ResourceState
	component.NoOutputs

	ready []pulumi.Resource
}

// New declares the handler. The provider among opts is the cluster's.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Interruption, error) {
	t := &Interruption{}
	create := t.onEachNode
	if args.Mode == config.ByQueue {
		create = t.onQueue
	}
	opts = append(opts, pulumi.Aliases([]pulumi.Alias{{Type: pulumi.String(formerType)}}))
	return component.Declare(ctx, TypeToken, name, t, args, opts, t.createAccount, create)
}

// namespace is where the handler runs.
func (a *Args) namespace() string {
	if a.Mode == config.ByQueue {
		return k8s.System
	}
	return k8s.NodeAgents
}

func (t *Interruption) createAccount(ctx *pulumi.Context, args *Args) error {
	ready, err := k8s.Account{
		App: app, Namespace: args.namespace(), Name: Account, Cluster: rules, Token: true,
	}.Declare(ctx, t, component.After(args.After...))
	t.ready = append(ready, args.After...)
	return err
}

// onEachNode runs a handler on each node of the groups that are drained this way. It uses the node's network: the
// metadata of an instance is meant for the instance.
func (t *Interruption) onEachNode(ctx *pulumi.Context, args *Args) error {
	update := appsv1.RollingUpdateDaemonSetArgs{MaxUnavailable: pulumi.Any("25%")}
	everyTaint := corev1.TolerationArgs{Operator: pulumi.String("Exists")} // also those of a node that goes
	_, err := component.Child(ctx, t, "daemonset", appsv1.NewDaemonSet, &appsv1.DaemonSetArgs{
		Metadata: k8s.Meta(app, args.namespace(), app),
		Spec: appsv1.DaemonSetSpecArgs{
			Selector: metav1.LabelSelectorArgs{MatchLabels: k8s.Selector(app)},
			UpdateStrategy: appsv1.DaemonSetUpdateStrategyArgs{
				Type: pulumi.String("RollingUpdate"), RollingUpdate: update,
			},
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: k8s.Labels(app)},
				Spec: corev1.PodSpecArgs{
					ServiceAccountName: pulumi.String(Account), PriorityClassName: pulumi.String("system-node-critical"),
					HostNetwork: pulumi.Bool(true), DnsPolicy: pulumi.String("ClusterFirstWithHostNet"),
					SecurityContext: k8s.PodSecurity(),
					NodeSelector:    pulumi.StringMap{config.InterruptionsLabel: pulumi.String(config.ByIMDS)},
					Tolerations:     corev1.TolerationArray{everyTaint},
					Containers: corev1.ContainerArray{corev1.ContainerArgs{
						Name: pulumi.String(app), Image: pulumi.String(args.Image.Reference()), Env: environment(byIMDS, nil),
						Resources: k8s.Resources(50, 64), SecurityContext: k8s.ContainerSecurity(),
					}},
				},
			},
		},
	}, component.After(t.ready...))
	return err
}

// onQueue runs handlers that share a queue.
func (t *Interruption) onQueue(ctx *pulumi.Context, args *Args) error {
	return k8s.Controller{
		App: app, Namespace: args.namespace(), Image: args.Image.Reference(), MilliCPU: 50, MemoryMB: 128,
		Port: 8080, Path: "/healthz", Place: args.Place,
		Env: environment(byQueue, map[string]pulumi.StringInput{
			"QUEUE_URL": args.Queue, k8s.RegionVariable: pulumi.String(args.Region),
		}),
	}.Declare(ctx, t, t.ready)
}

// rules are what it does in the cluster. Source: its Helm chart 0.27.1.
var rules = []k8s.Rule{
	{Groups: []string{""}, Resources: []string{"nodes"}, Verbs: []string{"get", "list", "patch", "update"}},
	{Groups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list"}},
	{Groups: []string{""}, Resources: []string{"pods/eviction"}, Verbs: []string{"create"}},
	{Groups: []string{"apps"}, Resources: []string{"daemonsets"}, Verbs: []string{"get"}},
	{Groups: []string{""}, Resources: []string{"events"}, Verbs: []string{"create", "patch"}},
}
