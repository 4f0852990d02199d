package proof

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"dip/internal/client"
)

func (p *proof) up(ctx context.Context) ([]string, error) {
	did, err := p.Place.Up(ctx, nil)
	return []string{did.Summary}, err
}

func (p *proof) image(ctx context.Context) ([]string, error) {
	if !p.settings.Cluster.Enabled {
		return nil, skip("the stack has no cluster")
	}
	_, err := p.Place.Run(ctx, "make", "image", "STACK="+p.Place.Name())
	return nil, err
}

func (p *proof) upAgain(ctx context.Context) ([]string, error) {
	did, err := p.Place.Up(ctx, nil)
	if err == nil && did.Changed {
		err = errors.New("the second deployment changed resources")
	}
	return []string{did.Summary}, err
}

// flowLog reads whether the flow log of the stack's VPC is delivered: it fails without any other sign.
func (p *proof) flowLog(ctx context.Context) ([]string, error) {
	if !p.settings.Cluster.Enabled {
		return nil, skip("the stack has no VPC")
	}
	var list struct {
		FlowLogs []struct{ FlowLogId, DeliverLogsStatus, DeliverLogsErrorMessage string }
	}
	if err := p.aws(ctx, &list, "ec2", "describe-flow-logs", "--filter",
		"Name=tag:dip:stack,Values="+p.Place.Name()); err != nil {
		return nil, err
	}
	if len(list.FlowLogs) == 0 {
		return nil, errors.New("the stack has no flow log")
	}
	var lines []string
	for _, l := range list.FlowLogs {
		if l.DeliverLogsStatus != "SUCCESS" {
			return lines, fmt.Errorf("flow log %s: %s: %s", l.FlowLogId, l.DeliverLogsStatus, l.DeliverLogsErrorMessage)
		}
		lines = append(lines, l.FlowLogId+" is delivered")
	}
	return lines, nil
}

// stopped is how long functions stay stopped: several of their visibility timeouts locally, a tenth of one on AWS.
const stopped = 20 * time.Second

// stopFunctions takes all concurrency from a segment's function while it works, AWS's own way to stop one, and
// gives it back.
func (p *proof) stopFunctions(ctx context.Context) ([]string, error) {
	bytes := int64(disturbed)
	if p.Local {
		bytes = smallBytes
	}
	return p.disturb(ctx, bytes, func(ctx context.Context, s *client.Stack, at client.Progress) ([]string, error) {
		name := function(s.Outputs.Segments["trips"].Function)
		var before struct{ ReservedConcurrentExecutions *int }
		if err := p.aws(ctx, &before, "lambda", "get-function-concurrency", "--function-name", name); err != nil {
			return nil, err
		}
		reserve := func(ctx context.Context, n int) error {
			return p.aws(ctx, nil, "lambda", "put-function-concurrency", "--function-name", name,
				"--reserved-concurrent-executions", fmt.Sprint(n))
		}
		if err := reserve(ctx, 0); err != nil {
			return nil, err
		}
		waited := pause(ctx, stopped)
		// Given back whatever happened.
		steady := context.WithoutCancel(ctx)
		var err error
		if n := before.ReservedConcurrentExecutions; n != nil {
			err = reserve(steady, *n)
		} else {
			err = p.aws(steady, nil, "lambda", "delete-function-concurrency", "--function-name", name)
		}
		line := fmt.Sprintf("%s was stopped for %s with %d of %d chunks done", name, stopped, at.Done, at.Chunks)
		return []string{line}, errors.Join(waited, err)
	})
}

// function is the name in the ARN of a function's alias.
func function(alias string) string {
	parts := strings.Split(alias, ":")
	if len(parts) < 7 {
		return alias
	}
	return parts[6]
}

// killExecution stops the execution of a load. The sweeper finds it at one of its next runs.
func (p *proof) killExecution(ctx context.Context) ([]string, error) {
	return p.disturb(ctx, disturbed, func(ctx context.Context, s *client.Stack, at client.Progress) ([]string, error) {
		machine := s.Outputs.Workflow[:strings.LastIndexByte(s.Outputs.Workflow, ':')] // without the alias
		var list struct {
			Executions []struct{ ExecutionArn, Name string }
		}
		if err := p.aws(ctx, &list, "stepfunctions", "list-executions", "--state-machine-arn", machine,
			"--status-filter", "RUNNING"); err != nil {
			return nil, err
		}
		for _, e := range list.Executions {
			if strings.HasPrefix(e.Name, at.Load) {
				err := p.aws(ctx, nil, "stepfunctions", "stop-execution", "--execution-arn", e.ExecutionArn)
				return []string{fmt.Sprintf("%s was stopped with %d of %d chunks done", e.Name, at.Done, at.Chunks)}, err
			}
		}
		return nil, fmt.Errorf("no execution of load %s is running", at.Load)
	})
}

// killPods ends the workers' pods without grace while they work.
func (p *proof) killPods(ctx context.Context) ([]string, error) {
	if !p.settings.Cluster.Enabled {
		return nil, skip("the stack has no cluster")
	}
	return p.disturb(ctx, disturbed, func(
		ctx context.Context, s *client.Stack, at client.Progress) ([]string, error,
	) {
		text, err := p.Place.Run(ctx, "kubectl", "delete", "pods", "--namespace", s.Outputs.Cluster.Namespace, "--all",
			"--force", "--grace-period", "0")
		return append(lines(text), fmt.Sprintf("with %d of %d chunks done", at.Done, at.Chunks)), err
	})
}

func lines(text []byte) []string {
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// interruptNode has AWS interrupt a spot instance of the stack while it works, with the two minutes' notice of
// a real interruption. Source: the action aws:ec2:send-spot-instance-interruptions of Fault Injection Service.
func (p *proof) interruptNode(ctx context.Context) ([]string, error) {
	switch {
	case !p.settings.Cluster.Enabled:
		return nil, skip("the stack has no cluster")
	case p.Interrupter == "":
		return nil, skip("no role was given with which Fault Injection Service may interrupt instances (--interrupter)")
	}
	return p.disturb(ctx, disturbed, func(ctx context.Context, s *client.Stack, at client.Progress) ([]string, error) {
		template, err := json.Marshal(map[string]any{
			"description": "interrupt a spot instance of stack " + p.Place.Name(), "roleArn": p.Interrupter,
			"stopConditions": []any{map[string]string{"source": "none"}},
			"tags":           map[string]string{"dip:stack": p.Place.Name()},
			"targets": map[string]any{"nodes": map[string]any{
				"resourceType": "aws:ec2:spot-instance", "selectionMode": "COUNT(1)",
				"resourceTags": map[string]string{"dip:stack": p.Place.Name()},
				"filters":      []any{map[string]any{"path": "State.Name", "values": []string{"running"}}},
			}},
			"actions": map[string]any{"interrupt": map[string]any{
				"actionId":   "aws:ec2:send-spot-instance-interruptions",
				"parameters": map[string]string{"durationBeforeInterruption": "PT2M"},
				"targets":    map[string]string{"SpotInstances": "nodes"},
			}},
		})
		if err != nil {
			return nil, err
		}
		var made struct{ ExperimentTemplate struct{ ID string } }
		if err := p.aws(ctx, &made, "fis", "create-experiment-template", "--cli-input-json", string(template)); err != nil {
			return nil, err
		}
		id := made.ExperimentTemplate.ID
		err = p.aws(ctx, nil, "fis", "start-experiment", "--experiment-template-id", id)
		// A started experiment goes on without its template.
		err = errors.Join(err, p.aws(context.WithoutCancel(ctx), nil, "fis", "delete-experiment-template", "--id", id))
		return []string{fmt.Sprintf("an instance was interrupted with %d of %d chunks done", at.Done, at.Chunks)}, err
	})
}

// changed is a setting that every function's new version has: more memory for those of a segment.
var changed = map[string]any{"segments": map[string]any{"trips": map[string]any{"memoryMB": 640}}}

// rollback deploys a change while a load runs, and takes it back while another one does.
func (p *proof) rollback(ctx context.Context) ([]string, error) {
	bytes := int64(disturbed)
	if p.Local {
		bytes = smallBytes
	}
	var all []string
	for _, settings := range []map[string]any{changed, nil} {
		found, err := p.disturb(ctx, bytes, func(ctx context.Context, _ *client.Stack, _ client.Progress) ([]string, error) {
			did, err := p.Place.Up(ctx, settings)
			if err == nil && !did.Changed {
				err = errors.New("the deployment changed nothing")
			}
			return []string{did.Summary}, err
		})
		all = append(all, found...)
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

func (p *proof) destroy(ctx context.Context) ([]string, error) { return nil, p.Place.Destroy(ctx) }

// nothingLeft looks for resources with the stack's tag. The tagging API still lists some for a while after they are
// deleted: those are asked for again.
func (p *proof) nothingLeft(ctx context.Context) ([]string, error) {
	tries := 10
	if p.Local {
		tries = 1
	}
	for try := 1; ; try++ {
		var list struct {
			ResourceTagMappingList []struct{ ResourceARN string }
		}
		if err := p.aws(ctx, &list, "resourcegroupstaggingapi", "get-resources", "--tag-filters",
			"Key=dip:stack,Values="+p.Place.Name()); err != nil {
			return nil, err
		}
		var left []string
		for _, r := range list.ResourceTagMappingList {
			waits, err := p.waitsForDeletion(ctx, r.ResourceARN)
			if err != nil {
				return nil, err
			}
			if !waits {
				left = append(left, r.ResourceARN)
			}
		}
		if left == nil {
			return []string{fmt.Sprintf("nothing but %d keys that wait to be deleted", len(list.ResourceTagMappingList))}, nil
		}
		if try == tries {
			return left, fmt.Errorf("%d resources are left", len(left))
		}
		if err := pause(ctx, time.Minute); err != nil {
			return left, err
		}
	}
}

// waitsForDeletion reports whether a resource is a key whose deletion window has not ended.
func (p *proof) waitsForDeletion(ctx context.Context, arn string) (bool, error) {
	if !strings.Contains(arn, ":kms:") {
		return false, nil
	}
	var key struct{ KeyMetadata struct{ KeyState string } }
	err := p.aws(ctx, &key, "kms", "describe-key", "--key-id", arn)
	return key.KeyMetadata.KeyState == "PendingDeletion", err
}

// bill reads the cost of the last days by service. Cost Explorer knows the tag once it is activated, and is a day late.
func (p *proof) bill(ctx context.Context) ([]string, error) {
	const day = 24 * time.Hour
	var costs struct {
		ResultsByTime []struct {
			Groups []struct {
				Keys    []string
				Metrics map[string]struct{ Amount, Unit string }
			}
		}
	}
	filter, err := json.Marshal(map[string]any{
		"Tags": map[string]any{"Key": "dip:stack", "Values": []string{p.Place.Name()}},
	})
	if err != nil {
		return nil, err
	}
	period := fmt.Sprintf("Start=%s,End=%s", p.Now().Add(-7*day).UTC().Format(time.DateOnly),
		p.Now().Add(day).UTC().Format(time.DateOnly))
	if err := p.aws(ctx, &costs, "ce", "get-cost-and-usage", "--time-period", period, "--granularity", "MONTHLY",
		"--metrics", "UnblendedCost", "--group-by", "Type=DIMENSION,Key=SERVICE", "--filter", string(filter)); err != nil {
		return nil, err
	}
	var found []string
	for _, month := range costs.ResultsByTime {
		for _, group := range month.Groups {
			cost := group.Metrics["UnblendedCost"]
			found = append(found, fmt.Sprintf("%s: %s %s", strings.Join(group.Keys, " "), cost.Amount, cost.Unit))
		}
	}
	if found == nil {
		return nil, skip("Cost Explorer has nothing yet: activate the cost allocation tag dip:stack and, a day after the " +
			"run, run the step bill alone (--only bill)")
	}
	return found, nil
}
