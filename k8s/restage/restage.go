// Package restage is the jobs that turn inputs which cannot be split into ones that can: KEDA starts a Job for each
// message of the restage queue.
package restage

import (
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
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
const TypeToken = "dip:k8s:Restage"

// Account is the jobs' service account, which needs AWS.
const Account = app

// Program is the binary in the image.
const Program = "restage"

// app is the name of its objects.
const app = "restage"

// Args configure the jobs.
type Args struct {
	// Settings are sizes and numbers. The zero value is invalid.
	Settings config.Restage
	// Grace is from SIGTERM to SIGKILL. The zero value is invalid.
	Grace config.Duration
	// Image is the image, with its tag. The zero value is invalid.
	Image pulumi.StringInput
	// Common is the environment that all functions share. Every field must be set.
	Common contract.Common[pulumi.StringInput]
	// Queue is the URL of the restage queue. The zero value is invalid.
	Queue pulumi.StringInput
	// LogGroup keeps what they write. The zero value is invalid.
	LogGroup pulumi.StringInput
	// Catalog is the key of the catalog that knows the segments' queues. The zero value is invalid.
	Catalog pulumi.StringInput
	// Region is the queue's. The zero value is invalid.
	Region string
	// Place is where they run. The zero value is any node that is not dedicated.
	Place k8s.Place
	// After are the resources that they need: the namespaces, KEDA and their AWS identity.
	After []pulumi.Resource
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.If(a.Image == nil, "Image", "missing")
	found.If(a.Queue == nil, "Queue", "missing")
	found.If(a.LogGroup == nil, "LogGroup", "missing")
	found.If(a.Catalog == nil, "Catalog", "missing")
	found.If(a.Region == "", "Region", "missing")
	_, err := contract.Render[pulumi.StringInput](a.Common)
	found.In("Common", err)
	found.Add(config.CheckLimits("Settings", a.Settings))
	found.If(a.Grace <= 0, "Grace", "missing")
	return found.Err()
}

func (a *Args) env() (map[string]pulumi.StringInput, error) {
	return contract.Render[pulumi.StringInput](contract.RestageEnv[pulumi.StringInput]{
		Common: a.Common, Queue: a.Queue, Catalog: a.Catalog, LeaseSeconds: k8s.Number(a.Settings.Lease.Seconds()),
		LogGroup: a.LogGroup,
	})
}

// Restage is the jobs.
type Restage struct {
	pulumi.ResourceState
	component.NoOutputs

	account []pulumi.Resource
}

// New declares the jobs. The provider among opts is the cluster's.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Restage, error) {
	r := &Restage{}
	return component.Declare(ctx, TypeToken, name, r, args, opts, r.createAccount, r.createJobs)
}

func (r *Restage) createAccount(ctx *pulumi.Context, args *Args) (err error) {
	account := k8s.Account{App: app, Namespace: k8s.Workloads, Name: Account}
	r.account, err = account.Declare(ctx, r, component.After(args.After...))
	return err
}

func (r *Restage) createJobs(ctx *pulumi.Context, args *Args) error {
	env, err := args.env()
	if err != nil {
		return err
	}
	_, err = component.Child(ctx, r, "jobs", apiextensions.NewCustomResource,
		keda.Object("ScaledJob", k8s.Meta(app, k8s.Workloads, app), spec(args, env)),
		component.After(args.After...), component.After(r.account...))
	return err
}

// spec is what KEDA does: a Job for each unclaimed message, less those that are still waiting for a node. A
// change of the settings holds for new jobs: those that run are left alone.
func spec(args *Args, env map[string]pulumi.StringInput) pulumi.Map {
	queue := keda.Queue{URL: args.Queue, Region: args.Region, Length: 1}
	return pulumi.Map{
		"jobTargetRef":    job(args, env),
		"maxReplicaCount": pulumi.Int(args.Settings.Max), "pollingInterval": pulumi.Int(keda.PollSeconds),
		"successfulJobsHistoryLimit": pulumi.Int(5), "failedJobsHistoryLimit": pulumi.Int(5),
		"rollout":         pulumi.Map{"strategy": pulumi.String("gradual")},
		"scalingStrategy": pulumi.Map{"strategy": pulumi.String("accurate")},
		"triggers":        pulumi.Array{queue.Trigger()},
	}
}

// job is a Job. A pod that is drained does not count as a failure: another continues from the last piece. A pod that
// fails leaves its message to the queue, which counts receives: so the Job tries but twice more.
func job(args *Args, env map[string]pulumi.StringInput) batchv1.JobSpecArgs {
	s := args.Settings
	pod := k8s.Workload{
		App: app, Image: args.Image, Program: Program, Env: env, Region: args.Region,
		MilliCPU: s.MilliCPU, MemoryMB: s.MemoryMB,
		ScratchMB: scratchMB, Grace: args.Grace, Priority: k8s.JobPriority, Place: args.Place,
	}.PodSpec()
	pod.RestartPolicy = pulumi.String("Never")
	drained := batchv1.PodFailurePolicyRuleArgs{
		Action: pulumi.String("Ignore"),
		OnPodConditions: batchv1.PodFailurePolicyOnPodConditionsPatternArray{
			batchv1.PodFailurePolicyOnPodConditionsPatternArgs{
				Type: pulumi.String("DisruptionTarget"), Status: pulumi.String("True"),
			},
		},
	}
	return batchv1.JobSpecArgs{
		Parallelism: pulumi.Int(1), Completions: pulumi.Int(1), BackoffLimit: pulumi.Int(2),
		ActiveDeadlineSeconds: pulumi.Int(s.Deadline.Seconds()), TtlSecondsAfterFinished: pulumi.Int(3600),
		PodFailurePolicy: batchv1.PodFailurePolicyArgs{Rules: batchv1.PodFailurePolicyRuleArray{drained}},
		Template: corev1.PodTemplateSpecArgs{
			Metadata: metav1.ObjectMetaArgs{
				Labels:      k8s.Labels(app),
				Annotations: pulumi.StringMap{k8s.SafeToEvict: pulumi.String("false")}, // the Cluster Autoscaler lets it end
			},
			Spec: pod,
		},
	}
}

// scratchMB is the size of /tmp, MiB: the piece that is written and one that is on its way to the bucket. A piece may
// be longer than a chunk by a record, and as long as any load's: one under way keeps its size when the stack's is
// lowered.
const scratchMB = 2*(config.MaxChunkMB+config.MaxRecordMB) + 64
