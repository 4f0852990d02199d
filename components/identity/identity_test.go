package identity_test

import (
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/components/identity"
	"dip/components/policy"
)

func TestIdentity(t *testing.T) {
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := identity.New(ctx, "i", &identity.Args{
			Cluster: pulumi.String("c"), Namespace: "dip", ServiceAccount: "worker",
			Allow: []policy.Statement{{Actions: []string{"sqs:ReceiveMessage"},
				Resources: []pulumi.StringInput{pulumi.String("arn")}}},
		})
		return err
	})
	want := []string{"aws:eks/podIdentityAssociation:PodIdentityAssociation::i-association", "aws:iam/role:Role::i-role",
		"aws:iam/rolePolicy:RolePolicy::i-policy"}
	if got := r.Children(identity.TypeToken, "i"); !slices.Equal(got, want) {
		t.Errorf("children are %v", got)
	}
	const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Principal":{"Service":["pods.eks.amazonaws.com"]},"Action":["sts:AssumeRole","sts:TagSession"],` +
		`"Condition":{"StringEquals":{"aws:RequestTag/eks-cluster-name":"c","aws:RequestTag/kubernetes-namespace":"dip",` +
		`"aws:RequestTag/kubernetes-service-account":"worker"}}}]}`
	if got := r.Find(t, "aws:iam/role:Role", "i-role").Inputs["assumeRolePolicy"].StringValue(); got != trust {
		t.Errorf("trust is %s", got)
	}
	in := r.Find(t, "aws:eks/podIdentityAssociation:PodIdentityAssociation", "i-association").Inputs.Mappable()
	if in["namespace"] != "dip" || in["serviceAccount"] != "worker" || in["clusterName"] != "c" {
		t.Errorf("association is %v", in)
	}
}

// Pods with a log group may write into it before they start, and into no other.
func TestLogs(t *testing.T) {
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		i, err := identity.New(ctx, "i", &identity.Args{
			Cluster: pulumi.String("c"), Namespace: "dip", ServiceAccount: "worker", LogRetentionDays: 7,
			Allow: []policy.Statement{{Actions: []string{"sqs:ReceiveMessage"},
				Resources: []pulumi.StringInput{pulumi.String("arn")}}},
		})
		if err == nil {
			ctx.Export("group", i.LogGroup)
		}
		return err
	})
	const kind = "aws:cloudwatch/logGroup:LogGroup"
	if !slices.Contains(r.Children(identity.TypeToken, "i"), kind+"::i-logs") {
		t.Fatalf("children are %v", r.Children(identity.TypeToken, "i"))
	}
	if days := r.Find(t, kind, "i-logs").Inputs["retentionInDays"].NumberValue(); days != 7 {
		t.Errorf("logs are kept for %v days", days)
	}
	const allowed = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogStream",` +
		`"logs:PutLogEvents"],"Resource":["arn:aws:logs:us-east-1:123456789012:log-group:i-logs:*"]},` +
		`{"Effect":"Allow","Action":["sqs:ReceiveMessage"],"Resource":["arn"]}]}`
	if got := r.Find(t, "aws:iam/rolePolicy:RolePolicy", "i-policy").Inputs["policy"].StringValue(); got != allowed {
		t.Errorf("policy is %s", got)
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	componenttest.MustRefuse(t, "identity i", func(ctx *pulumi.Context) error {
		_, err := identity.New(ctx, "i", &identity.Args{})
		return err
	}, "Cluster: missing", "Namespace: missing", "ServiceAccount: missing", "Allow: missing")
}
