// Package worker is a segment's workers: a Deployment of the binary that is also the segment's function, scaled by the
// length of the segment's workers queue.
package worker

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/config"
	"dip/contract"
	"dip/k8s"
	"dip/k8s/keda"
)

// TypeToken is the component's type.
const TypeToken = "dip:k8s:Worker"

// scratchMB is the size of /tmp, MiB: outputs are streamed, the rest is small.
const scratchMB = 512

// Account is the service account of a segment's workers, which needs AWS.
func Account(segment string) string { return "worker-" + segment }

// Args configure a segment's workers.
type Args struct {
	// Segment is whose chunks they process. The zero value is invalid.
	Segment string
	// Settings are sizes and numbers. The zero value is invalid.
	Settings config.Workers
	// Program is the binary in the image: the segment's artifact. The zero value is invalid.
	Program string
	// Image is the image, with its tag. The zero value is invalid.
	Image pulumi.StringInput
	// Common is the environment that all functions share. Every field must be set.
	Common contract.Common[pulumi.StringInput]
	// Queue is the URL of the segment's workers queue. The zero value is invalid.
	Queue pulumi.StringInput
	// Region is the queue's. The zero value is invalid.
	Region string
	// Place is where they run. The zero value is any node that is not dedicated.
	Place k8s.Place
	// After are the resources that they need: the namespaces, KEDA and their AWS identity.
	After []pulumi.Resource
}

// Validate reports every problem, the unset fields of the environment by their variables' names.
func (a *Args) Validate() error {
	var errs []error
	if a.Segment == "" || a.Program == "" || a.Image == nil || a.Queue == nil || a.Region == "" {
		errs = append(errs, errors.New("worker: Segment, Program, Image, Queue, Region: want all of them"))
	}
	s := a.Settings
	if s.MilliCPU < 1 || s.MemoryMB < 1 || s.Slots < 1 || s.ChunksPerPod < 1 || s.Lease <= 0 || s.Grace <= 0 {
		errs = append(errs, errors.New("worker: Settings: want MilliCPU, MemoryMB, Slots, ChunksPerPod, Lease and Grace above zero"))
	}
	if s.Min < 0 || s.Max < 1 || s.Min > s.Max {
		errs = append(errs, fmt.Errorf("worker: Settings: min %d and max %d", s.Min, s.Max))
	}
	if p := s.MaxUnavailablePercent; p < 1 || p > 100 {
		errs = append(errs, fmt.Errorf("worker: Settings.MaxUnavailablePercent: %d: such a budget is never satisfied", p))
	}
	return errors.Join(errs...)
}

// env is the workers' environment.
func (a *Args) env() (map[string]pulumi.StringInput, error) {
	return contract.Render[pulumi.StringInput](contract.WorkerEnv[pulumi.StringInput]{
		SegmentEnv: contract.SegmentEnv[pulumi.StringInput]{Common: a.Common, Segment: pulumi.String(a.Segment)},
		Queue:      a.Queue, LeaseSeconds: k8s.Number(a.Settings.Lease.Seconds()), Slots: k8s.Number(a.Settings.Slots),
		GraceSeconds: k8s.Number(a.Settings.Grace.Seconds()),
	})
}

// Worker is a segment's workers.
type Worker struct {
	pulumi.ResourceState

	name string
	app  string
}

// New declares a segment's workers. The provider among opts is the cluster's.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Worker, error) {
	if err := args.Validate(); err != nil {
		return nil, fmt.Errorf("workers %s: %w", name, err)
	}
	env, err := args.env()
	if err != nil {
		return nil, fmt.Errorf("workers %s: %w", name, err)
	}
	w := &Worker{name: name, app: Account(args.Segment)}
	if err := ctx.RegisterComponentResource(TypeToken, name, w, opts...); err != nil {
		return nil, fmt.Errorf("workers %s: %w", name, err)
	}
	if err := w.create(ctx, args, env); err != nil {
		return nil, fmt.Errorf("workers %s: %w", name, err)
	}
	return w, ctx.RegisterResourceOutputs(w, pulumi.Map{})
}

func (w *Worker) create(ctx *pulumi.Context, args *Args, env map[string]pulumi.StringInput) error {
	after := pulumi.DependsOn(args.After)
	account, err := k8s.Account{App: w.app, Namespace: k8s.Workloads, Name: w.app}.Declare(ctx, w.name, w, after)
	if err != nil {
		return err
	}
	deployment, err := w.createDeployment(ctx, args, env, pulumi.Parent(w), after, pulumi.DependsOn(account))
	if err != nil {
		return err
	}
	if err := k8s.Budget(ctx, w.name, w.app, k8s.Workloads, share(args.Settings.MaxUnavailablePercent), pulumi.Parent(w), after); err != nil {
		return err
	}
	return w.scale(ctx, args, pulumi.Parent(w), after, pulumi.DependsOn([]pulumi.Resource{deployment}))
}

// createDeployment makes the Deployment. How many workers there are is KEDA's to say, from none on; their image is pushed
// after the repository is there: so `up` does not wait for them.
func (w *Worker) createDeployment(ctx *pulumi.Context, args *Args, env map[string]pulumi.StringInput, opts ...pulumi.ResourceOption) (*appsv1.Deployment, error) {
	s := args.Settings
	pod := k8s.Workload{
		App: w.app, Image: args.Image, Program: args.Program, Env: env, Region: args.Region, MilliCPU: s.MilliCPU, MemoryMB: s.MemoryMB,
		ScratchMB: scratchMB, Grace: s.Grace, Priority: k8s.WorkerPriority, Place: args.Place,
	}.PodSpec()
	pod.TopologySpreadConstraints = k8s.Spread(w.app)
	meta := k8s.Meta(w.app, k8s.Workloads, w.app)
	meta.Annotations = pulumi.StringMap{k8s.SkipAwait: pulumi.String("true")}
	made, err := appsv1.NewDeployment(ctx, w.name+"-deployment", &appsv1.DeploymentArgs{
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
	}, opts...)
	if err != nil {
		return nil, fmt.Errorf("deployment %s: %w", w.app, err)
	}
	return made, nil
}

// scale lets KEDA set the number of workers. Chunks in work count: otherwise the last ones would be cut off by a queue
// that looks empty.
func (w *Worker) scale(ctx *pulumi.Context, args *Args, opts ...pulumi.ResourceOption) error {
	queue := keda.Queue{URL: args.Queue, Region: args.Region, Length: args.Settings.ChunksPerPod, InFlight: true}
	_, err := apiextensions.NewCustomResource(ctx, w.name+"-scaling", &apiextensions.CustomResourceArgs{
		ApiVersion: pulumi.String(keda.APIVersion), Kind: pulumi.String("ScaledObject"), Metadata: k8s.Meta(w.app, k8s.Workloads, w.app),
		OtherFields: kubernetes.UntypedArgs{"spec": pulumi.Map{
			"scaleTargetRef":  pulumi.Map{"name": pulumi.String(w.app)},
			"minReplicaCount": pulumi.Int(args.Settings.Min), "maxReplicaCount": pulumi.Int(args.Settings.Max),
			"pollingInterval": pulumi.Int(pollSeconds), "cooldownPeriod": pulumi.Int(idleSeconds),
			"advanced": pulumi.Map{"horizontalPodAutoscalerConfig": pulumi.Map{
				"behavior": pulumi.Map{"scaleDown": pulumi.Map{"stabilizationWindowSeconds": pulumi.Int(idleSeconds)}},
			}},
			"triggers": pulumi.Array{queue.Trigger()},
		}},
	}, opts...)
	if err != nil {
		return fmt.Errorf("scaling of %s: %w", w.app, err)
	}
	return nil
}

// How often KEDA asks for the queue's length, and how long workers stay that seem to be too many: SQS's numbers lag
// behind by up to a minute.
const (
	pollSeconds = 15
	idleSeconds = 120
)

// share is a budget of so many percent. Kubernetes rounds up, so that at least one worker may go.
func share(percent int) string { return fmt.Sprintf("%d%%", percent) }
