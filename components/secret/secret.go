// Package secret is a secret whose content operators write: the program makes it empty and never reads it.
package secret

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/secretsmanager"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/policy"
)

// TypeToken is the component's type.
const TypeToken = "dip:secret:Secret"

// recoveryDays is how long a deleted secret can be restored, where its stack is not disposable.
const recoveryDays = 7

// Args configure a secret.
type Args struct {
	// Description says what it holds. The zero value is invalid.
	Description string
	// Empty is the content until somebody writes another. The zero value is invalid.
	Empty string
	// Disposable deletes it for good, with the stack.
	Disposable bool
	// Protect refuses to destroy it.
	Protect bool
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.If(a.Description == "", "Description", "missing")
	found.If(a.Empty == "", "Empty", "missing")
	return found.Err()
}

// Secret is a secret.
type Secret struct {
	pulumi.ResourceState

	ARN pulumi.StringOutput
	// Ready is what makes it readable.
	Ready []pulumi.Resource
}

// New declares a secret.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Secret, error) {
	s := &Secret{}
	return component.Declare(ctx, TypeToken, name, s, args, opts, s.create)
}

// Outputs are its ARN.
func (s *Secret) Outputs() pulumi.Map { return pulumi.Map{"arn": s.ARN} }

// create makes the secret with its first version: one without any cannot be read.
func (s *Secret) create(ctx *pulumi.Context, args *Args) error {
	days := recoveryDays
	if args.Disposable {
		days = 0
	}
	made, err := component.Child(ctx, s, "secret", secretsmanager.NewSecret, &secretsmanager.SecretArgs{
		Description: pulumi.String(args.Description), RecoveryWindowInDays: pulumi.Int(days),
	}, pulumi.Protect(args.Protect))
	if err != nil {
		return err
	}
	first, err := component.Child(ctx, s, "empty", secretsmanager.NewSecretVersion, &secretsmanager.SecretVersionArgs{
		SecretId: made.ID(), SecretString: pulumi.String(args.Empty),
	}, pulumi.IgnoreChanges([]string{"secretString", "versionStages"})) // what operators write later is theirs
	s.ARN, s.Ready = made.Arn, []pulumi.Resource{first}
	return err
}

// Read allows to read the content.
func (s *Secret) Read() []policy.Statement {
	return []policy.Statement{{
		Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []pulumi.StringInput{s.ARN},
	}}
}
