// Package gateway is the gateway's pods: a Deployment behind a NodePort service, which a load balancer outside of the
// cluster sends connections to.
package gateway

import (
	"fmt"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	autoscalingv2 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/autoscaling/v2"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	schedulingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/scheduling/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/config"
	"dip/contract"
	"dip/k8s"
)

// TypeToken is the component's type.
const TypeToken = "dip:k8s:Gateway"

// Account is the pods' service account, which needs AWS. Program is the binary in the image.
const (
	Account = "gateway"
	Program = contract.Gateway
)

// HealthPath is answered with 200 while new connections should go to a pod. servingPath goes on to be while it drains:
// until the load balancer has noticed, the node's port has to lead to the pod, and a pod that ends gets connections
// only while its readiness probe succeeds (KEP 1669, "Proxy Terminating Endpoints").
const (
	HealthPath  = "/readyz"
	servingPath = "/servingz"
)

// A pod that does not answer loses its place behind the node's port after the load balancer has noticed: connections
// that come until then would be dropped. So it takes twice as long.
const (
	servingSeconds  = 2
	servingFailures = 2 * config.GatewayHealthSeconds * config.GatewayHealthCount / servingSeconds
)

// scratchMB is the size of /tmp, which the gateway does not use, MiB.
const scratchMB = 16

// Args configure the gateway.
type Args struct {
	// Settings are sizes and numbers. The zero value is invalid.
	Settings config.Gateway
	// Image is the image, with its tag. The zero value is invalid.
	Image pulumi.StringInput
	// Env is its environment, but for its settings and LogGroup. Every other field must be set.
	Env contract.GatewayEnv[pulumi.StringInput]
	// LogGroup keeps what they write. The zero value is invalid.
	LogGroup pulumi.StringInput
	// Region is the stack's. The zero value is invalid.
	Region string
	// Place is where the pods run. The zero value is any node that is not dedicated.
	Place k8s.Place
	// After are the resources that they need: the namespaces and their AWS identity.
	After []pulumi.Resource
}

// Validate reports every problem, the unset fields of Env by their variables' names.
func (a *Args) Validate() error {
	var found component.Problems
	found.If(a.Image == nil, "Image", "missing")
	found.If(a.LogGroup == nil, "LogGroup", "missing")
	found.If(a.Region == "", "Region", "missing")
	_, err := a.env()
	found.In("Env", err)
	found.Add(a.Settings.Validate("Settings"))
	return found.Err()
}

// env is the pods' environment.
func (a *Args) env() (map[string]pulumi.StringInput, error) {
	e := a.Env
	e.LogGroup, e.Listen = a.LogGroup, pulumi.String(fmt.Sprintf(":%d", config.GatewayPort))
	e.BufferMB, e.GraceSeconds = k8s.Number(a.Settings.BufferMB), k8s.Number(a.Settings.Grace.Seconds())
	return contract.Render[pulumi.StringInput](e)
}

// Gateway is the gateway.
type Gateway struct {
	pulumi.ResourceState
	component.NoOutputs

	account []pulumi.Resource // what pods need
}

// New declares the gateway. The provider among opts is the cluster's.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Gateway, error) {
	g := &Gateway{}
	return component.Declare(ctx, TypeToken, name, g, args, opts,
		g.createAccount, g.createPriority, g.admit, g.createDeployment, g.serve, g.limitDrains, g.scale)
}

func (g *Gateway) createAccount(ctx *pulumi.Context, args *Args) (err error) {
	account := k8s.Account{App: Account, Namespace: k8s.Workloads, Name: Account}
	g.account, err = account.Declare(ctx, g, component.After(args.After...))
	return err
}

// priority is the pods' class: above work that can wait. Like it, they wait for nodes.
const priority, priorityValue = "dip-gateway", 3_000

func (g *Gateway) createPriority(ctx *pulumi.Context, _ *Args) error {
	made, err := component.Child(ctx, g, "priority", schedulingv1.NewPriorityClass, &schedulingv1.PriorityClassArgs{
		Metadata: k8s.Meta(Account, "", priority), Value: pulumi.Int(priorityValue),
		Description:      pulumi.String("The gateway: producers wait for it."),
		PreemptionPolicy: pulumi.String("Never"),
	})
	g.account = append(g.account, made)
	return err
}

// admit opens the pods' port, which the namespace's own policy closes. Who reaches it is what the nodes' security
// group lets through: the load balancer, whose addresses are its clients' here, and the cluster's nodes.
func (g *Gateway) admit(ctx *pulumi.Context, args *Args) error {
	made, err := component.Child(ctx, g, "network", networkingv1.NewNetworkPolicy, &networkingv1.NetworkPolicyArgs{
		Metadata: k8s.Meta(Account, k8s.Workloads, Account),
		Spec: networkingv1.NetworkPolicySpecArgs{
			PodSelector: metav1.LabelSelectorArgs{MatchLabels: k8s.Selector(Account)},
			PolicyTypes: pulumi.ToStringArray([]string{"Ingress"}),
			Ingress: networkingv1.NetworkPolicyIngressRuleArray{networkingv1.NetworkPolicyIngressRuleArgs{
				Ports: networkingv1.NetworkPolicyPortArray{networkingv1.NetworkPolicyPortArgs{
					Protocol: pulumi.String("TCP"), Port: pulumi.Int(config.GatewayPort),
				}},
			}},
		},
	}, component.After(args.After...))
	g.account = append(g.account, made)
	return err
}

// createDeployment makes the Deployment. Its autoscaler says how many pods there are. The image is pushed after the
// repository is there: so `up` does not wait for them. A pod stays until a new one is ready, and then for its grace: it
// drains by itself, and a preStop hook would add nothing.
func (g *Gateway) createDeployment(ctx *pulumi.Context, args *Args) error {
	env, err := args.env()
	if err != nil {
		return err
	}
	env["GOGC"] = pulumi.String("400") // buffers are reused: what is left to collect may wait, below GOMEMLIMIT
	s := args.Settings
	pod := k8s.Workload{
		App: Account, Image: args.Image, Program: Program, Env: env, Region: args.Region, MilliCPU: s.MilliCPU,
		MemoryMB: s.MemoryMB, ScratchMB: scratchMB, Grace: s.Grace, Priority: priority, Place: args.Place,
	}.PodSpec()
	pod.TopologySpreadConstraints = k8s.Spread(Account)
	container := pod.Containers.(corev1.ContainerArray)[0].(corev1.ContainerArgs)
	container.Ports = corev1.ContainerPortArray{corev1.ContainerPortArgs{
		Name: pulumi.String("http"), ContainerPort: pulumi.Int(config.GatewayPort), Protocol: pulumi.String("TCP"),
	}}
	container.ReadinessProbe = probe(servingPath, servingSeconds, servingFailures)
	container.LivenessProbe = probe("/healthz", 10, 6)
	pod.Containers = corev1.ContainerArray{container}
	meta := k8s.Meta(Account, k8s.Workloads, Account)
	meta.Annotations = pulumi.StringMap{k8s.SkipAwait: pulumi.String("true")}
	_, err = component.Child(ctx, g, "deployment", appsv1.NewDeployment, &appsv1.DeploymentArgs{
		Metadata: meta,
		Spec: appsv1.DeploymentSpecArgs{
			Selector: metav1.LabelSelectorArgs{MatchLabels: k8s.Selector(Account)}, RevisionHistoryLimit: pulumi.Int(3),
			Strategy: appsv1.DeploymentStrategyArgs{
				Type:          pulumi.String("RollingUpdate"),
				RollingUpdate: appsv1.RollingUpdateDeploymentArgs{MaxSurge: pulumi.Any("50%"), MaxUnavailable: pulumi.Any(0)},
			},
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{
					Labels:      k8s.Labels(Account),
					Annotations: pulumi.StringMap{k8s.SafeToEvict: pulumi.String("true")}, // it drains
				},
				Spec: pod,
			},
		},
	}, component.After(args.After...), component.After(g.account...))
	return err
}

// probe asks for a path every so many seconds; failures in a row count as one.
func probe(path string, seconds, failures int) corev1.ProbeArgs {
	return corev1.ProbeArgs{
		HttpGet:       corev1.HTTPGetActionArgs{Path: pulumi.String(path), Port: pulumi.Any("http")},
		PeriodSeconds: pulumi.Int(seconds), TimeoutSeconds: pulumi.Int(2), FailureThreshold: pulumi.Int(failures),
	}
}

// serve makes the service. Each node leads to its own pods alone: the load balancer's health check is then about them,
// and no connection goes through a node that may be removed before its pod.
func (g *Gateway) serve(ctx *pulumi.Context, args *Args) error {
	meta := k8s.Meta(Account, k8s.Workloads, Account)
	meta.Annotations = pulumi.StringMap{k8s.SkipAwait: pulumi.String("true")} // it has no endpoints before pods run
	_, err := component.Child(ctx, g, "service", corev1.NewService, &corev1.ServiceArgs{
		Metadata: meta,
		Spec: corev1.ServiceSpecArgs{
			Type: pulumi.String("NodePort"), ExternalTrafficPolicy: pulumi.String("Local"), Selector: k8s.Selector(Account),
			Ports: corev1.ServicePortArray{corev1.ServicePortArgs{
				Name: pulumi.String("http"), Protocol: pulumi.String("TCP"), Port: pulumi.Int(80),
				TargetPort: pulumi.Any("http"), NodePort: pulumi.Int(config.GatewayNodePort),
			}},
		},
	}, component.After(args.After...))
	return err
}

func (g *Gateway) limitDrains(ctx *pulumi.Context, args *Args) error {
	return k8s.Budget(ctx, g, Account, k8s.Workloads, 1, component.After(args.After...))
}

// scale keeps the pods' use of processors around a share of what they request. Fewer pods come slowly: each drains.
func (g *Gateway) scale(ctx *pulumi.Context, args *Args) error {
	s := args.Settings
	_, err := component.Child(ctx, g, "scaling", autoscalingv2.NewHorizontalPodAutoscaler,
		&autoscalingv2.HorizontalPodAutoscalerArgs{
			Metadata: k8s.Meta(Account, k8s.Workloads, Account),
			Spec: autoscalingv2.HorizontalPodAutoscalerSpecArgs{
				ScaleTargetRef: autoscalingv2.CrossVersionObjectReferenceArgs{
					ApiVersion: pulumi.String("apps/v1"), Kind: pulumi.String("Deployment"), Name: pulumi.String(Account),
				},
				MinReplicas: pulumi.Int(s.Min), MaxReplicas: pulumi.Int(s.Max),
				Metrics: autoscalingv2.MetricSpecArray{autoscalingv2.MetricSpecArgs{
					Type: pulumi.String("Resource"),
					Resource: autoscalingv2.ResourceMetricSourceArgs{
						Name: pulumi.String("cpu"), Target: autoscalingv2.MetricTargetArgs{
							Type: pulumi.String("Utilization"), AverageUtilization: pulumi.Int(s.TargetCPUPercent),
						},
					},
				}},
				Behavior: autoscalingv2.HorizontalPodAutoscalerBehaviorArgs{
					ScaleDown: autoscalingv2.HPAScalingRulesArgs{StabilizationWindowSeconds: pulumi.Int(idleSeconds)},
				},
			},
		}, component.After(args.After...))
	return err
}

// idleSeconds is how long pods stay that seem to be too many.
const idleSeconds = 300
