// Package escalator is Atlassian's Escalator: it adds nodes to a group when the requests of its pods exceed a share of
// it, and removes nodes only once they are empty. It never drains: it is for groups whose work must run to completion.
package escalator

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
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
	// Image is what runs. The zero value is invalid.
	Image config.Image
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
	var found component.Problems
	found.If(!a.Image.Pinned(), "Image", "%q, want an exact tag or a digest", a.Image.Reference())
	found.If(a.Region == "", "Region", "missing")
	found.If(len(a.Groups) == 0, "Groups", "missing")
	for _, name := range slices.Sorted(maps.Keys(a.Groups)) {
		g, field := a.Groups[name], fmt.Sprintf("Groups[%s]", name)
		found.If(g.AutoScalingGroup == nil, field+".AutoScalingGroup", "missing")
		found.Add(g.Settings.Validate(field + ".Settings"))
		found.If(name == a.Place.Group, "Place", "%s is a group that it scales", name)
	}
	return found.Err()
}

// Escalator is Escalator.
type Escalator struct {
	pulumi.ResourceState
	component.NoOutputs

	ready []pulumi.Resource
}

// New declares Escalator. The provider among opts is the cluster's.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Escalator, error) {
	e := &Escalator{}
	return component.Declare(ctx, TypeToken, name, e, args, opts, e.createAccount, e.createController)
}

func (e *Escalator) createAccount(ctx *pulumi.Context, args *Args) (err error) {
	e.ready, err = k8s.Account{
		App: app, Namespace: k8s.System, Name: Account, Cluster: clusterRules, Local: k8s.Leases(lease), Token: true,
	}.Declare(ctx, e, component.After(args.After...))
	return err
}

func (e *Escalator) createController(ctx *pulumi.Context, args *Args) error {
	groups := nodeGroups(args.Groups)
	return k8s.Controller{
		App: app, Namespace: k8s.System, Image: args.Image.Reference(),
		Command: []string{"./main"}, Args: pulumi.ToStringArray(Flags(scanInterval(args.Groups))),
		Env: corev1.EnvVarArray{
			corev1.EnvVarArgs{Name: pulumi.String(k8s.RegionVariable), Value: pulumi.String(args.Region)},
			k8s.FieldEnv("POD_IP", "status.podIP"), k8s.FieldEnv("POD_NAME", "metadata.name"), // POD_NAME: who leads
		},
		Port: port, Path: "/metrics", MilliCPU: 50, MemoryMB: 256, Place: args.Place,
		Config: map[string]pulumi.StringInput{groupsFile: groups}, Fingerprint: fingerprint(groups), // it reads its file once
	}.Declare(ctx, e, append(e.ready, args.After...))
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
	{
		Groups: []string{""}, Resources: []string{"nodes"},
		Verbs: []string{"get", "list", "watch", "update", "patch", "delete"},
	},
	{Groups: []string{""}, Resources: []string{"events"}, Verbs: []string{"create", "patch", "update"}},
}
