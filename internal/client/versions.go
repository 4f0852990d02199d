package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"dip/contract"
)

// Version is a published version of one of a stack's functions, or of its workflow.
type Version struct {
	Of        string    `json:"of"` // the function's name in the stack, or "workflow"
	Number    int       `json:"version"`
	Published time.Time `json:"published"`
	Bytes     int64     `json:"bytes,omitempty"` // of a function's code
	Called    bool      `json:"called"`          // an alias leads to it
	owner     string    // name of the function, or ARN of the state machine
}

// workflowName is what a workflow's versions are of.
const workflowName = "workflow"

// settling is how long a version that was succeeded may still be at work: a function runs for 15 minutes at most, and
// an alias reaches all of Lambda within seconds.
const settling = time.Hour

// Superseded are the versions that can be deleted: no alias leads to them, they are not among the newest keep of their
// function, and the one after them is an hour old. Executions of a deleted version of the workflow run to their end.
func Superseded(versions []Version, keep int, now time.Time) []Version {
	var found []Version
	for _, of := range byOwner(versions) {
		for i, v := range of {
			if i >= keep && i > 0 && !v.Called && now.Sub(of[i-1].Published) > settling {
				found = append(found, v)
			}
		}
	}
	return found
}

// byOwner groups versions, newest first.
func byOwner(versions []Version) [][]Version {
	groups := map[string][]Version{}
	for _, v := range versions {
		groups[v.Of] = append(groups[v.Of], v)
	}
	var sorted [][]Version
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		of := groups[name]
		slices.SortFunc(of, func(a, b Version) int { return cmp.Compare(b.Number, a.Number) })
		sorted = append(sorted, of)
	}
	return sorted
}

// Versions lists what is published of the stack's functions and of its workflow, newest first.
func (s *Stack) Versions(ctx context.Context) ([]Version, error) {
	functions := maps.Clone(s.Outputs.Functions)
	if m := s.Outputs.Maintenance; m != nil {
		functions[contract.Maintenance] = m.Function
	}
	for name, segment := range s.Outputs.Segments {
		functions[name] = segment.Function
		if s := segment.Stream; s != nil {
			functions[contract.StreamFunction(name, contract.Witness)] = s.Witness
			functions[contract.StreamFunction(name, contract.Closer)] = s.Closer
		}
	}
	var all []Version
	for name, arn := range functions {
		found, err := functionVersions(ctx, s.Lambda, name, functionName(arn))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	found, err := workflowVersions(ctx, s.SFN, unqualified(s.Outputs.Workflow))
	if err != nil {
		return nil, err
	}
	return slices.Concat(byOwner(append(all, found...))...), nil
}

// Prune deletes versions. One that an alias leads to by now is refused by AWS.
func (s *Stack) Prune(ctx context.Context, versions []Version) error {
	var errs []error
	for _, v := range versions {
		if err := s.deleteVersion(ctx, v); err != nil {
			errs = append(errs, fmt.Errorf("delete version %d of %s: %w", v.Number, v.Of, err))
		}
	}
	return errors.Join(errs...)
}

func (s *Stack) deleteVersion(ctx context.Context, v Version) error {
	if v.Number <= 0 { // without a version, Lambda deletes the function
		return errors.New("not a version")
	}
	number := strconv.Itoa(v.Number)
	if v.Of == workflowName {
		arn := v.owner + ":" + number
		_, err := s.SFN.DeleteStateMachineVersion(ctx, &sfn.DeleteStateMachineVersionInput{StateMachineVersionArn: &arn})
		return err
	}
	_, err := s.Lambda.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: &v.owner, Qualifier: &number})
	return err
}

// unqualified is an ARN without its alias.
func unqualified(arn string) string { return arn[:strings.LastIndexByte(arn, ':')] }

// functionName is the physical name in the ARN of a function's alias.
func functionName(alias string) string {
	arn := unqualified(alias)
	return arn[strings.LastIndexByte(arn, ':')+1:]
}

func functionVersions(ctx context.Context, client *lambda.Client, name, function string) ([]Version, error) {
	called, err := calledVersions(ctx, client, function)
	if err != nil {
		return nil, fmt.Errorf("list the aliases of %s: %w", name, err)
	}
	var found []Version
	pages := lambda.NewListVersionsByFunctionPaginator(client,
		&lambda.ListVersionsByFunctionInput{FunctionName: &function})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the versions of %s: %w", name, err)
		}
		for _, v := range page.Versions {
			number, err := strconv.Atoi(aws.ToString(v.Version))
			if err != nil {
				continue // $LATEST
			}
			published, err := time.Parse("2006-01-02T15:04:05Z0700", aws.ToString(v.LastModified))
			if err != nil {
				return nil, fmt.Errorf("version %d of %s: %w", number, name, err)
			}
			found = append(found, Version{
				Of: name, Number: number, Published: published, Bytes: v.CodeSize, Called: called[*v.Version],
				owner: function,
			})
		}
	}
	return found, nil
}

// calledVersions are those that aliases of a function lead to, with any weight.
func calledVersions(ctx context.Context, client *lambda.Client, function string) (map[string]bool, error) {
	called := map[string]bool{}
	pages := lambda.NewListAliasesPaginator(client, &lambda.ListAliasesInput{FunctionName: &function})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, alias := range page.Aliases {
			called[aws.ToString(alias.FunctionVersion)] = true
			if alias.RoutingConfig != nil {
				for version := range alias.RoutingConfig.AdditionalVersionWeights {
					called[version] = true
				}
			}
		}
	}
	return called, nil
}

func workflowVersions(ctx context.Context, client *sfn.Client, arn string) ([]Version, error) {
	called := map[string]bool{}
	aliases := &sfn.ListStateMachineAliasesInput{StateMachineArn: &arn}
	for more := true; more; more = aliases.NextToken != nil {
		page, err := client.ListStateMachineAliases(ctx, aliases)
		if err != nil {
			return nil, fmt.Errorf("list the aliases of the workflow: %w", err)
		}
		for _, item := range page.StateMachineAliases {
			alias, err := client.DescribeStateMachineAlias(ctx,
				&sfn.DescribeStateMachineAliasInput{StateMachineAliasArn: item.StateMachineAliasArn})
			if err != nil {
				return nil, fmt.Errorf("describe an alias of the workflow: %w", err)
			}
			for _, route := range alias.RoutingConfiguration {
				called[aws.ToString(route.StateMachineVersionArn)] = true
			}
		}
		aliases.NextToken = page.NextToken
	}
	var found []Version
	versions := &sfn.ListStateMachineVersionsInput{StateMachineArn: &arn}
	for more := true; more; more = versions.NextToken != nil {
		page, err := client.ListStateMachineVersions(ctx, versions)
		if err != nil {
			return nil, fmt.Errorf("list the versions of the workflow: %w", err)
		}
		for _, v := range page.StateMachineVersions {
			full := aws.ToString(v.StateMachineVersionArn)
			number, err := strconv.Atoi(full[strings.LastIndexByte(full, ':')+1:])
			if err != nil {
				return nil, fmt.Errorf("version %s of the workflow: %w", full, err)
			}
			found = append(found, Version{
				Of: workflowName, Number: number, Published: aws.ToTime(v.CreationDate), Called: called[full], owner: arn,
			})
		}
		versions.NextToken = page.NextToken
	}
	return found, nil
}
