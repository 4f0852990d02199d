// Package bootstrap is what has to be in an account before GitHub can deploy to it: the trust in GitHub's tokens, roles
// for previews and for the updates of each environment, the boundary of the roles that updates make, and the state.
package bootstrap

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/bucket"
	"dip/components/component"
	"dip/components/policy"
	"dip/config"
)

// TypeToken is the component's type.
const TypeToken = "dip:bootstrap:Bootstrap"

// Args configure a bootstrap.
type Args struct {
	// Account is the id of the account, and Region where the state is. The zero values are invalid.
	Account, Region string
	// Repository is the one whose workflows deploy, "owner/name". The zero value is invalid.
	Repository string
	// Branch is the one that is compared with AWS by schedule. The zero value: main.
	Branch string
	// Environments are those of GitHub, each named like its stack. The zero value is invalid.
	Environments []string
	// Provider is the ARN of the account's identity provider of GitHub: an account can have only one. The zero value: it
	// has none yet.
	Provider string
	// Organization is the one of Pulumi Cloud whose Deployments update the stacks, too. The zero value: none does.
	Organization string
	// RolePath is where updates may make roles: what the stacks have as rolePath. The zero value: RolePath.
	RolePath string
}

// RolePath is where updates may make roles unless the arguments say otherwise.
const RolePath = "/dip/"

var (
	repository   = regexp.MustCompile(`^[\w.-]+/[\w.-]+$`)
	branch       = regexp.MustCompile(`^[\w./-]+$`)
	organization = regexp.MustCompile(`^[\w-]+$`)
	environment  = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)
	path         = regexp.MustCompile(`^/([\w+=,.@-]+/)+$`)
)

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.If(a.Account == "", "Account", "missing")
	found.If(a.Region == "", "Region", "missing")
	// A wildcard here would let other repositories in.
	found.If(!repository.MatchString(a.Repository), "Repository", "%q, want owner/name", a.Repository)
	found.If(!branch.MatchString(a.branch()), "Branch", "%q, want a name without wildcards", a.Branch)
	found.If(len(a.Environments) == 0, "Environments", "missing")
	for i, e := range a.Environments {
		found.If(!environment.MatchString(e), fmt.Sprintf("Environments[%d]", i), "%q, want lower case, digits and -", e)
		found.If(slices.Index(a.Environments, e) < i, fmt.Sprintf("Environments[%d]", i), "%q is there twice", e)
	}
	found.If(a.Organization != "" && !organization.MatchString(a.Organization), "Organization", "%q", a.Organization)
	found.If(!path.MatchString(a.rolePath()), "RolePath", "%q, want a path such as %s", a.RolePath, RolePath)
	return found.Err()
}

func (a *Args) branch() string {
	if a.Branch == "" {
		return "main"
	}
	return a.Branch
}

func (a *Args) rolePath() string {
	if a.RolePath == "" {
		return RolePath
	}
	return a.RolePath
}

// Bootstrap is what GitHub deploys with.
type Bootstrap struct {
	pulumi.ResourceState

	Backend  pulumi.StringOutput            // URL of the state, for `pulumi login`
	Secrets  pulumi.StringOutput            // URL of the key, for `pulumi stack init --secrets-provider`
	Boundary pulumi.StringOutput            // ARN: what the stacks have as permissionsBoundary
	Preview  pulumi.StringOutput            // ARN of the role
	Up       map[string]pulumi.StringOutput // ARNs of the roles, by environment

	github, pulumi pulumi.StringInput // ARNs of identity providers
	state          *bucket.Bucket
	secrets        *kms.Key
}

// New declares a bootstrap.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Bootstrap, error) {
	b := &Bootstrap{Up: map[string]pulumi.StringOutput{}}
	return component.Declare(ctx, TypeToken, name, b, args, opts,
		b.trustGitHub, b.trustPulumi, b.createState, b.createSecrets, b.createBoundary, b.createPreview, b.createUps)
}

// Outputs are what workflows and stacks are configured with.
func (b *Bootstrap) Outputs() pulumi.Map {
	up := pulumi.StringMap{}
	for name, arn := range b.Up {
		up[name] = arn
	}
	return pulumi.Map{
		"backend": b.Backend, "secretsProvider": b.Secrets, "permissionsBoundary": b.Boundary,
		"previewRole": b.Preview, "upRoles": up,
	}
}

// keep has what the state needs outlive a destroy.
var keep = pulumi.Composite(pulumi.Protect(true), pulumi.RetainOnDelete(true))

// trustGitHub makes the identity provider of GitHub's tokens. AWS verifies its certificate by trusted authorities, not
// by a thumbprint ("Create an OpenID Connect (OIDC) identity provider in IAM").
func (b *Bootstrap) trustGitHub(ctx *pulumi.Context, args *Args) (err error) {
	if args.Provider != "" {
		b.github = pulumi.String(args.Provider)
		return nil
	}
	b.github, err = b.trust(ctx, "provider", githubIssuer, githubAudience)
	return err
}

// trustPulumi makes the identity provider of the tokens of Pulumi's Deployments, where they are used.
func (b *Bootstrap) trustPulumi(ctx *pulumi.Context, args *Args) (err error) {
	if args.Organization != "" {
		b.pulumi, err = b.trust(ctx, "pulumi", pulumiIssuer, args.Organization)
	}
	return err
}

func (b *Bootstrap) trust(ctx *pulumi.Context, name, issuer, audience string) (pulumi.StringInput, error) {
	made, err := component.Child(ctx, b, name, iam.NewOpenIdConnectProvider, &iam.OpenIdConnectProviderArgs{
		Url: pulumi.String("https://" + issuer), ClientIdLists: pulumi.StringArray{pulumi.String(audience)},
	}, pulumi.Protect(true))
	if err != nil {
		return nil, err
	}
	return made.Arn, nil
}

// createState makes the bucket of Pulumi's state. Its versions are the way back to a state that was overwritten.
func (b *Bootstrap) createState(ctx *pulumi.Context, args *Args) (err error) {
	b.state, err = component.Child(ctx, b, "state", bucket.New, &bucket.Args{
		Settings: config.Bucket{NoncurrentDays: 365, AbortUploadDays: 7, Protect: true},
	})
	if err != nil {
		return err
	}
	b.Backend = pulumi.Sprintf("s3://%s?region=%s", b.state.Name, args.Region)
	return nil
}

// createSecrets makes the key that encrypts secrets in settings and states.
func (b *Bootstrap) createSecrets(ctx *pulumi.Context, args *Args) (err error) {
	b.secrets, err = component.Child(ctx, b, "secrets", kms.NewKey, &kms.KeyArgs{
		Description:          pulumi.String("Secrets in the settings and states of Pulumi's stacks"),
		EnableKeyRotation:    pulumi.Bool(true),
		DeletionWindowInDays: pulumi.Int(30),
	}, keep)
	if err != nil {
		return err
	}
	b.Secrets = pulumi.Sprintf("awskms:///%s?region=%s", b.secrets.Arn, args.Region)
	_, err = component.Child(ctx, b, "secrets-alias", kms.NewAlias, &kms.AliasArgs{
		Name:        pulumi.Sprintf("alias/dip-%s-secrets-%s", b.PulumiResourceName(), b.secrets.KeyId),
		TargetKeyId: b.secrets.KeyId,
	})
	return err
}

// Services are those that roles of a stack use, whatever their policies allow: IAM is not among them.
var Services = []string{
	"autoscaling", "backup", "cloudwatch", "codedeploy", "dynamodb", "ec2", "ecr", "eks", "eks-auth",
	"elasticloadbalancing", "events", "glue", "kinesis", "kms", "lambda", "logs", "s3", "scheduler", "secretsmanager",
	"sns", "sqs", "ssm", "states", "sts", "tag", "xray",
}

// createBoundary makes the policy beyond which no role goes that an update makes: not to IAM, and not to the states,
// whose secrets are more than any function needs.
func (b *Bootstrap) createBoundary(ctx *pulumi.Context, _ *Args) error {
	document, err := policy.Boundary(Services,
		policy.Statement{Actions: []string{"s3:*"}, Resources: b.stateObjects("")},
		policy.Statement{Actions: []string{"kms:*"}, Resources: []pulumi.StringInput{b.secrets.Arn}},
	)
	if err != nil {
		return err
	}
	made, err := component.Child(ctx, b, "boundary", iam.NewPolicy, &iam.PolicyArgs{
		Description: pulumi.String("What roles of dip's stacks may do at most"), Policy: document,
	}, pulumi.Protect(true))
	if err != nil {
		return err
	}
	b.Boundary = made.Arn
	return nil
}

// stateObjects are the bucket of the state and its objects below a prefix.
func (b *Bootstrap) stateObjects(prefix string) []pulumi.StringInput {
	return []pulumi.StringInput{b.state.ARN, pulumi.Sprintf("%s/%s*", b.state.ARN, prefix)}
}
