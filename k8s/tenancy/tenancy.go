// Package tenancy divides the cluster: namespaces that admit no privileged pod, priorities, quotas, and network policies
// that let in nobody.
package tenancy

import (
	"errors"
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	schedulingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/scheduling/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

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
	if q := a.Quota; q.Pods < 1 || q.MilliCPU < 1 || q.MemoryMB < 1 {
		return errors.New("tenancy: Quota: want Pods, MilliCPU and MemoryMB above zero")
	}
	return nil
}

// Tenancy is the division of a cluster.
type Tenancy struct {
	pulumi.ResourceState

	// Ready are the resources after which objects can be put into the namespaces.
	Ready []pulumi.Resource

	name string
}

// New declares the tenancy. The provider among opts is the cluster's.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Tenancy, error) {
	if err := args.Validate(); err != nil {
		return nil, err
	}
	t := &Tenancy{name: name}
	if err := ctx.RegisterComponentResource(TypeToken, name, t, opts...); err != nil {
		return nil, fmt.Errorf("tenancy %s: %w", name, err)
	}
	for _, step := range []func(*pulumi.Context, *Args) error{t.createNamespaces, t.createPriorities, t.limit, t.isolate} {
		if err := step(ctx, args); err != nil {
			return nil, fmt.Errorf("tenancy %s: %w", name, err)
		}
	}
	return t, ctx.RegisterResourceOutputs(t, pulumi.Map{})
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
		made, err := corev1.NewNamespace(ctx, t.name+"-"+name, &corev1.NamespaceArgs{Metadata: meta}, pulumi.Parent(t))
		if err != nil {
			return fmt.Errorf("namespace %s: %w", name, err)
		}
		t.Ready = append(t.Ready, made)
	}
	return nil
}

// priorities are the priority classes. The kubelet evicts the lowest first when a node runs out of memory. Only scalers
// preempt: without them there would never be room. Workers and jobs wait for nodes: nothing kills a job for a worker.
var priorities = map[string]struct {
	value      int
	preemption string
	use        string
}{
	k8s.PlatformPriority: {1_000_000, "PreemptLowerPriority", "Scalers: without them nothing else gets nodes or pods."},
	k8s.JobPriority:      {2_000, "Never", "Restage jobs: a piece that was not written down starts over."},
	k8s.WorkerPriority:   {1_000, "Never", "Workers: another one takes the chunk over at once."},
}

func (t *Tenancy) createPriorities(ctx *pulumi.Context, _ *Args) error {
	for _, name := range []string{k8s.PlatformPriority, k8s.JobPriority, k8s.WorkerPriority} {
		made, err := schedulingv1.NewPriorityClass(ctx, t.name+"-"+name, &schedulingv1.PriorityClassArgs{
			Metadata: k8s.Meta(app, "", name), Value: pulumi.Int(priorities[name].value), Description: pulumi.String(priorities[name].use),
			PreemptionPolicy: pulumi.String(priorities[name].preemption),
		}, pulumi.Parent(t))
		if err != nil {
			return fmt.Errorf("priority class %s: %w", name, err)
		}
		t.Ready = append(t.Ready, made)
	}
	return nil
}
