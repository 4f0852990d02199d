// Package interruption is the AWS Node Termination Handler: it drains nodes that are about to be taken away, for groups
// that EKS does not manage. It learns of it in one of two ways, never in both: from the metadata of each node, or from a
// queue.
package interruption

import (
	"errors"
	"fmt"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/config"
	"dip/k8s"
)

// TypeToken is the component's type.
const TypeToken = "dip:k8s:Interruption"

// formerType is what it was called before: stacks of then keep their objects.
const formerType = "dip:k8s:Termination"

// Account is its service account, which needs AWS when it reads a queue: see Allow.
const Account = app

// app is the name of its objects.
const app = "node-termination-handler"

// Args configure the handler.
type Args struct {
	// Mode is how it learns of interruptions: config.ByIMDS or config.ByQueue. The zero value is invalid.
	Mode config.Interruptions
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
	var errs []error
	if a.Mode != config.ByIMDS && a.Mode != config.ByQueue {
		errs = append(errs, fmt.Errorf("interruption: Mode: %q, want %s or %s", a.Mode, config.ByIMDS, config.ByQueue))
	}
	if (a.Queue != nil) != (a.Mode == config.ByQueue) {
		errs = append(errs, fmt.Errorf("interruption: Queue: mode %s has one, and no other mode", config.ByQueue))
	}
	if a.Region == "" {
		errs = append(errs, errors.New("interruption: Region: missing"))
	}
	return errors.Join(errs...)
}

// Interruption is the handler.
type Interruption struct {
	pulumi.ResourceState
}

// New declares the handler. The provider among opts is the cluster's.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Interruption, error) {
	if err := args.Validate(); err != nil {
		return nil, err
	}
	t := &Interruption{}
	if err := ctx.RegisterComponentResource(TypeToken, name, t,
		append(opts, pulumi.Aliases([]pulumi.Alias{{Type: pulumi.String(formerType)}}))...); err != nil {
		return nil, fmt.Errorf("interruption %s: %w", name, err)
	}
	create := t.onEachNode
	if args.Mode == config.ByQueue {
		create = t.onQueue
	}
	if err := create(ctx, name, args); err != nil {
		return nil, fmt.Errorf("interruption %s: %w", name, err)
	}
	return t, ctx.RegisterResourceOutputs(t, pulumi.Map{})
}

func (t *Interruption) account(ctx *pulumi.Context, name, namespace string, args *Args) ([]pulumi.Resource, error) {
	ready, err := k8s.Account{App: app, Namespace: namespace, Name: Account, Cluster: rules, Token: true}.Declare(ctx, name, t, pulumi.DependsOn(args.After))
	return append(ready, args.After...), err
}

// onEachNode runs a handler on each node of the groups that are drained so. It uses the node's network: the metadata of an
// instance is meant for the instance.
func (t *Interruption) onEachNode(ctx *pulumi.Context, name string, args *Args) error {
	ready, err := t.account(ctx, name, k8s.NodeAgents, args)
	if err != nil {
		return err
	}
	_, err = appsv1.NewDaemonSet(ctx, name+"-daemonset", &appsv1.DaemonSetArgs{
		Metadata: k8s.Meta(app, k8s.NodeAgents, app),
		Spec: appsv1.DaemonSetSpecArgs{
			Selector: metav1.LabelSelectorArgs{MatchLabels: k8s.Selector(app)},
			UpdateStrategy: appsv1.DaemonSetUpdateStrategyArgs{
				Type: pulumi.String("RollingUpdate"), RollingUpdate: appsv1.RollingUpdateDaemonSetArgs{MaxUnavailable: pulumi.Any("25%")},
			},
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: k8s.Labels(app)},
				Spec: corev1.PodSpecArgs{
					ServiceAccountName: pulumi.String(Account), PriorityClassName: pulumi.String("system-node-critical"),
					HostNetwork: pulumi.Bool(true), DnsPolicy: pulumi.String("ClusterFirstWithHostNet"), SecurityContext: k8s.PodSecurity(),
					NodeSelector: pulumi.StringMap{config.InterruptionsLabel: pulumi.String(config.ByIMDS)},
					Tolerations:  corev1.TolerationArray{corev1.TolerationArgs{Operator: pulumi.String("Exists")}}, // every taint, also those of a node that goes
					Containers: corev1.ContainerArray{corev1.ContainerArgs{
						Name: pulumi.String(app), Image: pulumi.String(k8s.TerminationImage), Env: environment(byIMDS, nil),
						Resources: k8s.Resources(50, 64), SecurityContext: k8s.ContainerSecurity(),
					}},
				},
			},
		},
	}, pulumi.Parent(t), pulumi.DependsOn(ready))
	return err
}

// onQueue runs handlers that share a queue.
func (t *Interruption) onQueue(ctx *pulumi.Context, name string, args *Args) error {
	ready, err := t.account(ctx, name, k8s.System, args)
	if err != nil {
		return err
	}
	return k8s.Controller{
		App: app, Namespace: k8s.System, Image: k8s.TerminationImage, MilliCPU: 50, MemoryMB: 128, Port: 8080, Path: "/healthz", Place: args.Place,
		Env: environment(byQueue, map[string]pulumi.StringInput{"QUEUE_URL": args.Queue, "AWS_REGION": pulumi.String(args.Region)}),
	}.Declare(ctx, name, t, ready)
}

// rules are what it does in the cluster. Source: its Helm chart 0.27.1.
var rules = []k8s.Rule{
	{Groups: []string{""}, Resources: []string{"nodes"}, Verbs: []string{"get", "list", "patch", "update"}},
	{Groups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list"}},
	{Groups: []string{""}, Resources: []string{"pods/eviction"}, Verbs: []string{"create"}},
	{Groups: []string{"apps"}, Resources: []string{"daemonsets"}, Verbs: []string{"get"}},
	{Groups: []string{""}, Resources: []string{"events"}, Verbs: []string{"create", "patch"}},
}
