package server

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"dip/tools/pulumi/kubernetes/internal/cluster"
	"dip/tools/pulumi/kubernetes/internal/object"
	"dip/tools/pulumi/plugin"
)

// target is the resource that an operation works on.
type target struct {
	p    *Provider
	name string // the program's name of it
	kind schema.GroupVersionKind
}

// notObjects are the first parts of tokens that are no API group: programs' parts that Pulumi's own plugin expands.
var notObjects = map[string]bool{"yaml": true, "kustomize": true, "helm.sh": true, "index": true, "": true}

// releaseToken is that of a Helm release.
const releaseToken = "kubernetes:helm.sh/v3:Release"

var apiVersion = regexp.MustCompile(`^v[0-9]+((alpha|beta)[0-9]+)?$`)

// parseToken reads kubernetes:GROUP/VERSION:KIND. The core group is called core.
func parseToken(token string) (schema.GroupVersionKind, error) {
	parts := strings.Split(token, ":")
	if len(parts) != 3 || parts[0] != "kubernetes" || parts[2] == "" {
		return schema.GroupVersionKind{}, plugin.ErrUnknown
	}
	group, version, ok := strings.Cut(parts[1], "/")
	if !ok || notObjects[group] || !apiVersion.MatchString(version) {
		return schema.GroupVersionKind{}, plugin.ErrUnknown
	}
	if group == "core" {
		group = ""
	}
	return schema.GroupVersionKind{Group: group, Version: version, Kind: parts[2]}, nil
}

func (p *Provider) target(token, name string) (*target, error) {
	kind, err := parseToken(token)
	if err != nil {
		return nil, err
	}
	return &target{p: p, name: name, kind: kind}, nil
}

// object makes the object that inputs describe.
func (t *target) object(in resource.PropertyMap) (*cluster.Object, error) {
	fields, err := object.FromProperties(in)
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w", t.kind.Kind, t.name, err)
	}
	o := &cluster.Object{Object: fields}
	o.SetGroupVersionKind(t.kind)
	if t.isSecret() {
		if err := mergeText(o); err != nil {
			return nil, fmt.Errorf("%s %q: %w", t.kind.Kind, t.name, err)
		}
	}
	return o, nil
}

// outputs are an object's fields. What is secret in the inputs, and what a Secret holds, stays secret.
func (t *target) outputs(o *cluster.Object, in resource.PropertyMap) resource.PropertyMap {
	o = o.DeepCopy()
	o.SetManagedFields(nil) // the API server's bookkeeping: long, and never an input
	if notes := o.GetAnnotations(); notes[lastApplied] != "" {
		delete(notes, lastApplied)
		o.SetAnnotations(notes)
	}
	outs := object.ToProperties(o.Object)
	if t.isSecret() {
		if text, ok := in[textKey]; ok {
			outs[textKey] = text // the API server keeps it in data alone
		}
		hide(outs)
	}
	object.KeepSecrets(outs, in)
	return outs
}

// lastApplied is where kubectl keeps a copy of the object, which may hold secrets.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"
