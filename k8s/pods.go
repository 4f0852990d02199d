package k8s

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/config"
)

// User is whom our pods run as: the user "nonroot" of distroless images.
const User = 65532

// Place is the node group that pods run on.
type Place struct {
	Group     string // node group; "" is any that is not dedicated
	Dedicated bool   // the group is tainted
}

// NodeSelector selects the group's nodes.
func (p Place) NodeSelector() pulumi.StringMap {
	if p.Group == "" {
		return nil
	}
	return pulumi.StringMap{config.GroupLabel: pulumi.String(p.Group)}
}

// Tolerations tolerate the group's taint.
func (p Place) Tolerations() corev1.TolerationArray {
	if !p.Dedicated {
		return nil
	}
	return corev1.TolerationArray{corev1.TolerationArgs{
		Key: pulumi.String(config.GroupLabel), Operator: pulumi.String("Equal"), Value: pulumi.String(p.Group),
		Effect: pulumi.String(config.NoSchedule),
	}}
}

// PodSecurity is the security context of every pod of ours: what the pod security standard "restricted" asks for.
func PodSecurity() corev1.PodSecurityContextArgs {
	return corev1.PodSecurityContextArgs{
		RunAsNonRoot: pulumi.Bool(true), RunAsUser: pulumi.Int(User), RunAsGroup: pulumi.Int(User),
		FsGroup:        pulumi.Int(User),
		SeccompProfile: corev1.SeccompProfileArgs{Type: pulumi.String("RuntimeDefault")},
	}
}

// ContainerSecurity is the security context of every container.
func ContainerSecurity() corev1.SecurityContextArgs {
	return corev1.SecurityContextArgs{
		AllowPrivilegeEscalation: pulumi.Bool(false), ReadOnlyRootFilesystem: pulumi.Bool(true),
		Capabilities: corev1.CapabilitiesArgs{Drop: pulumi.ToStringArray([]string{"ALL"})},
	}
}

// Resources are a container's. Its memory is limited to what it requests; its CPU is not limited: idle CPU would
// only be wasted. Escalator counts requests, so every container has them.
func Resources(milliCPU, memoryMB int) corev1.ResourceRequirementsArgs {
	memory := pulumi.String(Memory(memoryMB))
	return corev1.ResourceRequirementsArgs{
		Requests: pulumi.StringMap{"cpu": pulumi.String(Processors(milliCPU)), "memory": memory},
		Limits:   pulumi.StringMap{"memory": memory},
	}
}

// Memory is a quantity of MiB, and Processors one of thousandths, in the form that Kubernetes itself writes: a
// client that reads an object and writes it back, as KEDA does, must not create a diff that the next `up` would revert.
func Memory(mb int) string {
	if mb%1024 == 0 {
		return fmt.Sprintf("%dGi", mb/1024)
	}
	return fmt.Sprintf("%dMi", mb)
}

// Processors is described at Memory.
func Processors(milli int) string {
	if milli%1000 == 0 {
		return strconv.Itoa(milli / 1000)
	}
	return fmt.Sprintf("%dm", milli)
}

// Env lists variables in order of their names.
func Env(variables map[string]pulumi.StringInput) corev1.EnvVarArray {
	list := corev1.EnvVarArray{}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		list = append(list, corev1.EnvVarArgs{
			Name: pulumi.String(name), Value: variables[name].ToStringOutput().ToStringPtrOutput(),
		})
	}
	return list
}

// FieldEnv is a variable with a field of the pod, such as "status.podIP".
func FieldEnv(name, path string) corev1.EnvVarArgs {
	return corev1.EnvVarArgs{Name: pulumi.String(name), ValueFrom: corev1.EnvVarSourceArgs{
		FieldRef: corev1.ObjectFieldSelectorArgs{FieldPath: pulumi.String(path)},
	}}
}

// Spread spreads the pods of an application over zones and nodes, where there is room: a zone that has no spot capacity
// left must not hold up the others.
func Spread(app string) corev1.TopologySpreadConstraintArray {
	return corev1.TopologySpreadConstraintArray{
		spread(app, "topology.kubernetes.io/zone"), spread(app, "kubernetes.io/hostname"),
	}
}

// spreadCapacity spreads the pods over on-demand and spot nodes. Only managed groups have the label: among nodes that
// lack it, the scheduler would not rank at all.
func spreadCapacity(app string) corev1.TopologySpreadConstraintInput {
	return spread(app, config.CapacityLabel)
}

func spread(app, topology string) corev1.TopologySpreadConstraintArgs {
	return corev1.TopologySpreadConstraintArgs{
		MaxSkew: pulumi.Int(1), TopologyKey: pulumi.String(topology), WhenUnsatisfiable: pulumi.String("ScheduleAnyway"),
		LabelSelector:  metav1.LabelSelectorArgs{MatchLabels: Selector(app)},
		MatchLabelKeys: pulumi.ToStringArray([]string{"pod-template-hash"}), // an old version's pods do not count
	}
}

// Number is a whole number as an environment variable's value.
func Number(n int) pulumi.StringInput { return pulumi.String(strconv.Itoa(n)) }
