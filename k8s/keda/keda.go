// Package keda is KEDA, which starts pods by the length of a queue: workers of a Deployment, or jobs.
package keda

import (
	"cmp"
	"strconv"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/policy"
	"dip/config"
	"dip/k8s"
)

// TypeToken is the component's type.
const TypeToken = "dip:k8s:Keda"

// Account is the operator's service account, as the chart names it. It needs AWS: see Allow.
const Account = "keda-operator"

// Source of the chart, whose version 2.21.0 is published (KEDA 2.21, tested with Kubernetes 1.34 to 1.36).
const (
	Chart      = "keda"
	Repository = "https://kedacore.github.io/charts"
	Version    = config.KEDAVersion
)

// apiVersion of the objects that tell KEDA what to scale.
const apiVersion = "keda.sh/v1alpha1"

// PollSeconds is how often it asks for a queue's length.
const PollSeconds = 15

// app is the name that its objects are labelled with; authentication is the one of the object that says whose rights
// count.
const (
	app            = "keda"
	authentication = "aws"
)

// Args configure KEDA.
type Args struct {
	// Operator, Metrics and Webhooks are the images of its parts. The zero values are invalid.
	Operator, Metrics, Webhooks config.Image
	// Place is where it runs itself. The zero value is any node that is not dedicated.
	Place k8s.Place
	// After are the resources that it needs: the namespaces and its AWS identity.
	After []pulumi.Resource
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.If(!a.Operator.Pinned(), "Operator", "%q, want an exact tag or a digest", a.Operator.Reference())
	found.If(!a.Metrics.Pinned(), "Metrics", "%q, want an exact tag or a digest", a.Metrics.Reference())
	found.If(!a.Webhooks.Pinned(), "Webhooks", "%q, want an exact tag or a digest", a.Webhooks.Reference())
	return found.Err()
}

// Keda is KEDA.
type Keda struct {
	pulumi.ResourceState
	component.NoOutputs

	// Ready are the resources after which objects can be scaled. What KEDA scales is removed before KEDA is: its
	// finalizers would never be removed otherwise.
	Ready []pulumi.Resource
}

// New declares KEDA. The provider among opts is the cluster's.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Keda, error) {
	k := &Keda{}
	return component.Declare(ctx, TypeToken, name, k, args, opts, k.install, k.authenticate)
}

func (k *Keda) install(ctx *pulumi.Context, args *Args) error {
	release, err := component.Child(ctx, k, "release", newRelease, &pulumi.Map{
		"name": pulumi.String(app), "namespace": pulumi.String(k8s.Keda),
		"chart": pulumi.String(Chart), "version": pulumi.String(Version),
		"repositoryOpts": pulumi.Map{"repo": pulumi.String(Repository)},
		"timeout":        pulumi.Int(600), "maxHistory": pulumi.Int(5), "values": values(args),
		"compat": pulumi.String("true"), // what the SDK sends
	}, component.After(args.After...))
	k.Ready = []pulumi.Resource{release}
	return err
}

// releaseToken is the type of a Helm release. The SDK's own package for it also has every kind of every version of the
// API: twenty times as much to compile as all the rest that is used of it.
const releaseToken = "kubernetes:helm.sh/v3:Release"

func newRelease(ctx *pulumi.Context, name string, args *pulumi.Map, opts ...pulumi.ResourceOption) (
	*pulumi.CustomResourceState, error,
) {
	release := &pulumi.CustomResourceState{}
	return release, ctx.RegisterResource(releaseToken, name, *args, release, opts...)
}

// values are the chart's, without the wildcards of its roles: KEDA watches the workloads alone, scales nothing but
// Deployments and Jobs, and reads no secret.
func values(args *Args) pulumi.Map {
	text := func(s string) pulumi.Input { return pulumi.String(s) }
	components := []string{"operator", "metricServer", "webhooks"}
	resources, budgets := pulumi.Map{}, pulumi.Map{}
	for _, name := range components {
		resources[name] = pulumi.Map{
			"requests": pulumi.Map{"cpu": text("100m"), "memory": text("256Mi")},
			"limits":   pulumi.Map{"memory": text("512Mi")},
		}
		budgets[name] = pulumi.Map{"maxUnavailable": pulumi.Int(1)}
	}
	all := pulumi.Map{
		"watchNamespace": text(k8s.Workloads),
		"operator":       pulumi.Map{"replicaCount": pulumi.Int(2)}, // one of them leads
		"rbac":           pulumi.Map{"enabledCustomScaledRefKinds": pulumi.Bool(false)},
		"permissions": pulumi.Map{
			"operator":     pulumi.Map{"restrict": pulumi.Map{"secret": pulumi.Bool(true)}},
			"metricServer": pulumi.Map{"restrict": pulumi.Map{"secret": pulumi.Bool(true)}},
		},
		"priorityClassName":   text(k8s.PlatformPriority),
		"podDisruptionBudget": budgets,
		"resources":           resources,
		"logging":             pulumi.Map{"operator": pulumi.Map{"format": text("json")}},
		"image": pulumi.Map{
			"keda": image(args.Operator), "metricsApiServer": image(args.Metrics), "webhooks": image(args.Webhooks),
		},
	}
	if selector := args.Place.NodeSelector(); selector != nil {
		all["nodeSelector"] = selector
	}
	if tolerations := args.Place.Tolerations(); tolerations != nil {
		all["tolerations"] = tolerations
	}
	return all
}

// image is an image in the chart's parts: its templates join registry, repository and tag, so that a digest goes behind
// the tag. A digest alone has the chart's version for its tag, which nobody looks at.
func image(i config.Image) pulumi.Map {
	tag := cmp.Or(i.Tag, Version)
	if i.Digest != "" {
		tag += "@" + i.Digest
	}
	return pulumi.Map{
		"registry": pulumi.String(i.Registry()), "repository": pulumi.String(i.Path()), "tag": pulumi.String(tag),
	}
}

// authenticate says that the scalers ask AWS with the operator's own rights.
func (k *Keda) authenticate(ctx *pulumi.Context, _ *Args) error {
	made, err := component.Child(ctx, k, "authentication", apiextensions.NewCustomResource, Object(
		"TriggerAuthentication", k8s.Meta(app, k8s.Workloads, authentication),
		pulumi.Map{"podIdentity": pulumi.Map{"provider": pulumi.String("aws")}},
	), component.After(k.Ready...))
	k.Ready = append(k.Ready, made)
	return err
}

// Object is an object of one of KEDA's kinds.
func Object(kind string, meta metav1.ObjectMetaArgs, spec pulumi.Map) *apiextensions.CustomResourceArgs {
	return &apiextensions.CustomResourceArgs{
		ApiVersion: pulumi.String(apiVersion), Kind: pulumi.String(kind), Metadata: meta,
		OtherFields: kubernetes.UntypedArgs{"spec": spec},
	}
}

// Queue is an SQS queue by whose length something is scaled.
type Queue struct {
	URL    pulumi.StringInput
	Region string
	// Length is how many messages make one pod.
	Length int
	// InFlight says whether messages in flight count too.
	InFlight bool
}

// Trigger is the queue as KEDA's objects name it. All values are strings: KEDA parses them.
func (q Queue) Trigger() pulumi.MapInput {
	return pulumi.Map{
		"type": pulumi.String("aws-sqs-queue"),
		"metadata": pulumi.Map{
			"queueURL": q.URL, "awsRegion": pulumi.String(q.Region),
			"queueLength":     pulumi.String(strconv.Itoa(q.Length)),
			"scaleOnInFlight": pulumi.String(strconv.FormatBool(q.InFlight)),
		},
		"authenticationRef": pulumi.Map{"name": pulumi.String(authentication)},
	}
}

// Allow is what KEDA needs of AWS: the lengths of the queues.
func Allow(queueARNs ...pulumi.StringInput) []policy.Statement {
	return []policy.Statement{{Actions: []string{"sqs:GetQueueAttributes"}, Resources: queueARNs}}
}
