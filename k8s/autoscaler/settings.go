package autoscaler

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/policy"
	"dip/config"
	"dip/k8s"
)

// clusterTag is the tag of a cluster's groups, which it scales when they have config.AutoscalerEnabled too. EKS puts
// both on managed groups by itself.
func clusterTag(cluster pulumi.StringInput) pulumi.StringOutput {
	return pulumi.Sprintf("%s%s", config.AutoscalerTags, cluster)
}

// Flags are its command line. What is not said is the default, which the documentation gives.
func Flags(cluster pulumi.StringInput) pulumi.StringArray {
	return pulumi.StringArray{
		pulumi.String("--v=2"),
		pulumi.String("--cloud-provider=aws"),
		pulumi.String("--namespace=" + k8s.System), // of its lease, status and priorities
		pulumi.String("--leader-elect=true"),
		pulumi.Sprintf("--node-group-auto-discovery=asg:tag=%s,%s", config.AutoscalerEnabled, clusterTag(cluster)),
		pulumi.String("--expander=priority,least-waste"), // spot before on-demand; of equals the one that is filled best
		pulumi.String("--balance-similar-node-groups=true"),
		pulumi.String("--skip-nodes-with-local-storage=false"), // an emptyDir is scratch space: it must not pin a node
	}
}

// priorityConfig is the ConfigMap of the expander "priority".
const priorityConfig = "cluster-autoscaler-priority-expander"

// Preferences of groups: the highest number is tried first.
const (
	preferSpot     = 20
	preferOnDemand = 10
)

// priorities render the preferences as the expander reads them: patterns of Auto Scaling groups' names by number.
func priorities(groups map[string]Group) pulumi.StringOutput {
	names := slices.Sorted(maps.Keys(groups))
	inputs := make([]any, len(names))
	for i, name := range names {
		inputs[i] = groups[name].AutoScalingGroup
	}
	return pulumi.All(inputs...).ApplyT(func(values []any) string {
		byPreference := map[int][]string{}
		for i, value := range values {
			preference := preferOnDemand
			if groups[names[i]].Spot {
				preference = preferSpot
			}
			byPreference[preference] = append(byPreference[preference], value.(string))
		}
		return renderPriorities(byPreference)
	}).(pulumi.StringOutput)
}

// renderPriorities is the text of the expander's ConfigMap.
func renderPriorities(groups map[int][]string) string {
	var text strings.Builder
	for _, preference := range slices.Sorted(maps.Keys(groups)) {
		fmt.Fprintf(&text, "%d:\n", preference)
		for _, name := range groups[preference] {
			fmt.Fprintf(&text, "  - '^%s$'\n", regexp.QuoteMeta(name))
		}
	}
	return text.String()
}

// Allow is what it needs of AWS. It looks at all groups, because looking cannot be limited, and changes those of its
// node groups, given by the names of their Auto Scaling groups. Source: "Cluster Autoscaler on AWS", permissions with
// auto-discovery.
func Allow(region, account string, cluster pulumi.StringInput, groups ...pulumi.StringInput) []policy.Statement {
	return []policy.Statement{
		k8s.Look("autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances",
			"autoscaling:DescribeLaunchConfigurations", "autoscaling:DescribeScalingActivities", "autoscaling:DescribeTags",
			"ec2:DescribeImages", "ec2:DescribeInstanceTypes", "ec2:DescribeLaunchTemplateVersions",
			"ec2:GetInstanceTypesFromInstanceRequirements"),
		{Actions: []string{"eks:DescribeNodegroup"}, Resources: []pulumi.StringInput{
			pulumi.Sprintf("arn:%s:eks:%s:%s:nodegroup/%s/*", config.PartitionOf(region), region, account, cluster),
		}},
		{
			Actions:   []string{"autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"},
			Resources: k8s.AutoScalingGroups(region, account, groups...),
		},
	}
}

var (
	read  = []string{"get", "list", "watch"}
	group = func(name string) []string { return []string{name} }
)

// clusterRules are what it does in the cluster. Source: its Helm chart, without what only other clouds, old API groups
// and provisioning requests need.
var clusterRules = []k8s.Rule{
	{Groups: group(""), Resources: []string{"events"}, Verbs: []string{"create", "patch"}},
	{Groups: group(""), Resources: []string{"pods/eviction"}, Verbs: []string{"create"}},
	{Groups: group(""), Resources: []string{"pods/status"}, Verbs: []string{"update"}},
	{Groups: group(""), Resources: []string{"nodes"}, Verbs: []string{"get", "list", "watch", "update"}},
	{Groups: group(""), Resources: []string{
		"namespaces", "pods", "services", "replicationcontrollers", "persistentvolumeclaims", "persistentvolumes",
	}, Verbs: read},
	{Groups: group("batch"), Resources: []string{"jobs", "cronjobs"}, Verbs: read},
	{Groups: group("apps"), Resources: []string{"daemonsets", "replicasets", "statefulsets"}, Verbs: read},
	{Groups: group("policy"), Resources: []string{"poddisruptionbudgets"}, Verbs: read},
	{Groups: group("storage.k8s.io"), Resources: []string{
		"storageclasses", "csinodes", "csidrivers", "csistoragecapacities", "volumeattachments",
	}, Verbs: read},
	// Its copy of the scheduler lists these.
	{Groups: group("resource.k8s.io"), Resources: []string{"resourceclaims", "resourceslices", "deviceclasses"},
		Verbs: read},
}

// localRules are what it does in its namespace: elect a leader, record its status, read the priorities.
func localRules() []k8s.Rule {
	own := []string{"cluster-autoscaler-status", priorityConfig}
	return append(k8s.Leases(app),
		k8s.Rule{Groups: group(""), Resources: []string{"configmaps"}, Verbs: []string{"create", "list", "watch"}},
		k8s.Rule{Groups: group(""), Resources: []string{"configmaps"}, Names: own,
			Verbs: []string{"get", "update", "delete"}},
	)
}
