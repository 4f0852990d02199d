package k8s

import (
	"maps"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/config"
)

// Workload is a pod that processes data: one of the image's programs, with scratch space and without any right in the
// cluster.
type Workload struct {
	App       string // name of its objects, and of its service account
	Image     pulumi.StringInput
	Program   string // below /app
	Env       map[string]pulumi.StringInput
	Region    string
	MilliCPU  int             // request
	MemoryMB  int             // request and limit, MiB
	ScratchMB int             // size of /tmp, MiB
	Grace     config.Duration // from SIGTERM to SIGKILL
	Priority  string          // priority class
	Place     Place
}

// PodSpec is the pod's specification. The pod security standard "restricted" admits it.
func (w Workload) PodSpec() corev1.PodSpecArgs {
	variables := maps.Clone(w.Env)
	variables[RegionVariable] = pulumi.String(w.Region)
	variables[config.GoMemoryVariable] = pulumi.String(config.GoMemory(w.MemoryMB))
	return corev1.PodSpecArgs{
		ServiceAccountName: pulumi.String(w.App), AutomountServiceAccountToken: pulumi.Bool(false),
		EnableServiceLinks: pulumi.Bool(false),
		PriorityClassName:  pulumi.String(w.Priority), SecurityContext: PodSecurity(),
		TerminationGracePeriodSeconds: pulumi.Int(w.Grace.Seconds()),
		NodeSelector:                  w.Place.NodeSelector(), Tolerations: w.Place.Tolerations(),
		Volumes: corev1.VolumeArray{corev1.VolumeArgs{
			Name:     pulumi.String("scratch"),
			EmptyDir: corev1.EmptyDirVolumeSourceArgs{SizeLimit: pulumi.String(Memory(w.ScratchMB))},
		}},
		Containers: corev1.ContainerArray{corev1.ContainerArgs{
			Name: pulumi.String(w.Program), Image: w.Image.ToStringOutput().ToStringPtrOutput(),
			Command: pulumi.ToStringArray([]string{"/app/" + w.Program}),
			Env:     Env(variables), Resources: Resources(w.MilliCPU, w.MemoryMB), SecurityContext: ContainerSecurity(),
			VolumeMounts: corev1.VolumeMountArray{corev1.VolumeMountArgs{
				Name: pulumi.String("scratch"), MountPath: pulumi.String("/tmp"),
			}},
		}},
	}
}
