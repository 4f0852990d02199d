package policy_test

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/components/policy"
)

// text is what a document comes to.
func text(t *testing.T, statements ...policy.Statement) string {
	t.Helper()
	return value(t, func() (pulumi.StringOutput, error) { return policy.Document(statements...) })
}

func value(t *testing.T, make func() (pulumi.StringOutput, error)) string {
	t.Helper()
	var out string
	componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		document, err := make()
		if err != nil {
			return err
		}
		ctx.Export("document", document.ApplyT(func(s string) string { out = s; return s }))
		return nil
	})
	return out
}

func TestDocument(t *testing.T) {
	arn := pulumi.String("arn:aws:s3:::b").ToStringOutput()
	got := text(t,
		policy.Statement{
			Actions: []string{"s3:GetObject"}, Resources: []pulumi.StringInput{pulumi.Sprintf("%s/*", arn), arn},
		},
		policy.Statement{
			Effect: policy.Deny, Principals: []string{"*"}, Actions: []string{"s3:*"},
			Resources: []pulumi.StringInput{arn}, Conditions: policy.InsecureTransport(),
		},
		policy.Statement{
			Principals: []string{"s3.amazonaws.com"}, Actions: []string{"sqs:SendMessage"},
			Resources: []pulumi.StringInput{pulumi.String("*")}, Conditions: policy.FromSource(arn, "123456789012"),
		})
	want := `{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::b/*","arn:aws:s3:::b"]},` +
		`{"Effect":"Deny","Principal":"*","Action":["s3:*"],"Resource":["arn:aws:s3:::b"],` +
		`"Condition":{"Bool":{"aws:SecureTransport":"false"}}},` +
		`{"Effect":"Allow","Principal":{"Service":["s3.amazonaws.com"]},"Action":["sqs:SendMessage"],"Resource":["*"],` +
		`"Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:s3:::b"},"StringEquals":{"aws:SourceAccount":"123456789012"}}}]}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestRolesAndAccounts(t *testing.T) {
	self, everything := pulumi.String("arn:aws:iam::1:role/r").ToStringOutput(), pulumi.String("*")
	got := text(t,
		policy.Statement{
			AWS: []pulumi.StringInput{self, pulumi.String("arn:aws:iam::1:root")}, Actions: []string{"kms:Sign"},
			Resources: []pulumi.StringInput{everything}, Conditions: policy.SigningDigests(),
		},
		policy.Statement{
			AWS: []pulumi.StringInput{self}, Actions: []string{"kms:Sign"}, Resources: []pulumi.StringInput{everything},
		},
		policy.Statement{Actions: []string{"kms:Sign"}, Resources: []pulumi.StringInput{everything}})
	want := `{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::1:role/r","arn:aws:iam::1:root"]},"Action":["kms:Sign"],` +
		`"Resource":["*"],"Condition":{"StringEquals":` +
		`{"kms:MessageType":"DIGEST","kms:SigningAlgorithm":"ECDSA_SHA_256"}}},` +
		`{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::1:role/r"]},"Action":["kms:Sign"],"Resource":["*"]},` +
		`{"Effect":"Allow","Action":["kms:Sign"],"Resource":["*"]}]}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestStatementsThatAllowTheSameAreOne(t *testing.T) {
	on := func(effect policy.Effect, action string, arns ...string) policy.Statement {
		s := policy.Statement{Effect: effect, Actions: []string{action}}
		for _, arn := range arns {
			s.Resources = append(s.Resources, pulumi.String(arn))
		}
		return s
	}
	limited := on(policy.Allow, "a:Do", "arn:3")
	limited.Conditions = policy.InsecureTransport()
	got := text(t, on("", "a:Do", "arn:1"), on("", "b:Do", "arn:1"), on(policy.Allow, "a:Do", "arn:2", "arn:1"),
		on(policy.Deny, "a:Do", "arn:1"), limited)
	want := `{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","Action":["a:Do"],"Resource":["arn:1","arn:2"]},` +
		`{"Effect":"Allow","Action":["b:Do"],"Resource":["arn:1"]},` +
		`{"Effect":"Deny","Action":["a:Do"],"Resource":["arn:1"]},` +
		`{"Effect":"Allow","Action":["a:Do"],"Resource":["arn:3"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTrust(t *testing.T) {
	trust := func(conditions map[policy.Test]pulumi.Input) (pulumi.StringOutput, error) {
		return policy.Trust("states.amazonaws.com", conditions)
	}
	const start = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Principal":{"Service":["states.amazonaws.com"]},"Action":["sts:AssumeRole"]`
	for _, c := range []struct {
		conditions map[policy.Test]pulumi.Input
		want       string
	}{
		{nil, start + `}]}`},
		{policy.ForAccount("123456789012"),
			start + `,"Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"}}}]}`},
	} {
		if got := value(t, func() (pulumi.StringOutput, error) { return trust(c.conditions) }); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestDocumentRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		statement policy.Statement
		want      string
	}{
		"no actions":       {policy.Statement{}, "statement 0 has no actions"},
		"every action":     {policy.Statement{Actions: []string{"*"}}, `"*" is not an action`},
		"wildcard":         {policy.Statement{Actions: []string{"s3:Get*"}}, `statement 0 allows the wildcard "s3:Get*"`},
		"no service":       {policy.Statement{Actions: []string{":GetObject"}}, `":GetObject" is not an action`},
		"denied nonsense":  {policy.Statement{Effect: policy.Deny, Actions: []string{"s3:"}}, `"s3:" is not an action`},
		"one of two wrong": {policy.Statement{Actions: []string{"s3:GetObject", "s3:*"}}, `allows the wildcard "s3:*"`},
	} {
		if _, err := policy.Document(c.statement); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if _, err := policy.Document(); err == nil {
		t.Error("an empty policy was accepted")
	}
}

// All but some resources are refused, never allowed; two such statements stay apart.
func TestExcept(t *testing.T) {
	deny := func(arn string) policy.Statement {
		return policy.Statement{Effect: policy.Deny, Actions: []string{"s3:GetObject*"},
			Except: []pulumi.StringInput{pulumi.String(arn)}}
	}
	want := `{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Deny","Action":["s3:GetObject*"],"NotResource":["a"]},` +
		`{"Effect":"Deny","Action":["s3:GetObject*"],"NotResource":["b"]}]}`
	if got := text(t, deny("a"), deny("b")); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	allow := policy.Statement{Actions: []string{"s3:GetObject"}, Except: deny("a").Except}
	if _, err := policy.Document(allow); err == nil || !strings.Contains(err.Error(), "allows all resources but some") {
		t.Error(err)
	}
}

func TestIdentity(t *testing.T) {
	got := text(t, policy.Identity(pulumi.String("arn:aws:iam::1:oidc-provider/p"), map[policy.Test]pulumi.Input{
		{Operator: "StringEquals", Key: "p:sub"}: pulumi.String("me"),
	}))
	want := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Principal":{"Federated":"arn:aws:iam::1:oidc-provider/p"},"Action":["sts:AssumeRoleWithWebIdentity"],` +
		`"Condition":{"StringEquals":{"p:sub":"me"}}}]}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A boundary names whole services, and what is refused even there.
func TestBoundary(t *testing.T) {
	got := value(t, func() (pulumi.StringOutput, error) {
		return policy.Boundary([]string{"s3", "sqs"}, policy.Statement{
			Actions: []string{"s3:*"}, Resources: []pulumi.StringInput{pulumi.String("arn:aws:s3:::state")},
		})
	})
	want := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","sqs:*"],"Resource":["*"]},` +
		`{"Effect":"Deny","Action":["s3:*"],"Resource":["arn:aws:s3:::state"]}]}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, err := policy.Boundary([]string{"s3"}); err == nil {
		t.Error("a boundary that refuses nothing is accepted")
	}
}
