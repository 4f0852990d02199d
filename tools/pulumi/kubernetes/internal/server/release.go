package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"dip/tools/pulumi/kubernetes/internal/chart"
	"dip/tools/pulumi/kubernetes/internal/cluster"
	"dip/tools/pulumi/kubernetes/internal/object"
	"dip/tools/pulumi/plugin"
)

// releaseTarget is a Helm release. There is no Helm here: its chart is a folder of manifests.
type releaseTarget struct {
	p    *Provider
	name string // the program's name of it
}

func (p *Provider) release(name string) *releaseTarget { return &releaseTarget{p, name} }

// releaseArgs are the inputs of a release that are served. Where charts come from and how much of a release's history
// is kept means nothing to a folder of manifests.
var releaseArgs = map[resource.PropertyKey]func(resource.PropertyValue) bool{
	"chart": resource.PropertyValue.IsString, "version": resource.PropertyValue.IsString,
	"name": resource.PropertyValue.IsString, "namespace": resource.PropertyValue.IsString,
	"values": resource.PropertyValue.IsObject, "timeout": resource.PropertyValue.IsNumber,
	"skipAwait":      resource.PropertyValue.IsBool,
	"repositoryOpts": resource.PropertyValue.IsObject, "maxHistory": resource.PropertyValue.IsNumber,
	"compat": resource.PropertyValue.IsString,
}

// spec is a release as its inputs describe it.
type spec struct {
	chart.Release
	chart, version string
	timeout        time.Duration // 0: none of its own
	skipAwait      bool
}

func (r *releaseTarget) spec(in resource.PropertyMap) (spec, error) {
	text := func(name string) string {
		if v, _ := object.At(in, name); v.IsString() {
			return v.StringValue()
		}
		return ""
	}
	s := spec{
		Release: chart.Release{Name: text("name"), Namespace: text("namespace"), Values: map[string]any{}},
		chart:   text("chart"), version: text("version"),
	}
	if s.Namespace == "" {
		s.Namespace = cluster.DefaultNamespace
		if r.p.cluster != nil {
			s.Namespace = r.p.cluster.Namespace
		}
	}
	if v, ok := object.At(in, "timeout"); ok && v.IsNumber() {
		s.timeout = time.Duration(v.NumberValue() * float64(time.Second))
	}
	if v, ok := object.At(in, "skipAwait"); ok && v.IsBool() {
		s.skipAwait = v.BoolValue()
	}
	if v, ok := object.At(in, "values"); ok {
		fields, err := object.FromProperties(resource.PropertyMap{"values": v})
		if err != nil {
			return s, err
		}
		s.Values = fields["values"].(map[string]any)
	}
	return s, nil
}

// render returns the objects of a release.
func (r *releaseTarget) render(in resource.PropertyMap) (spec, []*chart.Object, error) {
	s, err := r.spec(in)
	if err != nil {
		return s, nil, err
	}
	if r.p.charts == "" {
		return s, nil, errors.New("charts need Helm and Pulumi's own kubernetes plugin; this plugin takes manifests from " +
			"the folder in DIP_CHARTS, which is not set")
	}
	dir := chart.Dir(r.p.charts, s.chart, s.version)
	if _, err := os.Stat(dir); err != nil {
		return s, nil, fmt.Errorf("there is no such chart among those in DIP_CHARTS: %w", err)
	}
	objects, err := chart.Render(dir, s.Release)
	return s, objects, err
}

// Check fills in a name and has the chart rendered.
func (r *releaseTarget) Check(_ context.Context, olds, news resource.PropertyMap, seed []byte) error {
	var problems []error
	for _, k := range slices.Sorted(maps.Keys(news)) {
		v := object.Bare(news[k])
		is, ok := releaseArgs[k]
		switch {
		case !ok && !isHidden(k):
			problems = append(problems,
				&plugin.Failure{Property: string(k), Reason: "this kubernetes plugin serves no such part of a release"})
		case ok && !v.ContainsUnknowns() && !is(v):
			problems = append(problems, &plugin.Failure{Property: string(k), Reason: "it cannot be a " + v.TypeString()})
		}
	}
	for _, k := range []resource.PropertyKey{"chart", "version"} {
		if !news.HasValue(k) {
			problems = append(problems, &plugin.Failure{Property: string(k), Reason: "it is missing"})
		}
	}
	if !news.HasValue("name") {
		problems = append(problems, r.completeName(olds, news, seed))
	}
	if err := errors.Join(problems...); err != nil || news.ContainsUnknowns() {
		return err
	}
	if _, _, err := r.render(news); err != nil {
		return &plugin.Failure{Property: "chart", Reason: err.Error()}
	}
	return nil
}

func (r *releaseTarget) completeName(olds, news resource.PropertyMap, seed []byte) error {
	if old, ok := object.At(olds, "name"); ok && old.IsString() {
		news["name"] = old
		return nil
	}
	name, err := resource.NewUniqueName(seed, r.name+"-", suffixDigits, 0, nil)
	if err != nil {
		return &plugin.Failure{Property: "name", Reason: err.Error()}
	}
	news["name"] = resource.NewStringProperty(name)
	return nil
}

// Create applies the release's objects; a preview returns no more than its inputs.
func (r *releaseTarget) Create(ctx context.Context, op *plugin.Operation) (string, resource.PropertyMap, error) {
	if op.Preview {
		return "", op.Inputs, nil
	}
	s, objects, err := r.render(op.Inputs)
	if err != nil {
		return "", nil, err
	}
	// From here on parts of it may exist, even when it fails.
	err = r.roll(ctx, s, objects, r.p.cluster.Create)
	return s.Namespace + "/" + s.Name, r.outputs(s, op.Inputs, refs(objects)), err
}

// Update applies the release's objects, and deletes those that it has no more.
func (r *releaseTarget) Update(ctx context.Context, op *plugin.Operation) (resource.PropertyMap, error) {
	if op.Preview {
		return op.Inputs, nil
	}
	had, err := objectsOf(op.Olds)
	if err != nil {
		return nil, err
	}
	s, objects, err := r.render(op.Inputs)
	if err != nil {
		return nil, err
	}
	has := refs(objects)
	gone := slices.DeleteFunc(slices.Clone(had), func(ref cluster.Ref) bool { return contains(has, ref) })
	if err = r.roll(ctx, s, objects, r.p.cluster.Update); err == nil {
		err = r.drop(ctx, gone, s.skipAwait)
	}
	if err != nil {
		return r.outputs(s, op.Inputs, append(has, gone...)), err
	}
	return r.outputs(s, op.Inputs, has), nil
}

// roll applies the objects in their order, and waits until all of them are ready.
func (r *releaseTarget) roll(ctx context.Context, s spec, objects []*chart.Object,
	apply func(context.Context, *cluster.Object) (*cluster.Object, error)) error {
	if s.timeout > 0 {
		var end context.CancelFunc
		ctx, end = context.WithTimeoutCause(ctx, s.timeout, errors.New("the release's timeout is over"))
		defer end()
	}
	var made []*cluster.Object
	for _, o := range objects {
		m, err := apply(ctx, o)
		if err == nil && chart.IsDefinition(o) {
			_, err = r.p.cluster.AwaitReady(ctx, m) // what follows is of its kind
		}
		if err != nil {
			return fmt.Errorf("release %s: %w", s.Name, err)
		}
		made = append(made, m)
	}
	if s.skipAwait {
		return nil
	}
	for _, m := range made {
		if _, err := r.p.cluster.AwaitReady(ctx, m); err != nil {
			return fmt.Errorf("release %s: %w", s.Name, err)
		}
	}
	return nil
}

// Delete deletes the release's objects.
func (r *releaseTarget) Delete(ctx context.Context, op *plugin.Operation) error {
	had, err := objectsOf(op.Olds)
	if err != nil {
		return err
	}
	skip, _ := object.At(op.Olds, "skipAwait")
	return r.drop(ctx, had, skip.IsBool() && skip.BoolValue())
}

// drop deletes objects against the order in which they were applied: kind by kind, so that what is of one kind goes at
// once.
func (r *releaseTarget) drop(ctx context.Context, all []cluster.Ref, skipAwait bool) error {
	for end := len(all); end > 0; {
		start := end - 1
		for start > 0 && all[start-1].Kind == all[end-1].Kind {
			start--
		}
		for _, ref := range all[start:end] {
			if err := r.p.cluster.Drop(ctx, ref); err != nil {
				return fmt.Errorf("release %q: %w", r.name, err)
			}
		}
		for _, ref := range all[start:end] {
			if skipAwait {
				break
			}
			if err := r.p.cluster.AwaitGone(ctx, ref); err != nil {
				return fmt.Errorf("release %q: %w", r.name, err)
			}
		}
		end = start
	}
	return nil
}
