// Package escalator is Atlassian's Escalator: it adds nodes to a group when the requests of its pods exceed a share of
// it, and removes nodes only once they are empty. It never drains: it is for groups whose work must end by itself.
package escalator

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/config"
	"dip/k8s"
)

// TypeToken is the component's type.
const TypeToken = "dip:k8s:Escalator"

// Account is its service account, which needs AWS: see Allow.
const Account = app

// app is the name of its objects.
const app = "escalator"

// Args configure Escalator.
type Args struct {
	// Region is the groups'. The zero value is invalid.
	Region string
	// Groups are the groups that it scales. The zero value is invalid.
	Groups map[string]Group
	// Place is where it runs itself: not on a node that it may remove. The zero value is any node that is not dedicated.
	Place k8s.Place
	// After are the resources that it needs: the namespaces and its AWS identity.
	After []pulumi.Resource
}

// Group is a node group.
type Group struct {
	AutoScalingGroup pulumi.StringInput // name
	Settings         config.Escalator
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var errs []error
	if a.Region == "" {
		errs = append(errs, errors.New("escalator: Region: missing"))
	}
	if len(a.Groups) == 0 {
		errs = append(errs, errors.New("escalator: Groups: missing"))
	}
	for name, g := range a.Groups {
		if g.AutoScalingGroup == nil {
			errs = append(errs, fmt.Errorf("escalator: Groups[%s].AutoScalingGroup: missing", name))
		}
		if err := check(g.Settings); err != nil {
			errs = append(errs, fmt.Errorf("escalator: Groups[%s].Settings: %w", name, err))
		}
		if name == a.Place.Group {
			errs = append(errs, fmt.Errorf("escalator: Place: %s is a group that it scales", name))
		}
	}
	return errors.Join(errs...)
}

// Escalator is Escalator.
type Escalator struct {
	pulumi.ResourceState
}

// New declares Escalator. The provider among opts is the cluster's.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Escalator, error) {
	if err := args.Validate(); err != nil {
		return nil, err
	}
	e := &Escalator{}
	if err := ctx.RegisterComponentResource(TypeToken, name, e, opts...); err != nil {
		return nil, fmt.Errorf("escalator %s: %w", name, err)
	}
	if err := e.create(ctx, name, args); err != nil {
		return nil, fmt.Errorf("escalator %s: %w", name, err)
	}
	return e, ctx.RegisterResourceOutputs(e, pulumi.Map{})
}

func (e *Escalator) create(ctx *pulumi.Context, name string, args *Args) error {
	ready, err := k8s.Account{
		App: app, Namespace: k8s.System, Name: Account, Cluster: clusterRules, Local: k8s.Leases(lease), Token: true,
	}.Declare(ctx, name, e, pulumi.DependsOn(args.After))
	if err != nil {
		return err
	}
	groups := nodeGroups(args.Groups)
	return k8s.Controller{
		App: app, Namespace: k8s.System, Image: k8s.EscalatorImage,
		Command: []string{"./main"}, Args: Flags(scanInterval(args.Groups)),
		Env: corev1.EnvVarArray{
			corev1.EnvVarArgs{Name: pulumi.String("AWS_REGION"), Value: pulumi.String(args.Region)},
			k8s.FieldEnv("POD_IP", "status.podIP"), k8s.FieldEnv("POD_NAME", "metadata.name"), // POD_NAME: who leads
		},
		Port: 8080, Path: "/metrics", MilliCPU: 50, MemoryMB: 256, Place: args.Place,
		Config: map[string]pulumi.StringInput{groupsFile: groups}, Fingerprint: fingerprint(groups), // it reads its file once
	}.Declare(ctx, name, e, append(ready, args.After...))
}

func fingerprint(text pulumi.StringOutput) pulumi.StringOutput {
	return text.ApplyT(func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return hex.EncodeToString(sum[:8])
	}).(pulumi.StringOutput)
}

// clusterRules are what it does in the cluster. Source: its documentation, "Deployment", RBAC.
var clusterRules = []k8s.Rule{
	{Groups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list", "watch"}},
	{Groups: []string{""}, Resources: []string{"nodes"}, Verbs: []string{"get", "list", "watch", "update", "patch", "delete"}},
	{Groups: []string{""}, Resources: []string{"events"}, Verbs: []string{"create", "patch", "update"}},
}
