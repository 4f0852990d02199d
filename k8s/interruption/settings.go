package interruption

import (
	"maps"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/policy"
	"dip/k8s"
)

// The variables of version 1.25.1, as its package config reads them. What is not said is its default.
var (
	always = map[string]string{
		"DELETE_LOCAL_DATA":                 "true", // an emptyDir is scratch space
		"EMIT_KUBERNETES_EVENTS":            "true",
		"ENABLE_REBALANCE_DRAINING":         "false", // it may come hours before an interruption, or instead of one
		"ENABLE_REBALANCE_MONITORING":       "false", // it would taint nodes long before they go
		"IGNORE_DAEMON_SETS":                "true",
		"JSON_LOGGING":                      "true",
		"NODE_TERMINATION_GRACE_PERIOD":     "120", // seconds: AWS's notice
		"POD_TERMINATION_GRACE_PERIOD":      "-1",  // the pod's own
		"TAINT_NODE":                        "true",
		"ENABLE_SPOT_INTERRUPTION_DRAINING": "true",
		"ENABLE_SCHEDULED_EVENT_DRAINING":   "true",
	}
	byIMDS = map[string]string{
		// The groups have no hooks: nothing separates this state from the end.
		"ENABLE_ASG_LIFECYCLE_DRAINING":   "false",
		"ENABLE_SQS_TERMINATION_DRAINING": "false",
	}
	byQueue = map[string]string{
		"CHECK_TAG_BEFORE_DRAINING":       "true", // aws-node-termination-handler/managed
		"ENABLE_PROBES_SERVER":            "true",
		"ENABLE_SQS_TERMINATION_DRAINING": "true",
		"USE_PROVIDER_ID":                 "true", // a node is found by its instance, whatever its name
	}
)

// environment is the handler's, in a mode, with what only the stack knows.
func environment(mode map[string]string, more map[string]pulumi.StringInput) corev1.EnvVarArray {
	variables := map[string]pulumi.StringInput{}
	for _, settings := range []map[string]string{always, mode} {
		for name, value := range settings {
			variables[name] = pulumi.String(value)
		}
	}
	maps.Copy(variables, more)
	return append(k8s.Env(variables), k8s.FieldEnv("NODE_NAME", "spec.nodeName"),
		k8s.FieldEnv("POD_NAME", "metadata.name"), k8s.FieldEnv("NAMESPACE", "metadata.namespace"))
}

// Allow is what the reader of a queue needs of AWS. autoScalingGroups are the names of the groups whose nodes it
// drains. Source: its documentation, "Queue Processor".
func Allow(
	region, account string, queueARN pulumi.StringInput, autoScalingGroups ...pulumi.StringInput,
) []policy.Statement {
	own := k8s.AutoScalingGroups(region, account, autoScalingGroups...)
	return []policy.Statement{
		{Actions: []string{"sqs:DeleteMessage", "sqs:ReceiveMessage"}, Resources: []pulumi.StringInput{queueARN}},
		{Actions: []string{"autoscaling:CompleteLifecycleAction"}, Resources: own},
		k8s.Look("autoscaling:DescribeAutoScalingInstances", "autoscaling:DescribeTags", "ec2:DescribeInstances"),
	}
}
