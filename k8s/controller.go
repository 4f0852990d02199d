package k8s

import (
	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
)

// Controller is a program that watches the cluster. Two pods of it run, in two zones where there are two and on both
// kinds of capacity where there are both: one leads or they share the work, and the loss of a node, or of all spot
// nodes at once, costs nothing.
type Controller struct {
	App       string // name of all its objects, and of its service account
	Namespace string
	Image     string
	Command   []string // none: the image's
	Args      pulumi.StringArray
	Env       corev1.EnvVarArray
	Port      int    // of the probe
	Path      string // of the probe
	MilliCPU  int    // request
	MemoryMB  int    // request and limit, MiB
	Place     Place
	// Config is the data of a ConfigMap, by file name. It is mounted at ConfigPath. Nil: there is none.
	Config map[string]pulumi.StringInput
	// Fingerprint changes when Config does, so that new pods start. Nil: the program reads Config again by itself, or
	// there is none.
	Fingerprint pulumi.StringInput
}

// ConfigPath is where a controller finds its ConfigMap.
const ConfigPath = "/etc/dip"

// Declare declares the controller's Deployment, disruption budget and ConfigMap as children of a component.
func (c Controller) Declare(ctx *pulumi.Context, parent pulumi.ComponentResource, after []pulumi.Resource) error {
	opts := []pulumi.ResourceOption{component.After(after...)}
	pod := corev1.PodSpecArgs{
		ServiceAccountName: pulumi.String(c.App), PriorityClassName: pulumi.String(PlatformPriority),
		SecurityContext: PodSecurity(), NodeSelector: c.Place.NodeSelector(), Tolerations: c.Place.Tolerations(),
		TopologySpreadConstraints: append(Spread(c.App), spreadCapacity(c.App)),
	}
	container := corev1.ContainerArgs{
		Name: pulumi.String(c.App), Image: pulumi.String(c.Image), Args: c.Args, Env: c.Env,
		Resources: Resources(c.MilliCPU, c.MemoryMB), SecurityContext: ContainerSecurity(),
		LivenessProbe: corev1.ProbeArgs{
			HttpGet:          corev1.HTTPGetActionArgs{Path: pulumi.String(c.Path), Port: pulumi.Int(c.Port)},
			PeriodSeconds:    pulumi.Int(10),
			FailureThreshold: pulumi.Int(6), TimeoutSeconds: pulumi.Int(5), InitialDelaySeconds: pulumi.Int(10),
		},
	}
	if len(c.Command) > 0 {
		container.Command = pulumi.ToStringArray(c.Command)
	}
	if c.Config != nil {
		files, err := component.Child(ctx, parent, "config", corev1.NewConfigMap, &corev1.ConfigMapArgs{
			Metadata: Meta(c.App, c.Namespace, c.App), Data: pulumi.StringMap(c.Config),
		}, opts...)
		if err != nil {
			return err
		}
		opts = append(opts, component.After(files))
		pod.Volumes = corev1.VolumeArray{corev1.VolumeArgs{
			Name: pulumi.String("config"), ConfigMap: corev1.ConfigMapVolumeSourceArgs{Name: pulumi.String(c.App)},
		}}
		container.VolumeMounts = corev1.VolumeMountArray{corev1.VolumeMountArgs{
			Name: pulumi.String("config"), MountPath: pulumi.String(ConfigPath), ReadOnly: pulumi.Bool(true),
		}}
	}
	pod.Containers = corev1.ContainerArray{container}
	labelled := metav1.ObjectMetaArgs{Labels: Labels(c.App)}
	if c.Fingerprint != nil {
		labelled.Annotations = pulumi.StringMap{"dip/config": c.Fingerprint}
	}
	_, err := component.Child(ctx, parent, "deployment", appsv1.NewDeployment, &appsv1.DeploymentArgs{
		Metadata: Meta(c.App, c.Namespace, c.App),
		Spec: appsv1.DeploymentSpecArgs{
			Replicas: pulumi.Int(2), Selector: metav1.LabelSelectorArgs{MatchLabels: Selector(c.App)},
			Template: corev1.PodTemplateSpecArgs{Metadata: labelled, Spec: pod},
		},
	}, opts...)
	if err != nil {
		return err
	}
	return Budget(ctx, parent, c.App, c.Namespace, 1, opts...)
}
