// Package tenancy divides the cluster: namespaces that admit no privileged pod, priorities, quotas, and network
// policies that deny all ingress.
package tenancy

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	schedulingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/scheduling/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/k8s"
)

// TypeToken is the component's type.
const TypeToken = "dip:k8s:Tenancy"

// app is the name that its objects are labelled with.
const app = "dip-tenancy"

// Args configure the tenancy.
type Args struct {
	// Quota is what the workloads may use in all. The zero value is invalid.
	Quota Quota
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.If(a.Quota.Pods < 1, "Quota.Pods", "missing")
	found.If(a.Quota.MilliCPU < 1, "Quota.MilliCPU", "missing")
	found.If(a.Quota.MemoryMB < 1, "Quota.MemoryMB", "missing")
	return found.Err()
}

// Tenancy is the division of a cluster.
type Tenancy struct {
	pulumi.ResourceState
	component.NoOutputs

	// Ready are the resources after which objects can be put into the namespaces.
	Ready []pulumi.Resource
}

// New declares the tenancy. The provider among opts is the cluster's.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Tenancy, error) {
	t := &Tenancy{}
	return component.Declare(ctx, TypeToken, name, t, args, opts,
		t.createNamespaces, t.createPriorities, t.limit, t.isolate)
}

// namespaces are those that the stack makes.
var namespaces = []string{k8s.System, k8s.Keda, k8s.Workloads}

// createNamespaces makes namespaces whose pods keep the pod security standard "restricted". What needs more than that
// goes to kube-system.
func (t *Tenancy) createNamespaces(ctx *pulumi.Context, _ *Args) error {
	for _, name := range namespaces {
		meta := k8s.Meta(app, "", name)
		labels := meta.Labels.(pulumi.StringMap)
		for _, mode := range []string{"enforce", "audit", "warn"} {
			labels["pod-security.kubernetes.io/"+mode] = pulumi.String("restricted")
		}
		made, err := component.Child(ctx, t, name, corev1.NewNamespace, &corev1.NamespaceArgs{Metadata: meta})
		if err != nil {
			return err
		}
		t.Ready = append(t.Ready, made)
	}
	return nil
}

// priorities are the priority classes. The kubelet evicts the lowest first when a node runs out of memory. Only scalers
// preempt: without them there would never be room. Workers and jobs wait for nodes: no job is killed for a worker.
var priorities = map[string]struct {
	value      int
	preemption string
	use        string
}{
	k8s.PlatformPriority: {1_000_000, "PreemptLowerPriority", "Scalers: without them nothing else gets nodes or pods."},
	k8s.JobPriority:      {2_000, "Never", "Restage jobs: a piece that was not recorded starts over."},
	k8s.WorkerPriority:   {1_000, "Never", "Workers: another one takes the chunk over at once."},
}

func (t *Tenancy) createPriorities(ctx *pulumi.Context, _ *Args) error {
	for _, name := range []string{k8s.PlatformPriority, k8s.JobPriority, k8s.WorkerPriority} {
		p := priorities[name]
		made, err := component.Child(ctx, t, name, schedulingv1.NewPriorityClass, &schedulingv1.PriorityClassArgs{
			Metadata: k8s.Meta(app, "", name), Value: pulumi.Int(p.value), Description: pulumi.String(p.use),
			PreemptionPolicy: pulumi.String(p.preemption),
		})
		if err != nil {
			return err
		}
		t.Ready = append(t.Ready, made)
	}
	return nil
}
