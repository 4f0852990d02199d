// Package signer is the KMS key that signs certificates: an asymmetric one, which the roles that certify may sign with.
package signer

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/policy"
)

// TypeToken is the component's type.
const TypeToken = "dip:signer:Signer"

// Args configure a signer.
type Args struct {
	// Account is the id of the account, whose IAM policies say who administers the key. The zero value is invalid.
	Account string
	// Protect refuses to destroy the key. Zero: it can be destroyed.
	Protect bool
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.If(a.Account == "", "Account", "missing")
	return found.Err()
}

// Signer is the key.
type Signer struct {
	pulumi.ResourceState

	ARN pulumi.StringOutput

	key     *kms.Key
	account string
	keep    pulumi.ResourceOption
}

// New declares a signer. Until a role is admitted, the key has the policy that KMS gives to keys.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Signer, error) {
	s := &Signer{}
	return component.Declare(ctx, TypeToken, name, s, args, opts, s.createKey)
}

// Outputs are the key's ARN.
func (s *Signer) Outputs() pulumi.Map { return pulumi.Map{"arn": s.ARN} }

// createKey makes a key that is not rotated: KMS rotates symmetric ones only.
func (s *Signer) createKey(ctx *pulumi.Context, args *Args) (err error) {
	s.account = args.Account
	s.keep = pulumi.Composite(pulumi.Protect(args.Protect), pulumi.RetainOnDelete(args.Protect))
	s.key, err = component.Child(ctx, s, "key", kms.NewKey, &kms.KeyArgs{
		Description:           pulumi.String("Signs " + s.PulumiResourceName()),
		KeyUsage:              pulumi.String("SIGN_VERIFY"),
		CustomerMasterKeySpec: pulumi.String("ECC_NIST_P256"),
		DeletionWindowInDays:  pulumi.Int(30),
	}, s.keep)
	if err != nil {
		return err
	}
	s.ARN = s.key.Arn
	_, err = component.Child(ctx, s, "key-alias", kms.NewAlias, &kms.AliasArgs{
		Name:        pulumi.Sprintf("alias/dip-%s-%s", s.PulumiResourceName(), s.key.KeyId),
		TargetKeyId: s.key.KeyId,
	})
	return err
}

// Admit gives the key its policy: the roles with the given ARNs alone may sign. The account may administer the key and
// read its public half, as far as IAM policies say so. A key has one policy, so Admit is called once.
func (s *Signer) Admit(ctx *pulumi.Context, roles ...pulumi.StringInput) error {
	itself := []pulumi.StringInput{pulumi.String("*")}
	account := []pulumi.StringInput{pulumi.Sprintf("arn:aws:iam::%s:root", s.account)}
	document, err := policy.Document(
		policy.Statement{AWS: account, Actions: policy.AdministerKey, Resources: itself},
		policy.Statement{AWS: account, Actions: []string{"kms:GetPublicKey", "kms:Verify"}, Resources: itself},
		policy.Statement{
			AWS: roles, Actions: []string{"kms:Sign"}, Resources: itself,
			Conditions: policy.SigningDigests(),
		},
	)
	if err == nil {
		_, err = component.Child(ctx, s, "key-policy", kms.NewKeyPolicy, &kms.KeyPolicyArgs{
			KeyId: s.key.KeyId, Policy: document,
		}, s.keep)
	}
	return component.In(s, err)
}

// Sign allows to sign, and to read the public key: a signature is checked before it is kept.
func (s *Signer) Sign() []policy.Statement {
	key := []pulumi.StringInput{s.ARN}
	return []policy.Statement{
		{Actions: []string{"kms:Sign"}, Resources: key, Conditions: policy.SigningDigests()},
		{Actions: []string{"kms:GetPublicKey"}, Resources: key},
	}
}
