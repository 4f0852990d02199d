// Package nodes is a stack's node groups as maintenance sees them: their Auto Scaling groups, EKS, and the parameters
// that say what is new and what people want.
package nodes

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"dip/contract"
)

// Nodes is the node groups of an account's region.
type Nodes struct {
	scaling *autoscaling.Client
	eks     *eks.Client
	ssm     *ssm.Client
}

// New connects.
func New(cfg aws.Config) *Nodes {
	return &Nodes{autoscaling.NewFromConfig(cfg), eks.NewFromConfig(cfg), ssm.NewFromConfig(cfg)}
}

// States are those of groups, in their order. releases names the parameter with the newest release of their image.
func (n *Nodes) States(ctx context.Context, groups []contract.MaintainedGroup, releases string) (
	[]contract.GroupState, error,
) {
	minima, err := n.minima(ctx, groups)
	if err != nil {
		return nil, err
	}
	newest := ""
	if releases != "" {
		if newest, err = read(ctx, n.ssm, releases); err != nil {
			return nil, err
		}
	}
	var all []contract.GroupState
	for _, g := range groups {
		least, ok := minima[g.AutoScalingGroup]
		if !ok {
			return nil, fmt.Errorf("node group %s: there is no Auto Scaling group %s", g.Name, g.AutoScalingGroup)
		}
		state := contract.GroupState{Name: g.Name, Min: least}
		if g.Managed != "" {
			out, err := n.eks.DescribeNodegroup(ctx, &eks.DescribeNodegroupInput{
				ClusterName: &g.Cluster, NodegroupName: &g.Managed,
			})
			if err != nil {
				return nil, fmt.Errorf("describe the node group %s: %w", g.Managed, err)
			}
			state.Status, state.Release = string(out.Nodegroup.Status), aws.ToString(out.Nodegroup.ReleaseVersion)
			state.Newest = newest
		}
		all = append(all, state)
	}
	return all, nil
}

// minima are those of the Auto Scaling groups, by name.
func (n *Nodes) minima(ctx context.Context, groups []contract.MaintainedGroup) (map[string]int, error) {
	in, found := &autoscaling.DescribeAutoScalingGroupsInput{}, map[string]int{}
	for _, g := range groups {
		in.AutoScalingGroupNames = append(in.AutoScalingGroupNames, g.AutoScalingGroup)
	}
	pages := autoscaling.NewDescribeAutoScalingGroupsPaginator(n.scaling, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe the Auto Scaling groups: %w", err)
		}
		for _, g := range page.AutoScalingGroups {
			found[aws.ToString(g.AutoScalingGroupName)] = int(aws.ToInt32(g.MinSize))
		}
	}
	return found, nil
}

// SetMin sets the minimum of a group's Auto Scaling group. Its desired size stays the scaler's: a lower minimum ends no
// node, and a higher one starts those that are missing.
func (n *Nodes) SetMin(ctx context.Context, group contract.MaintainedGroup, least int) error {
	_, err := n.scaling.UpdateAutoScalingGroup(ctx, &autoscaling.UpdateAutoScalingGroupInput{
		AutoScalingGroupName: &group.AutoScalingGroup, MinSize: aws.Int32(int32(least)),
	})
	if err != nil {
		return fmt.Errorf("set the minimum of %s to %d: %w", group.AutoScalingGroup, least, err)
	}
	return nil
}

// Update begins the update of a managed group's nodes to a release. It drains them within disruption budgets, and is
// not forced: a pod that cannot be evicted fails it. The same token begins it once.
func (n *Nodes) Update(ctx context.Context, group contract.MaintainedGroup, release, token string) error {
	out, err := n.eks.UpdateNodegroupVersion(ctx, &eks.UpdateNodegroupVersionInput{
		ClusterName: &group.Cluster, NodegroupName: &group.Managed, ReleaseVersion: &release, ClientRequestToken: &token,
	})
	if err != nil {
		return fmt.Errorf("update the node group %s to %s: %w", group.Managed, release, err)
	}
	if out.Update != nil && len(out.Update.Errors) > 0 {
		return fmt.Errorf("update the node group %s to %s: %s", group.Managed, release,
			aws.ToString(out.Update.Errors[0].ErrorMessage))
	}
	return nil
}

// Switch is the parameter that people hold, force and wake by.
type Switch struct {
	client *ssm.Client
	name   string
}

// NewSwitch is the parameter of a name.
func NewSwitch(cfg aws.Config, name string) *Switch { return &Switch{ssm.NewFromConfig(cfg), name} }

// Read reads it.
func (s *Switch) Read(ctx context.Context) (contract.MaintenanceSwitch, error) {
	value, err := read(ctx, s.client, s.name)
	if err != nil {
		return contract.MaintenanceSwitch{}, err
	}
	return contract.ParseSwitch(value)
}

func read(ctx context.Context, client *ssm.Client, name string) (string, error) {
	out, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
	if err != nil {
		return "", fmt.Errorf("read the parameter %s: %w", name, err)
	}
	if out.Parameter == nil || aws.ToString(out.Parameter.Value) == "" {
		return "", errors.New("read the parameter " + name + ": it is empty")
	}
	return *out.Parameter.Value, nil
}
