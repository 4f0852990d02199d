package signer_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/components/policy"
	"dip/components/signer"
)

const (
	key       = "aws:kms/key:Key"
	alias     = "aws:kms/alias:Alias"
	keyPolicy = "aws:kms/keyPolicy:KeyPolicy"
	role      = "arn:aws:iam::123456789012:role/reconciler"
	arn       = "arn:aws:kms:us-east-1:123456789012:key/s-key"
)

// Whoever certifies may sign: each role is named.
func TestSeveralRolesSign(t *testing.T) {
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		s, err := signer.New(ctx, "s", &signer.Args{Account: componenttest.Account})
		if err != nil {
			return err
		}
		return s.Admit(ctx, pulumi.String(role), pulumi.String(role+"-2"))
	})
	got := r.Find(t, keyPolicy, "s-key-policy").Inputs["policy"].StringValue()
	if want := `{"Effect":"Allow","Principal":{"AWS":["` + role + `","` + role + `-2"]},"Action":["kms:Sign"]`; !strings.Contains(
		got, want) {
		t.Errorf("the key's policy is %s", got)
	}
}

// run declares a signer that admits role, and gives what a function needs to sign as a policy.
func run(t *testing.T, protect bool) (r *componenttest.Recorder, rights string) {
	t.Helper()
	r = componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		s, err := signer.New(ctx, "s", &signer.Args{Account: componenttest.Account, Protect: protect})
		if err != nil {
			return err
		}
		document, err := policy.Document(s.Sign()...)
		if err != nil {
			return err
		}
		ctx.Export("rights", document.ApplyT(func(text string) string { rights = text; return text }))
		return s.Admit(ctx, pulumi.String(role).ToStringOutput())
	})
	return r, rights
}

func TestKey(t *testing.T) {
	r, _ := run(t, false)
	want := []string{alias + "::s-key-alias", key + "::s-key", keyPolicy + "::s-key-policy"}
	if got := r.Children(signer.TypeToken, "s"); !slices.Equal(got, want) {
		t.Errorf("children are %v", got)
	}
	in := r.Find(t, key, "s-key").Inputs
	if in["customerMasterKeySpec"].StringValue() != "ECC_NIST_P256" || in["keyUsage"].StringValue() != "SIGN_VERIFY" ||
		in["deletionWindowInDays"].NumberValue() != 30 {
		t.Errorf("the key is %v", in)
	}
	for _, input := range []string{"policy", "enableKeyRotation"} { // KMS rotates no asymmetric key
		if v := in.Mappable()[input]; v != nil {
			t.Errorf("%s is %v", input, v)
		}
	}
}

func TestProtection(t *testing.T) {
	for _, protect := range []bool{false, true} {
		r, _ := run(t, protect)
		for kind, name := range map[string]string{key: "s-key", keyPolicy: "s-key-policy"} {
			if got := r.Find(t, kind, name); got.Protect != protect || got.Retain != protect {
				t.Errorf("%s: protect %t, retain %t, want %t", name, got.Protect, got.Retain, protect)
			}
		}
	}
}

// The role alone signs, and only digests with ECDSA: nobody else may, nor may the account let others by IAM or grants.
func TestOneRoleSigns(t *testing.T) {
	r, rights := run(t, false)
	in := r.Find(t, keyPolicy, "s-key-policy").Inputs
	if in["keyId"].StringValue() != "s-key" {
		t.Errorf("the policy is of %v", in["keyId"])
	}
	var document struct {
		Statement []struct {
			Effect    string
			Principal map[string][]string
			Action    []string
			Condition map[string]map[string]string
		}
	}
	if err := json.Unmarshal([]byte(in["policy"].StringValue()), &document); err != nil {
		t.Fatal(err)
	}
	digests := map[string]map[string]string{
		"StringEquals": {"kms:SigningAlgorithm": "ECDSA_SHA_256", "kms:MessageType": "DIGEST"},
	}
	signers, account := 0, []string{}
	for _, s := range document.Statement {
		if s.Effect != "Allow" || len(s.Principal["AWS"]) != 1 {
			t.Errorf("statement %+v", s)
		}
		if slices.Contains(s.Action, "kms:Sign") {
			signers++
			if s.Principal["AWS"][0] != role || len(s.Action) != 1 || !reflect.DeepEqual(s.Condition, digests) {
				t.Errorf("%+v may sign", s)
			}
			continue
		}
		if s.Principal["AWS"][0] != "arn:aws:iam::123456789012:root" {
			t.Errorf("%+v is more than signing", s)
		}
		account = append(account, s.Action...)
	}
	if signers != 1 {
		t.Errorf("%d statements let sign", signers)
	}
	for _, action := range []string{"kms:GetPublicKey", "kms:DescribeKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"} {
		if !slices.Contains(account, action) {
			t.Errorf("the account may not %s", action)
		}
	}
	if slices.Contains(account, "kms:CreateGrant") || strings.Contains(strings.Join(account, " "), "*") {
		t.Errorf("the account may %s", account)
	}
	want := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kms:Sign"],"Resource":["` + arn + `"],` +
		`"Condition":{"StringEquals":{"kms:MessageType":"DIGEST","kms:SigningAlgorithm":"ECDSA_SHA_256"}}},` +
		`{"Effect":"Allow","Action":["kms:GetPublicKey"],"Resource":["` + arn + `"]}]}`
	if rights != want {
		t.Errorf("got  %s\nwant %s", rights, want)
	}
}

func TestRefused(t *testing.T) {
	componenttest.MustRefuse(t, "signer s", func(ctx *pulumi.Context) error {
		_, err := signer.New(ctx, "s", &signer.Args{})
		return err
	}, "Account: missing")
}
