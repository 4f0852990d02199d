package tenancy

import (
	"strconv"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/config"
	"dip/k8s"
)

// Quota is what pods may use together.
type Quota struct {
	Pods     int
	MilliCPU int // requests
	MemoryMB int // requests and limits, MiB
}

// QuotaOf leaves room for all workers of the segments and all restage jobs that the settings allow, plus half as many
// workers: during an update new pods run alongside the old ones, and a terminating worker counts until it has exited.
func QuotaOf(segments int, w config.Workers, r config.Restage) Quota {
	workers := segments * (w.Max + (w.Max+1)/2)
	jobs := 2 * r.Max // a job that is replaced counts until it is gone
	return Quota{
		Pods:     workers + jobs,
		MilliCPU: workers*w.MilliCPU + jobs*r.MilliCPU,
		MemoryMB: workers*w.MemoryMB + jobs*r.MemoryMB,
	}
}

// WithGateway leaves room for the gateway's pods too: half of them more during an update, and as many that drain.
func (q Quota) WithGateway(g config.Gateway) Quota {
	pods := 2*g.Max + (g.Max+1)/2
	return Quota{Pods: q.Pods + pods, MilliCPU: q.MilliCPU + pods*g.MilliCPU, MemoryMB: q.MemoryMB + pods*g.MemoryMB}
}

// limit keeps a mistake in the workloads' namespace from buying nodes without limit, and gives containers default
// requests: Escalator does not see a container without any.
func (t *Tenancy) limit(ctx *pulumi.Context, args *Args) error {
	memory := pulumi.String(k8s.Memory(args.Quota.MemoryMB))
	_, err := component.Child(ctx, t, "quota", corev1.NewResourceQuota, &corev1.ResourceQuotaArgs{
		Metadata: k8s.Meta(app, k8s.Workloads, "workloads"),
		Spec: corev1.ResourceQuotaSpecArgs{Hard: pulumi.StringMap{
			"pods":            pulumi.String(strconv.Itoa(args.Quota.Pods)),
			"requests.cpu":    pulumi.String(k8s.Processors(args.Quota.MilliCPU)),
			"requests.memory": memory, "limits.memory": memory,
		}},
	}, component.After(t.Ready...))
	if err != nil {
		return err
	}
	_, err = component.Child(ctx, t, "limits", corev1.NewLimitRange, &corev1.LimitRangeArgs{
		Metadata: k8s.Meta(app, k8s.Workloads, "workloads"),
		Spec: corev1.LimitRangeSpecArgs{Limits: corev1.LimitRangeItemArray{corev1.LimitRangeItemArgs{
			Type:           pulumi.String("Container"),
			DefaultRequest: pulumi.ToStringMap(map[string]string{"cpu": "100m", "memory": "256Mi"}),
			Default:        pulumi.ToStringMap(map[string]string{"memory": "256Mi"}),
		}}},
	}, component.After(t.Ready...))
	return err
}
