// Package k8s is what all that runs in the cluster shares: namespaces, priorities, images, labels, where pods run, and
// what pods may do there.
package k8s

import (
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// The namespaces.
const (
	System     = "dip-system"  // scalers of nodes
	Keda       = "keda"        // scaler of pods
	Workloads  = "dip"         // workers and restage jobs
	KubeSystem = "kube-system" // what EKS runs itself, such as names
	NodeAgents = KubeSystem    // what needs the node's own network, which the other namespaces refuse
)

// RegionVariable is the environment variable by which a program knows its AWS region.
const RegionVariable = "AWS_REGION"

// The priority classes.
const (
	PlatformPriority = "dip-platform" // what the others need to run
	JobPriority      = "dip-jobs"     // work that starts over when it is killed
	WorkerPriority   = "dip-workers"  // work that another worker takes over at once
)

// SkipAwait is the annotation of objects that `up` does not wait for.
const SkipAwait = "pulumi.com/skipAwait"

// SafeToEvict is the annotation that tells the Cluster Autoscaler whether a pod may be moved to empty its node.
const SafeToEvict = "cluster-autoscaler.kubernetes.io/safe-to-evict"

// nameLabel is the label by which an object's pods are found.
const nameLabel = "app.kubernetes.io/name"

// Selector are the labels by which the pods of an application are found. They never change: a Deployment's selector is
// immutable.
func Selector(app string) pulumi.StringMap { return pulumi.StringMap{nameLabel: pulumi.String(app)} }

// Labels are the labels of every object of an application.
func Labels(app string) pulumi.StringMap {
	return pulumi.StringMap{
		nameLabel:                      pulumi.String(app),
		"app.kubernetes.io/part-of":    pulumi.String("dip"),
		"app.kubernetes.io/managed-by": pulumi.String("pulumi"),
	}
}

// Meta is the metadata of an application's object. namespace is "" for objects of the whole cluster.
func Meta(app, namespace, name string) metav1.ObjectMetaArgs {
	meta := metav1.ObjectMetaArgs{Name: pulumi.String(name), Labels: Labels(app)}
	if namespace != "" {
		meta.Namespace = pulumi.String(namespace)
	}
	return meta
}
