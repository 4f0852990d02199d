package k8s

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	rbacv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/rbac/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/policy"
	"dip/config"
)

// Rule allows verbs on resources of API groups.
type Rule struct {
	Groups    []string // "" is the core group
	Resources []string
	Names     []string // none: all of them
	Verbs     []string
}

// Account is a service account and what it may do.
type Account struct {
	App       string // application, for the labels
	Namespace string
	Name      string // of the service account and of its roles
	Cluster   []Rule // in the whole cluster
	Local     []Rule // in its namespace
	Token     bool   // its pods get a token for the API server
}

// Declare declares the account as children of a component. What it returns are the resources after which pods of the
// account can do what they may.
func (a Account) Declare(ctx *pulumi.Context, c pulumi.ComponentResource, opts ...pulumi.ResourceOption) (
	[]pulumi.Resource, error,
) {
	account, err := component.Child(ctx, c, "account", corev1.NewServiceAccount, &corev1.ServiceAccountArgs{
		Metadata: Meta(a.App, a.Namespace, a.Name), AutomountServiceAccountToken: pulumi.Bool(a.Token),
	}, opts...)
	if err != nil {
		return nil, err
	}
	ready := []pulumi.Resource{account}
	subjects := rbacv1.SubjectArray{rbacv1.SubjectArgs{
		Kind: pulumi.String("ServiceAccount"), Name: pulumi.String(a.Name), Namespace: pulumi.String(a.Namespace),
	}}
	if len(a.Cluster) > 0 {
		role, err := component.Child(ctx, c, "cluster-role", rbacv1.NewClusterRole, &rbacv1.ClusterRoleArgs{
			Metadata: Meta(a.App, "", a.Name), Rules: rules(a.Cluster),
		}, opts...)
		if err != nil {
			return nil, err
		}
		binding := &rbacv1.ClusterRoleBindingArgs{
			Metadata: Meta(a.App, "", a.Name), RoleRef: a.ref("ClusterRole"), Subjects: subjects,
		}
		bound, err := component.Child(ctx, c, "cluster-role-binding", rbacv1.NewClusterRoleBinding, binding, opts...)
		if err != nil {
			return nil, err
		}
		ready = append(ready, role, bound)
	}
	if len(a.Local) > 0 {
		role, err := component.Child(ctx, c, "role", rbacv1.NewRole, &rbacv1.RoleArgs{
			Metadata: Meta(a.App, a.Namespace, a.Name), Rules: rules(a.Local),
		}, opts...)
		if err != nil {
			return nil, err
		}
		bound, err := component.Child(ctx, c, "role-binding", rbacv1.NewRoleBinding, &rbacv1.RoleBindingArgs{
			Metadata: Meta(a.App, a.Namespace, a.Name), RoleRef: a.ref("Role"), Subjects: subjects,
		}, opts...)
		if err != nil {
			return nil, err
		}
		ready = append(ready, role, bound)
	}
	return ready, nil
}

func (a Account) ref(kind string) rbacv1.RoleRefArgs {
	return rbacv1.RoleRefArgs{
		ApiGroup: pulumi.String("rbac.authorization.k8s.io"), Kind: pulumi.String(kind), Name: pulumi.String(a.Name),
	}
}

func rules(list []Rule) rbacv1.PolicyRuleArray {
	all := rbacv1.PolicyRuleArray{}
	for _, r := range list {
		rule := rbacv1.PolicyRuleArgs{
			ApiGroups: pulumi.ToStringArray(r.Groups), Resources: pulumi.ToStringArray(r.Resources),
			Verbs: pulumi.ToStringArray(r.Verbs),
		}
		if len(r.Names) > 0 {
			rule.ResourceNames = pulumi.ToStringArray(r.Names)
		}
		all = append(all, rule)
	}
	return all
}

// Leases allow to elect a leader by the lease of a name. Creating cannot be limited to a name.
func Leases(name string) []Rule {
	group, leases := []string{"coordination.k8s.io"}, []string{"leases"}
	return []Rule{
		{Groups: group, Resources: leases, Verbs: []string{"create"}},
		{Groups: group, Resources: leases, Names: []string{name}, Verbs: []string{"get", "update", "patch"}},
	}
}

// Look allows actions that only look, which cannot be limited to resources.
func Look(actions ...string) policy.Statement {
	return policy.Statement{Actions: actions, Resources: []pulumi.StringInput{pulumi.String("*")}}
}

// AutoScalingGroups are the ARNs of Auto Scaling groups by their names; "*" is any.
func AutoScalingGroups(region, account string, names ...pulumi.StringInput) (arns []pulumi.StringInput) {
	for _, name := range names {
		arns = append(arns,
			pulumi.Sprintf("arn:%s:autoscaling:%s:%s:autoScalingGroup:*:autoScalingGroupName/%s", config.PartitionOf(region),
				region, account, name))
	}
	return arns
}

// Budget declares the disruption budget of a component's application. maxUnavailable is a number or a share such as
// "25%", above zero: a budget that allows nothing would hold up every drain. A pod that is not healthy may always be
// evicted: it is of no use to anyone, and would hold up the drain just as well.
func Budget(ctx *pulumi.Context, c pulumi.ComponentResource, app, namespace string, maxUnavailable any,
	opts ...pulumi.ResourceOption,
) error {
	_, err := component.Child(ctx, c, "budget", policyv1.NewPodDisruptionBudget, &policyv1.PodDisruptionBudgetArgs{
		Metadata: Meta(app, namespace, app),
		Spec: policyv1.PodDisruptionBudgetSpecArgs{
			MaxUnavailable: pulumi.Any(maxUnavailable), Selector: metav1.LabelSelectorArgs{MatchLabels: Selector(app)},
			UnhealthyPodEvictionPolicy: pulumi.String("AlwaysAllow"),
		},
	}, opts...)
	return err
}
