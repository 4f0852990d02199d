// Package rights compares what the roles of a stack do with what their policies allow. The emulator allows everything,
// so that only this shows what a first deployment would be denied, and what a role may do for no reason.
//
// What roles did is recorded by the emulator. What no request shows, such as what a service does on behalf of a role,
// is added by rule. Each distinct call is simulated by an evaluator that is not ours, see dip/tools/simulate.
package rights

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Resource is a resource in a stack's state.
type Resource struct {
	Type    string         `json:"type"` // such as aws:iam/role:Role
	URN     string         `json:"urn"`
	Outputs map[string]any `json:"outputs"`
}

// name is the resource's logical name.
func (r Resource) name() string { return r.URN[strings.LastIndex(r.URN, "::")+2:] }

// text is an output that is a string; empty if it is not there.
func (r Resource) text(path ...string) string { return textIn(r.Outputs, path...) }

// on says whether a switch is on.
func (r Resource) on(path ...string) bool {
	on, _ := valueIn(r.Outputs, path...).(bool)
	return on
}

func textIn(v any, path ...string) string {
	text, _ := valueIn(v, path...).(string)
	return text
}

// valueIn finds a value in nested objects and in the first elements of lists; nil: there is none.
func valueIn(v any, path ...string) any {
	for _, name := range path {
		if list, ok := v.([]any); ok && len(list) > 0 {
			v = list[0]
		}
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[name]
	}
	return v
}

// Role is a role and its policies.
type Role struct {
	Name     string // in the program
	ARN      string
	Trust    Document
	Policies []Policy
	// Managed are policies of AWS that are attached. None of what they allow counts as unused.
	Managed []string
}

// Policy is a policy of a role.
type Policy struct {
	Name     string
	Document Document
}

// Stack is what a stack's rights consist of.
type Stack struct {
	Account, Region string
	Roles           map[string]*Role    // by ARN
	Attached        map[string]Document // policies of resources, by ARN

	resources []Resource
	byType    map[string][]Resource
}

// Read finds the rights in a stack's state.
func Read(account, region string, resources []Resource) (*Stack, error) {
	s := &Stack{
		Account: account, Region: region, Roles: map[string]*Role{}, Attached: map[string]Document{},
		resources: resources, byType: map[string][]Resource{},
	}
	for _, r := range resources {
		s.byType[r.Type] = append(s.byType[r.Type], r)
	}
	for _, read := range []func() error{s.readRoles, s.readPolicies, s.readAttached} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Stack) readRoles() error {
	for _, r := range s.byType["aws:iam/role:Role"] {
		trust, err := parseDocument(r.text("assumeRolePolicy"))
		if err != nil {
			return fmt.Errorf("role %s: %w", r.name(), err)
		}
		s.Roles[r.text("arn")] = &Role{Name: r.name(), ARN: r.text("arn"), Trust: trust}
	}
	return nil
}

// roleNamed finds a role by its name in AWS, which is also its id.
func (s *Stack) roleNamed(name string) *Role {
	for arn, role := range s.Roles {
		if arn[strings.LastIndexByte(arn, '/')+1:] == name {
			return role
		}
	}
	return nil
}

func (s *Stack) readPolicies() error {
	own := map[string]Document{} // by ARN
	for _, r := range s.byType["aws:iam/policy:Policy"] {
		document, err := parseDocument(r.text("policy"))
		if err != nil {
			return fmt.Errorf("policy %s: %w", r.name(), err)
		}
		own[r.text("arn")] = document
	}
	for _, r := range s.byType["aws:iam/rolePolicy:RolePolicy"] {
		role := s.roleNamed(r.text("role"))
		if role == nil {
			return fmt.Errorf("policy %s: no role %q", r.name(), r.text("role"))
		}
		document, err := parseDocument(r.text("policy"))
		if err != nil {
			return fmt.Errorf("policy %s: %w", r.name(), err)
		}
		role.Policies = append(role.Policies, Policy{r.name(), document})
	}
	for _, r := range s.byType["aws:iam/rolePolicyAttachment:RolePolicyAttachment"] {
		role, arn := s.roleNamed(r.text("role")), r.text("policyArn")
		if role == nil {
			return fmt.Errorf("attachment %s: no role %q", r.name(), r.text("role"))
		}
		if document, ok := own[arn]; ok {
			role.Policies = append(role.Policies, Policy{r.name(), document})
		} else {
			role.Managed = append(role.Managed, arn)
		}
	}
	for _, role := range s.Roles {
		slices.SortFunc(role.Policies, func(a, b Policy) int { return cmp.Compare(a.Name, b.Name) })
	}
	return nil
}

// readAttached reads the policies of buckets, queues, topics, keys and functions.
func (s *Stack) readAttached() error {
	attach := func(r Resource, arn, text string) error {
		if text == "" {
			return nil
		}
		document, err := parseDocument(text)
		if err != nil {
			return fmt.Errorf("policy of %s: %w", r.name(), err)
		}
		s.Attached[arn] = document
		return nil
	}
	for _, r := range s.byType["aws:s3/bucketPolicy:BucketPolicy"] {
		if err := attach(r, bucketARN(r.text("bucket")), r.text("policy")); err != nil {
			return err
		}
	}
	for _, r := range s.byType["aws:sqs/queue:Queue"] {
		if err := attach(r, r.text("arn"), r.text("policy")); err != nil {
			return err
		}
	}
	for _, r := range s.byType["aws:sqs/queuePolicy:QueuePolicy"] {
		url := r.text("queueUrl")
		if err := attach(r, s.arn("sqs", url[strings.LastIndexByte(url, '/')+1:]), r.text("policy")); err != nil {
			return err
		}
	}
	for _, r := range s.byType["aws:sns/topicPolicy:TopicPolicy"] {
		if err := attach(r, r.text("arn"), r.text("policy")); err != nil {
			return err
		}
	}
	for _, r := range s.byType["aws:lambda/permission:Permission"] {
		arn := s.arn("lambda", "function:"+r.text("function")+":"+r.text("qualifier"))
		document := s.Attached[arn]
		document.Version = "2012-10-17"
		document.Statement = append(document.Statement, permission(r, arn))
		s.Attached[arn] = document
	}
	for _, r := range s.byType["aws:kms/key:Key"] {
		text := cmp.Or(r.text("policy"), s.keyPolicy())
		if err := attach(r, r.text("arn"), text); err != nil {
			return err
		}
	}
	return nil
}

// permission is the statement that Lambda makes of a permission. Source: "Viewing resource-based IAM policies in Lambda".
func permission(r Resource, function string) Statement {
	return Statement{
		Effect: "Allow", Principal: map[string]any{"Service": r.text("principal")},
		Action: texts{r.text("action")}, Resource: texts{function},
		Condition: map[string]map[string]any{"ArnLike": {"aws:SourceArn": r.text("sourceArn")}},
	}
}

// keyPolicy is what KMS gives to a key without a policy: the policies of roles decide. Source: "Default key policy" of
// the KMS developer guide.
func (s *Stack) keyPolicy() string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",`+
		`"Principal":{"AWS":"arn:aws:iam::%s:root"},`+
		`"Action":"kms:*","Resource":"*"}]}`, s.Account)
}

func bucketARN(name string) string { return "arn:aws:s3:::" + name }

func (s *Stack) arn(service, resource string) string {
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, s.Region, s.Account, resource)
}

// policyOf is the policy of a resource, or of the bucket that an object is in.
func (s *Stack) policyOf(resource string) (Document, bool) {
	if strings.HasPrefix(resource, "arn:aws:s3:::") {
		resource, _, _ = strings.Cut(resource, "/")
	}
	document, ok := s.Attached[resource]
	return document, ok
}
