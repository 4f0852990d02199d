package proof

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"dip/config"
	"dip/internal/client"
)

// aws runs AWS's command line and reads what it prints.
func (p *proof) aws(ctx context.Context, out any, args ...string) error {
	text, err := p.Place.Run(ctx, "aws", append(args, "--output", "json")...)
	if err != nil {
		return err
	}
	if out == nil || len(text) == 0 { // such as of a function without reserved concurrency
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("aws %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

func (p *proof) account(ctx context.Context) ([]string, error) {
	var identity struct{ Account, Arn string }
	if err := p.aws(ctx, &identity, "sts", "get-caller-identity"); err != nil {
		return nil, err
	}
	var zones struct {
		AvailabilityZones []struct{ ZoneName, ZoneId, RegionName string }
	}
	if err := p.aws(ctx, &zones, "ec2", "describe-availability-zones", "--filters",
		"Name=zone-type,Values=availability-zone", "Name=state,Values=available"); err != nil {
		return nil, err
	}
	found := zones.AvailabilityZones
	wanted := 1
	if p.settings.Cluster.Enabled {
		wanted = p.settings.Network.AvailabilityZones
	}
	if len(found) < wanted {
		return nil, fmt.Errorf("the region has %d availability zones, the stack wants %d", len(found), wanted)
	}
	return []string{
		fmt.Sprintf("account %s as %s", identity.Account, identity.Arn),
		fmt.Sprintf("%s with %d availability zones", found[0].RegionName, len(found)),
	}, nil
}

// quota is a quota of an account that a cluster can run into.
type quota struct {
	what, service, code string // as `aws service-quotas list-service-quotas` names them
	need                int
}

// clusterQuotas are those of the stack's network and nodes.
func (p *proof) clusterQuotas(ctx context.Context) ([]quota, error) {
	addresses := 1 // of a NAT gateway each
	if p.settings.Network.NAT == config.PerZoneNAT {
		addresses = p.settings.Network.AvailabilityZones
	}
	spot, onDemand := 0, 0
	for _, g := range p.settings.NodeGroups {
		var types struct {
			InstanceTypes []struct{ VCpuInfo struct{ DefaultVCpus int } }
		}
		// All types of a group have the same number.
		if err := p.aws(ctx, &types, "ec2", "describe-instance-types", "--instance-types", g.InstanceTypes[0]); err != nil {
			return nil, err
		}
		if len(types.InstanceTypes) != 1 {
			return nil, fmt.Errorf("the region has no instance type %s", g.InstanceTypes[0])
		}
		each := types.InstanceTypes[0].VCpuInfo.DefaultVCpus
		if g.Capacity == config.Spot {
			spot, onDemand = spot+each*(g.Max-g.OnDemandBase), onDemand+each*g.OnDemandBase
		} else {
			onDemand += each * g.Max
		}
	}
	return []quota{
		{"elastic IP addresses", "ec2", "L-0263D0A3", addresses},
		{"VPCs", "vpc", "L-F678F1CE", 1},
		{"vCPUs of standard spot instances", "ec2", "L-34B43A08", spot},
		{"vCPUs of standard on-demand instances", "ec2", "L-1216C47A", onDemand},
		{"EKS clusters", "eks", "L-1194D53C", 1},
	}, nil
}

// unreserved is the concurrency that reserved functions leave to all others of the account.
const unreserved = 100

func (p *proof) quotas(ctx context.Context) ([]string, error) {
	var lambda struct {
		AccountLimit struct{ ConcurrentExecutions int }
	}
	if err := p.aws(ctx, &lambda, "lambda", "get-account-settings"); err != nil {
		return nil, err
	}
	var lines, short []string
	compare := func(what string, have, need int) {
		line := fmt.Sprintf("%s: %d, the stack needs %d", what, have, need)
		lines = append(lines, line)
		if have < need {
			short = append(short, line)
		}
	}
	together := 0
	for _, segment := range p.settings.Segments {
		together += segment.Concurrency
	}
	compare("concurrent executions", lambda.AccountLimit.ConcurrentExecutions, together+unreserved)
	if p.settings.Cluster.Enabled {
		quotas, err := p.clusterQuotas(ctx)
		if err != nil {
			return lines, err
		}
		for _, q := range quotas {
			var one struct{ Quota struct{ Value float64 } }
			if err := p.aws(ctx, &one, "service-quotas", "get-service-quota", "--service-code", q.service, "--quota-code",
				q.code); err != nil {
				return lines, err
			}
			compare(q.what, int(one.Quota.Value), q.need)
		}
	}
	if short != nil {
		return lines, fmt.Errorf("raise these quotas with `aws service-quotas request-service-quota-increase`: %s",
			strings.Join(short, "; "))
	}
	return lines, nil
}

// linked are the services whose linked roles a stack with a cluster needs. EC2 Spot has no other way to get its own
// than an administrator's call, EKS and Auto Scaling make theirs if the deployer may.
var linked = map[string]string{
	"AWSServiceRoleForEC2Spot": "spot.amazonaws.com", "AWSServiceRoleForAutoScaling": "autoscaling.amazonaws.com",
	"AWSServiceRoleForAmazonEKS":          "eks.amazonaws.com",
	"AWSServiceRoleForAmazonEKSNodegroup": "eks-nodegroup.amazonaws.com",
}

func (p *proof) linkedRoles(ctx context.Context) ([]string, error) {
	if !p.settings.Cluster.Enabled {
		return nil, skip("the stack has no cluster")
	}
	var list struct{ Roles []struct{ RoleName string } }
	if err := p.aws(ctx, &list, "iam", "list-roles", "--path-prefix", "/aws-service-role/"); err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, r := range list.Roles {
		there[r.RoleName] = true
	}
	var lines, missing []string
	for name, service := range linked {
		if there[name] {
			lines = append(lines, name+" exists")
		} else {
			missing = append(missing, "aws iam create-service-linked-role --aws-service-name "+service)
		}
	}
	if missing != nil {
		return lines, fmt.Errorf("roles are missing: %s", strings.Join(missing, "; "))
	}
	return lines, nil
}

// deployment is one action of each kind that a deployment takes.
var deployment = []string{
	"s3:CreateBucket", "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration", "s3:PutEncryptionConfiguration",
	"kms:CreateKey", "kms:CreateAlias", "sqs:CreateQueue", "dynamodb:CreateTable", "lambda:CreateFunction",
	"lambda:CreateEventSourceMapping", "iam:CreateRole", "iam:PutRolePolicy", "iam:PassRole", "states:CreateStateMachine",
	"states:PublishStateMachineVersion", "events:CreateEventBus", "scheduler:CreateSchedule", "logs:CreateLogGroup",
	"cloudwatch:PutMetricAlarm", "cloudwatch:PutCompositeAlarm", "sns:CreateTopic", "events:PutRule",
}

// clusterDeployment is what a cluster takes besides.
var clusterDeployment = []string{
	"ec2:CreateVpc", "ec2:CreateNatGateway", "ec2:AllocateAddress", "ec2:CreateLaunchTemplate", "ec2:CreateFlowLogs",
	"eks:CreateCluster", "eks:CreateNodegroup", "eks:CreateAddon", "eks:CreateAccessEntry",
	"eks:CreatePodIdentityAssociation", "autoscaling:CreateAutoScalingGroup", "ecr:CreateRepository",
	"iam:CreateInstanceProfile", "iam:CreateOpenIDConnectProvider",
}

func (p *proof) deployerRights(ctx context.Context) ([]string, error) {
	var identity struct{ Arn string }
	if err := p.aws(ctx, &identity, "sts", "get-caller-identity"); err != nil {
		return nil, err
	}
	actions := deployment
	if p.settings.Cluster.Enabled {
		actions = append(actions[:len(actions):len(actions)], clusterDeployment...)
	}
	var simulated struct {
		EvaluationResults []struct{ EvalActionName, EvalDecision string }
	}
	args := append([]string{"iam", "simulate-principal-policy", "--policy-source-arn", principal(identity.Arn),
		"--action-names"}, actions...)
	if err := p.aws(ctx, &simulated, args...); err != nil {
		return nil, err
	}
	var denied []string
	for _, r := range simulated.EvaluationResults {
		if r.EvalDecision != "allowed" {
			denied = append(denied, r.EvalActionName+": "+r.EvalDecision)
		}
	}
	if denied != nil {
		return nil, fmt.Errorf("%s may not deploy the stack: %s", principal(identity.Arn), strings.Join(denied, ", "))
	}
	return []string{fmt.Sprintf("%s may take all of %d kinds of action", principal(identity.Arn), len(actions))}, nil
}

// principal is the role of a session, or the caller itself. A role's path is not part of its sessions' ARNs.
func principal(caller string) string {
	parts := strings.Split(caller, "/")
	if !strings.Contains(caller, ":assumed-role/") || len(parts) < 3 {
		return caller
	}
	return strings.Replace(strings.Replace(parts[0], ":sts:", ":iam:", 1), ":assumed-role", ":role", 1) + "/" + parts[1]
}

// stack is access to what is up.
func (p *proof) stack(ctx context.Context) (*client.Stack, error) {
	s, err := p.Place.Client(ctx)
	if err != nil {
		return nil, fmt.Errorf("use stack %s: %w", p.Place.Name(), err)
	}
	return s, nil
}
