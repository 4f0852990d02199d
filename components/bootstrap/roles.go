package bootstrap

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/policy"
	"dip/contract"
)

// The tokens of GitHub's workflows and of Pulumi's Deployments. Sources: "OpenID Connect reference", GitHub Docs;
// "Configuring OIDC for AWS", Pulumi Deployments, where the audience is the organization.
const (
	githubIssuer   = "token.actions.githubusercontent.com"
	githubAudience = "sts.amazonaws.com"
	pulumiIssuer   = "api.pulumi.com/oidc"
)

// tokens are accepted of a provider whose subject is one of these, exactly.
func tokens(provider pulumi.StringInput, issuer, audience string, subjects ...string) policy.Statement {
	return policy.Identity(provider, map[policy.Test]pulumi.Input{
		{Operator: "StringEquals", Key: issuer + ":aud"}: pulumi.String(audience),
		{Operator: "StringEquals", Key: issuer + ":sub"}: pulumi.ToStringArray(subjects),
	})
}

// role makes a role with one of AWS's own policies, for whoever has such a token.
func (b *Bootstrap) role(ctx *pulumi.Context, name, managed string, accepted ...policy.Statement) (*iam.Role, error) {
	trust, err := policy.Document(accepted...)
	if err != nil {
		return nil, err
	}
	made, err := component.Child(ctx, b, name, iam.NewRole, &iam.RoleArgs{
		AssumeRolePolicy:   trust,
		MaxSessionDuration: pulumi.Int(sessionSeconds),
	})
	if err != nil {
		return nil, err
	}
	_, err = component.Child(ctx, b, name+"-managed", iam.NewRolePolicyAttachment, &iam.RolePolicyAttachmentArgs{
		Role: made.Name, PolicyArn: pulumi.String("arn:aws:iam::aws:policy/" + managed),
	})
	return made, err
}

// sessionSeconds is how long credentials may be valid: an update with a cluster takes up to an hour, and an update that
// loses them half-way leaves the rest to the next one.
const sessionSeconds = 4 * 3600

// project is Pulumi's name of the program.
const project = "dip"

var everything = []pulumi.StringInput{pulumi.String("*")}

// data are the actions that read what a stack holds. A preview reads settings of resources, never data.
var data = []string{
	"athena:GetQueryResults*", "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PartiQL*", "dynamodb:Query",
	"dynamodb:Scan", "kinesis:GetRecords", "kinesis:SubscribeToShard", "logs:FilterLogEvents", "logs:GetLogEvents",
	"logs:GetLogRecord", "logs:GetQueryResults", "logs:StartLiveTail", "logs:StartQuery", "logs:Unmask",
	"secretsmanager:GetSecretValue", "sqs:ReceiveMessage", "states:GetExecutionHistory",
}

// createPreview makes the role of pull requests and of the comparison by schedule. It reads all resources, the states,
// their secrets, and the catalogs, which are declared; no data. It writes nothing: previews do not lock a state.
func (b *Bootstrap) createPreview(ctx *pulumi.Context, args *Args) error {
	repository := "repo:" + args.Repository + ":"
	role, err := b.role(ctx, "preview", "ReadOnlyAccess", tokens(b.github, githubIssuer, githubAudience,
		repository+"pull_request", repository+"ref:refs/heads/"+args.branch()))
	if err != nil {
		return err
	}
	readable := []pulumi.StringInput{
		pulumi.Sprintf("%s/*", b.state.ARN), pulumi.String("arn:aws:s3:::*/" + contract.CatalogPrefix + "*"),
	}
	statements := policy.All([]policy.Statement{
		{Effect: policy.Deny, Actions: data, Resources: everything},
		{Effect: policy.Deny, Actions: []string{"s3:GetObject*"}, Except: readable},
		{Actions: []string{"kms:Decrypt"}, Resources: []pulumi.StringInput{b.secrets.Arn}},
	}, b.state.Read(".pulumi/"))
	if _, err = policy.Attach(ctx, b, "preview", role.ID(), statements...); err != nil {
		return err
	}
	b.Preview = role.Arn
	return nil
}

// createUps makes a role for the updates of each environment. Deployments take it for their previews as well: a stack
// has only one role there.
func (b *Bootstrap) createUps(ctx *pulumi.Context, args *Args) error {
	for _, e := range args.Environments {
		accepted := []policy.Statement{
			tokens(b.github, githubIssuer, githubAudience, "repo:"+args.Repository+":environment:"+e),
		}
		if b.pulumi != nil {
			var subjects []string
			for _, operation := range []string{"preview", "update", "refresh", "destroy"} {
				subjects = append(subjects, "pulumi:deploy:org:"+args.Organization+":project:"+project+":stack:"+e+
					":operation:"+operation+":scope:write")
			}
			accepted = append(accepted, tokens(b.pulumi, pulumiIssuer, args.Organization, subjects...))
		}
		role, err := b.role(ctx, "up-"+e, "PowerUserAccess", accepted...)
		if err != nil {
			return err
		}
		statements := policy.All(b.makeRoles(args), b.stayAway(args, e))
		if _, err := policy.Attach(ctx, b, "up-"+e, role.ID(), statements...); err != nil {
			return err
		}
		b.Up[e] = role.Arn
	}
	return nil
}

// makeRoles allows to make roles below the path which have the boundary, and to hand them to services: an update can
// give nobody, itself included, more than the boundary. PowerUserAccess has no other right of IAM but those of
// service-linked roles.
func (b *Bootstrap) makeRoles(args *Args) []policy.Statement {
	below := func(kind, path string) []pulumi.StringInput {
		return []pulumi.StringInput{pulumi.String("arn:aws:iam::" + args.Account + ":" + kind + path + "*")}
	}
	roles := below("role", args.rolePath())
	return []policy.Statement{
		{
			Actions: []string{
				"iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy",
				"iam:PutRolePermissionsBoundary", "iam:PutRolePolicy",
			},
			Resources: roles,
			Conditions: map[policy.Test]pulumi.Input{
				{Operator: "StringEquals", Key: "iam:PermissionsBoundary"}: b.Boundary,
			},
		},
		{
			Actions: []string{
				"iam:DeleteRole", "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies",
				"iam:ListInstanceProfilesForRole", "iam:ListRolePolicies", "iam:ListRoleTags", "iam:TagRole", "iam:UntagRole",
				"iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription",
			},
			Resources: roles,
		},
		{
			Actions: []string{"iam:PassRole"}, Resources: roles,
			Conditions: map[policy.Test]pulumi.Input{
				{Operator: "StringEquals", Key: "iam:PassedToService"}: pulumi.ToStringArray(passedTo),
			},
		},
		{
			Actions: []string{
				"iam:AddRoleToInstanceProfile", "iam:CreateInstanceProfile", "iam:DeleteInstanceProfile",
				"iam:GetInstanceProfile", "iam:RemoveRoleFromInstanceProfile", "iam:TagInstanceProfile",
				"iam:UntagInstanceProfile",
			},
			Resources: below("instance-profile", "/"),
		},
		{Actions: []string{"iam:GetRole"}, Resources: below("role", "/aws-service-role/")},
	}
}

// passedTo are the services that take roles of a stack.
var passedTo = []string{
	"autoscaling.amazonaws.com", "backup.amazonaws.com", "codedeploy.amazonaws.com", "ec2.amazonaws.com",
	"eks.amazonaws.com", "events.amazonaws.com", "lambda.amazonaws.com", "pods.eks.amazonaws.com",
	"scheduler.amazonaws.com", "states.amazonaws.com", "vpc-flow-logs.amazonaws.com",
}

// stayAway refuses what belongs to other environments of the same account: their states, and what has their tag. It
// refuses to weaken what all of them stand on, too.
func (b *Bootstrap) stayAway(args *Args, own string) []policy.Statement {
	var states []pulumi.StringInput
	for _, other := range args.Environments {
		if other == own {
			continue
		}
		// The names of Pulumi's files: the stack's, with an extension, a time, or as a folder.
		for _, end := range []string{".*", "/*"} {
			states = append(states, pulumi.Sprintf("%s/.pulumi/*/%s%s", b.state.ARN, other, end))
		}
	}
	statements := []policy.Statement{
		{Effect: policy.Deny, Actions: []string{"s3:DeleteBucket*", "s3:PutBucket*", "s3:DeleteObjectVersion",
			"s3:PutLifecycleConfiguration", "s3:PutEncryptionConfiguration"}, Resources: b.stateObjects("")},
		{Effect: policy.Deny, Actions: []string{"kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"},
			Resources: []pulumi.StringInput{b.secrets.Arn}},
	}
	if len(states) == 0 {
		return statements
	}
	var others []string
	for _, other := range args.Environments {
		if other != own {
			others = append(others, other)
		}
	}
	return append(statements,
		policy.Statement{
			Effect: policy.Deny, Actions: []string{"s3:DeleteObject", "s3:PutObject"}, Resources: states,
		},
		policy.Statement{
			Effect: policy.Deny, Actions: changing, Resources: everything,
			Conditions: map[policy.Test]pulumi.Input{
				{Operator: "StringEquals", Key: "aws:ResourceTag/dip:stack"}: pulumi.ToStringArray(others),
			},
		})
}

// changing are the actions that change or delete what has a tag.
var changing = []string{
	"autoscaling:Delete*", "autoscaling:Update*", "cloudwatch:Delete*", "cloudwatch:Put*", "dynamodb:Delete*",
	"dynamodb:Put*", "dynamodb:Update*", "ec2:Delete*", "ec2:Modify*", "ec2:Terminate*", "ecr:Delete*", "ecr:Put*",
	"eks:Create*", "eks:Delete*", "eks:Update*", "events:Delete*", "events:Put*", "events:Remove*", "kinesis:Delete*",
	"kinesis:Put*", "kinesis:Update*", "kms:Disable*", "kms:Put*", "kms:Schedule*", "lambda:Delete*", "lambda:Put*",
	"lambda:Update*", "logs:Delete*", "logs:Put*", "sns:Delete*", "sns:Set*", "sqs:Delete*", "sqs:Purge*", "sqs:Set*",
	"ssm:Delete*", "ssm:Put*", "states:Delete*", "states:Update*",
}
