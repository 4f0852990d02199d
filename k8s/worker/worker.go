// Package worker is a segment's workers: a Deployment of the binary that is also the segment's function, scaled by the
// length of the segment's workers queue.
package worker

import (
	"fmt"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/config"
	"dip/contract"
	"dip/k8s"
	"dip/k8s/keda"
)

// TypeToken is the component's type.
const TypeToken = "dip:k8s:Worker"

// Account is the service account of a segment's workers, which needs AWS.
func Account(segment string) string { return "worker-" + segment }

// Args configure a segment's workers.
type Args struct {
	// Segment is whose chunks they process. The zero value is invalid.
	Segment string
	// Settings are sizes and numbers. The zero value is invalid.
	Settings config.Workers
	// ScratchMB is the size of /tmp, MiB. The zero value is invalid.
	ScratchMB int
	// Program is the binary in the image: the segment's artifact. The zero value is invalid.
	Program string
	// Image is the image, with its tag. The zero value is invalid.
	Image pulumi.StringInput
	// Common is the environment that all functions share. Every field must be set.
	Common contract.Common[pulumi.StringInput]
	// Queue is the URL of the segment's workers queue. The zero value is invalid.
	Queue pulumi.StringInput
	// LogGroup keeps what they write. The zero value is invalid.
	LogGroup pulumi.StringInput
	// Region is the queue's. The zero value is invalid.
	Region string
	// Place is where they run. The zero value is any node that is not dedicated.
	Place k8s.Place
	// After are the resources that they need: the namespaces, KEDA and their AWS identity.
	After []pulumi.Resource
}

// Validate reports every problem, the unset fields of Common by their variables' names.
func (a *Args) Validate() error {
	var found component.Problems
	found.If(a.Segment == "", "Segment", "missing")
	found.If(a.Program == "", "Program", "missing")
	found.If(a.ScratchMB < 1, "ScratchMB", "missing")
	found.If(a.Image == nil, "Image", "missing")
	found.If(a.Queue == nil, "Queue", "missing")
	found.If(a.LogGroup == nil, "LogGroup", "missing")
	found.If(a.Region == "", "Region", "missing")
	_, err := contract.Render[pulumi.StringInput](a.Common)
	found.In("Common", err)
	found.Add(a.Settings.Validate("Settings"))
	return found.Err()
}

// env is the workers' environment.
func (a *Args) env() (map[string]pulumi.StringInput, error) {
	return contract.Render[pulumi.StringInput](contract.WorkerEnv[pulumi.StringInput]{
		SegmentEnv: contract.SegmentEnv[pulumi.StringInput]{Common: a.Common, Segment: pulumi.String(a.Segment)},
		Queue:      a.Queue, LogGroup: a.LogGroup, LeaseSeconds: k8s.Number(a.Settings.Lease.Seconds()),
		Slots:        k8s.Number(a.Settings.Slots),
		GraceSeconds: k8s.Number(a.Settings.Grace.Seconds()),
	})
}

// Worker is a segment's workers.
type Worker struct {
	pulumi.ResourceState
	component.NoOutputs

	app        string
	account    []pulumi.Resource
	deployment *appsv1.Deployment
}

// New declares a segment's workers. The provider among opts is the cluster's.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Worker, error) {
	w := &Worker{app: Account(args.Segment)}
	return component.Declare(ctx, TypeToken, name, w, args, opts,
		w.createAccount, w.createDeployment, w.limitDrains, w.scale)
}

func (w *Worker) createAccount(ctx *pulumi.Context, args *Args) (err error) {
	account := k8s.Account{App: w.app, Namespace: k8s.Workloads, Name: w.app}
	w.account, err = account.Declare(ctx, w, component.After(args.After...))
	return err
}

// createDeployment makes the Deployment. How many workers there are is KEDA's to say, from none on; their image is
// pushed after the repository is there: so `up` does not wait for them.
func (w *Worker) createDeployment(ctx *pulumi.Context, args *Args) error {
	env, err := args.env()
	if err != nil {
		return err
	}
	s := args.Settings
	pod := k8s.Workload{
		App: w.app, Image: args.Image, Program: args.Program, Env: env, Region: args.Region,
		MilliCPU: s.MilliCPU, MemoryMB: s.MemoryMB,
		ScratchMB: args.ScratchMB, Grace: s.Grace, Priority: k8s.WorkerPriority, Place: args.Place,
	}.PodSpec()
	pod.TopologySpreadConstraints = k8s.Spread(w.app)
	meta := k8s.Meta(w.app, k8s.Workloads, w.app)
	meta.Annotations = pulumi.StringMap{k8s.SkipAwait: pulumi.String("true")}
	w.deployment, err = component.Child(ctx, w, "deployment", appsv1.NewDeployment, &appsv1.DeploymentArgs{
		Metadata: meta,
		Spec: appsv1.DeploymentSpecArgs{
			Selector: metav1.LabelSelectorArgs{MatchLabels: k8s.Selector(w.app)}, RevisionHistoryLimit: pulumi.Int(3),
			Strategy: appsv1.DeploymentStrategyArgs{
				Type:          pulumi.String("RollingUpdate"),
				RollingUpdate: appsv1.RollingUpdateDeploymentArgs{MaxSurge: pulumi.Any("25%"), MaxUnavailable: pulumi.Any("25%")},
			},
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{
					Labels:      k8s.Labels(w.app),
					Annotations: pulumi.StringMap{k8s.SafeToEvict: pulumi.String("true")}, // it hands its chunks back
				},
				Spec: pod,
			},
		},
	}, component.After(args.After...), component.After(w.account...))
	return err
}

func (w *Worker) limitDrains(ctx *pulumi.Context, args *Args) error {
	return k8s.Budget(ctx, w, w.app, k8s.Workloads, share(args.Settings.MaxUnavailablePercent),
		component.After(args.After...))
}

// scale lets KEDA set the number of workers. Chunks in work count: otherwise the last ones would be cut off by a queue
// that looks empty.
func (w *Worker) scale(ctx *pulumi.Context, args *Args) error {
	queue := keda.Queue{URL: args.Queue, Region: args.Region, Length: args.Settings.ChunksPerPod, InFlight: true}
	scaled := keda.Object("ScaledObject", k8s.Meta(w.app, k8s.Workloads, w.app), pulumi.Map{
		"scaleTargetRef":  pulumi.Map{"name": pulumi.String(w.app)},
		"minReplicaCount": pulumi.Int(args.Settings.Min), "maxReplicaCount": pulumi.Int(args.Settings.Max),
		"pollingInterval": pulumi.Int(keda.PollSeconds), "cooldownPeriod": pulumi.Int(idleSeconds),
		"advanced": pulumi.Map{"horizontalPodAutoscalerConfig": pulumi.Map{
			"behavior": pulumi.Map{"scaleDown": pulumi.Map{"stabilizationWindowSeconds": pulumi.Int(idleSeconds)}},
		}},
		"triggers": pulumi.Array{queue.Trigger()},
	})
	_, err := component.Child(ctx, w, "scaling", apiextensions.NewCustomResource, scaled,
		component.After(args.After...), component.After(w.deployment))
	return err
}

// idleSeconds is how long workers stay that seem to be too many: SQS's numbers lag behind by up to a minute.
const idleSeconds = 120

// share is a budget of so many percent. Kubernetes rounds up, so that at least one worker may go.
func share(percent int) string { return fmt.Sprintf("%d%%", percent) }
