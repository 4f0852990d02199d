package escalator

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"gopkg.in/yaml.v3"

	"dip/components/policy"
	"dip/config"
	"dip/k8s"
)

const (
	groupsFile = "nodegroups.yaml"
	lease      = "escalator-leader-elect"
	port       = 8080 // of its metrics, which tell whether it lives
)

// defaultScan is how often it looks at the groups when nothing else is set: its own default.
const defaultScan = config.Duration(time.Minute)

// Flags are its command line. scan is the time between two rounds.
func Flags(scan config.Duration) []string {
	return []string{
		"--nodegroups=" + path.Join(k8s.ConfigPath, groupsFile),
		"--cloud-provider=aws",
		"--scaninterval=" + scan.String(),
		"--logfmt=json",
		fmt.Sprintf("--address=$(POD_IP):%d", port),
		"--leader-elect",
		"--leader-elect-config-namespace=" + k8s.System,
		"--leader-elect-config-name=" + lease,
	}
}

// scanInterval is the shortest that a group asks for: there is one for all.
func scanInterval(groups map[string]Group) config.Duration {
	shortest := config.Duration(0)
	for _, g := range groups {
		if s := g.Settings.ScanInterval; s > 0 && (shortest == 0 || s < shortest) {
			shortest = s
		}
	}
	if shortest == 0 {
		return defaultScan
	}
	return shortest
}

// group is an entry of Escalator's file. Minimum and maximum are left out: it then takes those of the Auto Scaling
// group in each round, so that scheduled windows move them. Tags of its own are left out as well: the stack owns the
// tags.
type group struct {
	Name                  string `yaml:"name"`
	LabelKey              string `yaml:"label_key"`
	LabelValue            string `yaml:"label_value"`
	CloudProviderGroup    string `yaml:"cloud_provider_group_name"`
	ScaleOnStarve         bool   `yaml:"scale_on_starve"` // a pod that fits onto no node adds one, however low the share
	TaintUpperPercent     int    `yaml:"taint_upper_capacity_threshold_percent"`
	TaintLowerPercent     int    `yaml:"taint_lower_capacity_threshold_percent"`
	SlowRemoval           int    `yaml:"slow_node_removal_rate"`
	FastRemoval           int    `yaml:"fast_node_removal_rate"`
	ScaleUpPercent        int    `yaml:"scale_up_threshold_percent"`
	ScaleUpCoolDown       string `yaml:"scale_up_cool_down_period"`
	SoftDeleteGracePeriod string `yaml:"soft_delete_grace_period"`
	HardDeleteGracePeriod string `yaml:"hard_delete_grace_period"`
	TaintEffect           string `yaml:"taint_effect"`
}

// Render is Escalator's file for groups by name, each with its Auto Scaling group's name.
func Render(groups map[string]config.Escalator, autoScalingGroups map[string]string) (string, error) {
	var file struct {
		Groups []group `yaml:"node_groups"`
	}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		s := groups[name]
		file.Groups = append(file.Groups, group{
			Name: name, LabelKey: config.GroupLabel, LabelValue: name, CloudProviderGroup: autoScalingGroups[name],
			ScaleOnStarve: true, TaintEffect: config.NoSchedule,
			TaintUpperPercent: s.TaintUpperPercent, TaintLowerPercent: s.TaintLowerPercent, ScaleUpPercent: s.ScaleUpPercent,
			SlowRemoval: s.SlowRemoval, FastRemoval: s.FastRemoval, ScaleUpCoolDown: s.CoolDown.String(),
			SoftDeleteGracePeriod: s.SoftDeleteGrace.String(), HardDeleteGracePeriod: s.HardDeleteGrace.String(),
		})
	}
	text, err := yaml.Marshal(file)
	if err != nil {
		return "", fmt.Errorf("render the node groups: %w", err)
	}
	return string(text), nil
}

// nodeGroups is Render once the Auto Scaling groups have names.
func nodeGroups(groups map[string]Group) pulumi.StringOutput {
	names := slices.Sorted(maps.Keys(groups))
	inputs, settings := make([]any, len(names)), map[string]config.Escalator{}
	for i, name := range names {
		inputs[i], settings[name] = groups[name].AutoScalingGroup, groups[name].Settings
	}
	return pulumi.All(inputs...).ApplyT(func(values []any) (string, error) {
		physical := map[string]string{}
		for i, value := range values {
			physical[names[i]] = value.(string)
		}
		return Render(settings, physical)
	}).(pulumi.StringOutput)
}

// Allow is what it needs of AWS: to look at all groups and instances, for looking cannot be limited, and to change its
// own groups. Source: its documentation, "AWS", without what only fleets need.
func Allow(region, account string, autoScalingGroups ...pulumi.StringInput) []policy.Statement {
	return []policy.Statement{
		k8s.Look("autoscaling:DescribeAutoScalingGroups", "ec2:DescribeInstances"),
		{Actions: []string{
			"autoscaling:AttachInstances", "autoscaling:CreateOrUpdateTags", "autoscaling:SetDesiredCapacity",
			"autoscaling:TerminateInstanceInAutoScalingGroup",
		}, Resources: k8s.AutoScalingGroups(region, account, autoScalingGroups...)},
	}
}
