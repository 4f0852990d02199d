// Package policy renders IAM policies from typed statements, so that no component writes JSON by hand and no allowed
// action is a wildcard.
package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Effect of a statement.
type Effect string

// The effects.
const (
	Allow Effect = "Allow"
	Deny  Effect = "Deny"
)

// Statement is one statement of a policy.
type Statement struct {
	Effect     Effect                // zero: Allow
	Principals []string              // services, or "*" for everyone; none in a policy that is attached to a role
	AWS        []pulumi.StringInput  // ARNs of roles or accounts, instead of Principals
	Federated  pulumi.StringInput    // ARN of an identity provider, instead of Principals
	Actions    []string              // "service:Action"; wildcards only in a Deny
	Resources  []pulumi.StringInput  // ARNs; none only in a role's trust policy
	Except     []pulumi.StringInput  // ARNs, instead of Resources: everything else; only in a Deny
	Conditions map[Test]pulumi.Input // by what is tested: a string, strings or boolean
}

// Test is a condition's operator on a key, such as {"StringEquals", "aws:SourceAccount"}.
type Test struct{ Operator, Key string }

// document and statement are the JSON form.
type document struct {
	Version   string
	Statement []statement
}

type statement struct {
	Effect      Effect
	Principal   any                       `json:",omitempty"`
	Action      []string                  `json:",omitempty"`
	Resource    []string                  `json:",omitempty"`
	NotResource []string                  `json:",omitempty"`
	Condition   map[string]map[string]any `json:",omitempty"`
}

// Document renders statements when the ARNs in them are known. The error names each statement that allows a wildcard
// action or lacks actions.
func Document(statements ...Statement) (pulumi.StringOutput, error) {
	if err := validate(statements); err != nil {
		return pulumi.StringOutput{}, err
	}
	return rendered(statements), nil
}

// Boundary renders a permissions boundary: what roles may do at most, of whatever their own policies allow. It grants
// nothing, so that it names whole services.
func Boundary(services []string, denied ...Statement) (pulumi.StringOutput, error) {
	for i := range denied {
		denied[i].Effect = Deny
	}
	if err := validate(denied); err != nil {
		return pulumi.StringOutput{}, err
	}
	whole := Statement{Resources: []pulumi.StringInput{pulumi.String("*")}}
	for _, service := range services {
		whole.Actions = append(whole.Actions, service+":*")
	}
	return rendered(append([]Statement{whole}, denied...)), nil
}

func rendered(statements []Statement) pulumi.StringOutput {
	var inputs []any
	for _, s := range statements {
		for _, arn := range s.arns() {
			inputs = append(inputs, arn)
		}
		for _, test := range tests(s.Conditions) {
			inputs = append(inputs, s.Conditions[test])
		}
	}
	return pulumi.All(inputs...).ApplyT(func(values []any) (string, error) {
		return render(statements, values)
	}).(pulumi.StringOutput)
}

// arns are those of a statement, in the order in which render takes them.
func (s Statement) arns() []pulumi.StringInput {
	all := s.AWS
	if s.Federated != nil {
		all = append(slices.Clone(all), s.Federated)
	}
	return slices.Concat(all, s.Resources, s.Except)
}

// Identity lets take a role for whom an identity provider, given by its ARN, vouches on the given conditions.
func Identity(provider pulumi.StringInput, conditions map[Test]pulumi.Input) Statement {
	return Statement{Federated: provider, Actions: []string{"sts:AssumeRoleWithWebIdentity"}, Conditions: conditions}
}

// Trust renders the policy that lets a service take a role on the given conditions. actions are how; none:
// sts:AssumeRole.
func Trust(service string, conditions map[Test]pulumi.Input, actions ...string) (pulumi.StringOutput, error) {
	if len(actions) == 0 {
		actions = []string{"sts:AssumeRole"}
	}
	return Document(Statement{Principals: []string{service}, Actions: actions, Conditions: conditions})
}

func validate(statements []Statement) error {
	var errs []error
	if len(statements) == 0 {
		errs = append(errs, errors.New("policy: no statements"))
	}
	for i, s := range statements {
		if len(s.Except) > 0 && s.Effect != Deny {
			errs = append(errs, fmt.Errorf("policy: statement %d allows all resources but some", i))
		}
		if len(s.Actions) == 0 {
			errs = append(errs, fmt.Errorf("policy: statement %d has no actions", i))
		}
		for _, a := range s.Actions {
			service, action, ok := strings.Cut(a, ":")
			if !ok || service == "" || action == "" {
				errs = append(errs, fmt.Errorf("policy: statement %d: %q is not an action", i, a))
			} else if s.Effect != Deny && strings.Contains(a, "*") {
				errs = append(errs, fmt.Errorf("policy: statement %d allows the wildcard %q", i, a))
			}
		}
	}
	return errors.Join(errs...)
}

// render takes the values of the statements' principals, resources and conditions, in order.
func render(statements []Statement, values []any) (string, error) {
	take := func() any {
		v := values[0]
		values = values[1:]
		return v
	}
	doc := document{Version: "2012-10-17"}
	for _, s := range statements {
		out := statement{Effect: s.Effect, Principal: principal(s.Principals), Action: s.Actions}
		if out.Effect == "" {
			out.Effect = Allow
		}
		if len(s.AWS) > 0 {
			arns := make([]string, len(s.AWS))
			for i := range arns {
				arns[i] = take().(string)
			}
			out.Principal = map[string][]string{"AWS": arns}
		}
		if s.Federated != nil {
			out.Principal = map[string]string{"Federated": take().(string)}
		}
		for range s.Resources {
			out.Resource = append(out.Resource, take().(string))
		}
		for range s.Except {
			out.NotResource = append(out.NotResource, take().(string))
		}
		for _, test := range tests(s.Conditions) {
			if out.Condition == nil {
				out.Condition = map[string]map[string]any{}
			}
			if out.Condition[test.Operator] == nil {
				out.Condition[test.Operator] = map[string]any{}
			}
			out.Condition[test.Operator][test.Key] = take()
		}
		doc.add(out)
	}
	data, err := json.Marshal(doc)
	if err != nil {
		return "", fmt.Errorf("render policy: %w", err)
	}
	return string(data), nil
}

// add appends a statement, or its resources to one that allows the same: a role's policies share 10,240 characters.
func (d *document) add(s statement) {
	i := slices.IndexFunc(d.Statement, func(o statement) bool {
		return s.plain() && o.plain() && o.Effect == s.Effect && slices.Equal(o.Action, s.Action)
	})
	if i < 0 {
		d.Statement = append(d.Statement, s)
		return
	}
	for _, r := range s.Resource {
		if !slices.Contains(d.Statement[i].Resource, r) {
			d.Statement[i].Resource = append(d.Statement[i].Resource, r)
		}
	}
}

// plain says that a statement is about its resources alone.
func (s statement) plain() bool {
	return s.Principal == nil && s.Condition == nil && s.NotResource == nil
}

func principal(names []string) any {
	switch {
	case len(names) == 0:
		return nil
	case names[0] == "*":
		return "*"
	default:
		return map[string][]string{"Service": names}
	}
}
