package bootstrap_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/bootstrap"
	"dip/components/componenttest"
)

const (
	roleType   = "aws:iam/role:Role"
	policyType = "aws:iam/rolePolicy:RolePolicy"
)

func args() *bootstrap.Args {
	return &bootstrap.Args{
		Account: componenttest.Account, Region: componenttest.Region, Repository: "acme/dip",
		Environments: []string{"dev", "prod"},
	}
}

func run(t *testing.T, change func(*bootstrap.Args)) *componenttest.Recorder {
	t.Helper()
	a := args()
	if change != nil {
		change(a)
	}
	return componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := bootstrap.New(ctx, "b", a)
		return err
	})
}

var children = []string{
	"aws:iam/openIdConnectProvider:OpenIdConnectProvider::b-provider",
	"aws:iam/policy:Policy::b-boundary",
	"aws:iam/role:Role::b-preview",
	"aws:iam/role:Role::b-up-dev",
	"aws:iam/role:Role::b-up-prod",
	"aws:iam/rolePolicy:RolePolicy::b-preview",
	"aws:iam/rolePolicy:RolePolicy::b-up-dev",
	"aws:iam/rolePolicy:RolePolicy::b-up-prod",
	"aws:iam/rolePolicyAttachment:RolePolicyAttachment::b-preview-managed",
	"aws:iam/rolePolicyAttachment:RolePolicyAttachment::b-up-dev-managed",
	"aws:iam/rolePolicyAttachment:RolePolicyAttachment::b-up-prod-managed",
	"aws:kms/alias:Alias::b-secrets-alias",
	"aws:kms/key:Key::b-secrets",
	"dip:bucket:Bucket::b-state",
}

func TestChildren(t *testing.T) {
	if got := run(t, nil).Children(bootstrap.TypeToken, "b"); !slices.Equal(got, children) {
		t.Errorf("children are %q", got)
	}
	own := run(t, func(a *bootstrap.Args) { a.Provider = "arn:aws:iam::1:oidc-provider/g" })
	if got := own.Children(bootstrap.TypeToken, "b"); !slices.Equal(got, children[1:]) {
		t.Errorf("with a provider that exists children are %q", got)
	}
}

// What the state needs, and what the trust stands on, is protected; data outlives a destroy, too.
func TestProtection(t *testing.T) {
	r := run(t, nil)
	for _, c := range []struct {
		kind, name string
		retained   bool
	}{
		{"aws:s3/bucketV2:BucketV2", "b-state-bucket", true}, {"aws:kms/key:Key", "b-state-key", true},
		{"aws:kms/key:Key", "b-secrets", true}, {"aws:iam/policy:Policy", "b-boundary", false},
		{"aws:iam/openIdConnectProvider:OpenIdConnectProvider", "b-provider", false},
	} {
		if got := r.Find(t, c.kind, c.name); !got.Protect || got.Retain != c.retained {
			t.Errorf("%s: protect %t, retain %t", c.name, got.Protect, got.Retain)
		}
	}
}

type statement struct {
	Effect                        string
	Principal                     map[string]string
	Action, Resource, NotResource []string
	Condition                     map[string]map[string]any
}

func statements(t *testing.T, text string) []statement {
	t.Helper()
	var document struct{ Statement []statement }
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	return document.Statement
}

func list(v any) (all []string) {
	if text, ok := v.(string); ok {
		return []string{text}
	}
	for _, one := range v.([]any) {
		all = append(all, one.(string))
	}
	return all
}

// A token is taken for what it says, exactly: no other repository, branch, environment or audience.
func TestTrust(t *testing.T) {
	r := run(t, func(a *bootstrap.Args) { a.Organization = "acme" })
	const deploy = "pulumi:deploy:org:acme:project:dip:stack:prod:operation:"
	for name, want := range map[string]map[string][]string{
		"b-preview": {
			"token.actions.githubusercontent.com": {"repo:acme/dip:pull_request", "repo:acme/dip:ref:refs/heads/main"},
		},
		"b-up-prod": {
			"token.actions.githubusercontent.com": {"repo:acme/dip:environment:prod"},
			"api.pulumi.com/oidc": {deploy + "preview:scope:write", deploy + "update:scope:write",
				deploy + "refresh:scope:write", deploy + "destroy:scope:write"},
		},
	} {
		got := statements(t, r.Find(t, roleType, name).Inputs["assumeRolePolicy"].StringValue())
		if len(got) != len(want) {
			t.Errorf("%s trusts %+v", name, got)
		}
		audiences := map[string]string{
			"token.actions.githubusercontent.com": "sts.amazonaws.com", "api.pulumi.com/oidc": "acme",
		}
		for _, s := range got {
			equals := s.Condition["StringEquals"]
			if len(s.Condition) != 1 || len(equals) != 2 || s.Action[0] != "sts:AssumeRoleWithWebIdentity" {
				t.Errorf("%s: %+v", name, s)
			}
			found := false
			for issuer, subjects := range want {
				if equals[issuer+":sub"] != nil {
					found = slices.Equal(list(equals[issuer+":sub"]), subjects) && equals[issuer+":aud"] == audiences[issuer]
				}
			}
			if !found {
				t.Errorf("%s trusts %v", name, equals)
			}
		}
	}
}

// may tells whether a role's own policy has a statement of an effect with an action, of which all else holds.
func may(list []statement, effect, action string, all func(statement) bool) bool {
	return slices.ContainsFunc(list, func(s statement) bool {
		return s.Effect == effect && slices.Contains(s.Action, action) && (all == nil || all(s))
	})
}

// A preview reads settings, the state and its secrets, and no data; it writes nothing.
func TestPreviewReads(t *testing.T) {
	r := run(t, nil)
	const attachment = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
	if got := r.Find(t, attachment, "b-preview-managed").Inputs["policyArn"].StringValue(); !strings.HasSuffix(got,
		":policy/ReadOnlyAccess") {
		t.Errorf("has %s", got)
	}
	own := statements(t, r.Find(t, policyType, "b-preview").Inputs["policy"].StringValue())
	for _, action := range []string{"dynamodb:GetItem", "dynamodb:Scan", "kinesis:GetRecords", "sqs:ReceiveMessage",
		"logs:GetLogEvents", "secretsmanager:GetSecretValue"} {
		if !may(own, "Deny", action, func(s statement) bool { return slices.Equal(s.Resource, []string{"*"}) }) {
			t.Errorf("may %s", action)
		}
	}
	others := []string{"arn:aws:s3:::b-state-bucket/*", "arn:aws:s3:::*/catalog/*"}
	if !may(own, "Deny", "s3:GetObject*", func(s statement) bool { return slices.Equal(s.NotResource, others) }) {
		t.Errorf("may read objects: %+v", own)
	}
	for _, s := range own {
		for _, action := range s.Action {
			reads := []string{"kms:Decrypt", "s3:GetObject", "s3:ListBucket"}
			if s.Effect == "Allow" && !slices.Contains(reads, action) {
				t.Errorf("may %s", action)
			}
		}
	}
	for _, key := range []string{"b-secrets", "b-state-key"} {
		arn := "arn:aws:kms:us-east-1:123456789012:key/" + key
		if !may(own, "Allow", "kms:Decrypt", func(s statement) bool { return slices.Contains(s.Resource, arn) }) {
			t.Errorf("may not decrypt with %s", key)
		}
	}
}

// An update makes no role but below the path and with the boundary, and takes the boundary off none.
func TestUpdatesStayWithinTheBoundary(t *testing.T) {
	r := run(t, nil)
	boundary := statements(t, r.Find(t, "aws:iam/policy:Policy", "b-boundary").Inputs["policy"].StringValue())
	for _, s := range boundary {
		if s.Effect == "Allow" && (slices.Contains(s.Action, "iam:*") || slices.Contains(s.Action, "*")) {
			t.Errorf("the boundary allows %s", s.Action)
		}
	}
	for action, resource := range map[string]string{
		"s3:*": "arn:aws:s3:::b-state-bucket/*", "kms:*": "arn:aws:kms:us-east-1:123456789012:key/b-secrets",
	} {
		if !may(boundary, "Deny", action, func(s statement) bool { return slices.Contains(s.Resource, resource) }) {
			t.Errorf("the boundary lets roles touch %s", resource)
		}
	}
	own := statements(t, r.Find(t, policyType, "b-up-dev").Inputs["policy"].StringValue())
	bounded := []string{"iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary"}
	for _, action := range bounded {
		ok := may(own, "Allow", action, func(s statement) bool {
			return s.Condition["StringEquals"]["iam:PermissionsBoundary"] != nil &&
				slices.Equal(s.Resource, []string{"arn:aws:iam::123456789012:role/dip/*"})
		})
		if free := may(own, "Allow", action, func(s statement) bool { return s.Condition == nil }); !ok || free {
			t.Errorf("may %s without the boundary", action)
		}
	}
	for _, s := range own {
		for _, action := range s.Action {
			if s.Effect == "Allow" && (action == "iam:DeleteRolePermissionsBoundary" || strings.Contains(action, "*")) {
				t.Errorf("may %s", action)
			}
			if action == "iam:PassRole" && s.Condition["StringEquals"]["iam:PassedToService"] == nil {
				t.Error("may pass roles to any service")
			}
		}
	}
}

// An environment does not touch the state and the resources of another one, nor what all states stand on.
func TestEnvironmentsAreApart(t *testing.T) {
	r := run(t, nil)
	for own, other := range map[string]string{"dev": "prod", "prod": "dev"} {
		rights := statements(t, r.Find(t, policyType, "b-up-"+own).Inputs["policy"].StringValue())
		state := "arn:aws:s3:::b-state-bucket/.pulumi/*/" + other + ".*"
		if !may(rights, "Deny", "s3:PutObject", func(s statement) bool {
			return slices.Contains(s.Resource, state) && !strings.Contains(strings.Join(s.Resource, " "), "/"+own+".")
		}) {
			t.Errorf("%s writes the state of %s, or not its own: %+v", own, other, rights)
		}
		if !may(rights, "Deny", "lambda:Update*", func(s statement) bool {
			tag := s.Condition["StringEquals"]["aws:ResourceTag/dip:stack"]
			return tag != nil && strings.Join(list(tag), " ") == other
		}) {
			t.Errorf("%s changes what is %s's", own, other)
		}
		if !may(rights, "Deny", "s3:DeleteObjectVersion", nil) || !may(rights, "Deny", "kms:ScheduleKeyDeletion", nil) {
			t.Errorf("%s may destroy states", own)
		}
	}
	alone := run(t, func(a *bootstrap.Args) { a.Environments = []string{"dev"} })
	for _, s := range statements(t, alone.Find(t, policyType, "b-up-dev").Inputs["policy"].StringValue()) {
		if s.Effect == "Deny" && len(s.Resource) == 0 {
			t.Errorf("a statement about nothing: %+v", s)
		}
	}
}

func TestRefused(t *testing.T) {
	componenttest.MustRefuse(t, "bootstrap b", func(ctx *pulumi.Context) error {
		_, err := bootstrap.New(ctx, "b", &bootstrap.Args{
			Repository: "acme/*", Branch: "*", Organization: "a*", Environments: []string{"dev", "De*", "dev"}, RolePath: "dip",
		})
		return err
	}, "Account: missing", "Region: missing", `Repository: "acme/*", want owner/name`, `Branch: "*"`,
		`Environments[1]: "De*"`, `Environments[2]: "dev" is there twice`, `Organization: "a*"`, `RolePath: "dip"`)
	componenttest.MustRefuse(t, "bootstrap b", func(ctx *pulumi.Context) error {
		a := args()
		a.Environments = nil
		_, err := bootstrap.New(ctx, "b", a)
		return err
	}, "Environments: missing")
}
