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
)

// releaseTarget is a Helm release. There is no Helm here: its chart is a folder of manifests.
type releaseTarget struct {
	s    *Server
	name string // the program's name of it
}

func (s *Server) release(name string) *releaseTarget { return &releaseTarget{s, name} }

// releaseArgs are the inputs of a release that are served. Where charts come from and how much of a release's history
// is kept means nothing to a folder of manifests.
var releaseArgs = map[resource.PropertyKey]func(resource.PropertyValue) bool{
	"chart": resource.PropertyValue.IsString, "version": resource.PropertyValue.IsString,
	"name": resource.PropertyValue.IsString, "namespace": resource.PropertyValue.IsString,
	"values": resource.PropertyValue.IsObject, "timeout": resource.PropertyValue.IsNumber, "skipAwait": resource.PropertyValue.IsBool,
	"repositoryOpts": resource.PropertyValue.IsObject, "maxHistory": resource.PropertyValue.IsNumber, "compat": resource.PropertyValue.IsString,
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
		if r.s.cluster != nil {
			s.Namespace = r.s.cluster.Namespace
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
	if r.s.charts == "" {
		return s, nil, errors.New("charts need Helm and Pulumi's own kubernetes plugin; this plugin takes manifests from the folder in DIP_CHARTS, which is not set")
	}
	dir := chart.Dir(r.s.charts, s.chart, s.version)
	if _, err := os.Stat(dir); err != nil {
		return s, nil, fmt.Errorf("there is no such chart among those in DIP_CHARTS: %w", err)
	}
	objects, err := chart.Render(dir, s.Release)
	return s, objects, err
}

func (r *releaseTarget) complete(olds, news resource.PropertyMap, seed []byte) error {
	var problems []error
	for _, k := range slices.Sorted(maps.Keys(news)) {
		v := object.Bare(news[k])
		is, ok := releaseArgs[k]
		switch {
		case !ok && !isHidden(k):
			problems = append(problems, &invalid{string(k), "this kubernetes plugin serves no such part of a release"})
		case ok && !v.ContainsUnknowns() && !is(v):
			problems = append(problems, &invalid{string(k), "it cannot be a " + v.TypeString()})
		}
	}
	for _, k := range []resource.PropertyKey{"chart", "version"} {
		if !news.HasValue(k) {
			problems = append(problems, &invalid{string(k), "it is missing"})
		}
	}
	if !news.HasValue("name") {
		problems = append(problems, r.completeName(olds, news, seed))
	}
	if err := errors.Join(problems...); err != nil || news.ContainsUnknowns() {
		return err
	}
	if _, _, err := r.render(news); err != nil {
		return &invalid{"chart", err.Error()}
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
		return &invalid{"name", err.Error()}
	}
	news["name"] = resource.NewStringProperty(name)
	return nil
}

func (r *releaseTarget) preview(_ context.Context, in resource.PropertyMap) (resource.PropertyMap, error) {
	return in, nil
}

func (r *releaseTarget) previewUpdate(_ context.Context, _ string, in resource.PropertyMap, _ []string) (resource.PropertyMap, error) {
	return in, nil
}

func (r *releaseTarget) create(ctx context.Context, in resource.PropertyMap) (string, resource.PropertyMap, error) {
	s, objects, err := r.render(in)
	if err != nil {
		return "", nil, err
	}
	// From here on something of it may be there, even when it fails.
	err = r.roll(ctx, s, objects, r.s.cluster.Create)
	return s.Namespace + "/" + s.Name, r.outputs(s, in, refs(objects)), err
}

func (r *releaseTarget) update(ctx context.Context, _ string, olds, in resource.PropertyMap, _ []string) (resource.PropertyMap, error) {
	had, err := objectsOf(olds)
	if err != nil {
		return nil, err
	}
	s, objects, err := r.render(in)
	if err != nil {
		return nil, err
	}
	has := refs(objects)
	gone := slices.DeleteFunc(slices.Clone(had), func(ref cluster.Ref) bool { return contains(has, ref) })
	if err = r.roll(ctx, s, objects, r.s.cluster.Update); err == nil {
		err = r.drop(ctx, gone, s.skipAwait)
	}
	if err != nil {
		return r.outputs(s, in, append(has, gone...)), err
	}
	return r.outputs(s, in, has), nil
}

// roll applies the objects in their order, and waits until all of them do what they are for.
func (r *releaseTarget) roll(ctx context.Context, s spec, objects []*chart.Object, apply func(context.Context, *cluster.Object) (*cluster.Object, error)) error {
	if s.timeout > 0 {
		var end context.CancelFunc
		ctx, end = context.WithTimeoutCause(ctx, s.timeout, errors.New("the release's timeout is over"))
		defer end()
	}
	var made []*cluster.Object
	for _, o := range objects {
		m, err := apply(ctx, o)
		if err == nil && chart.IsDefinition(o) {
			_, err = r.s.cluster.AwaitReady(ctx, m) // what follows is of its kind
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
		if _, err := r.s.cluster.AwaitReady(ctx, m); err != nil {
			return fmt.Errorf("release %s: %w", s.Name, err)
		}
	}
	return nil
}

func (r *releaseTarget) remove(ctx context.Context, _ string, outs resource.PropertyMap) error {
	had, err := objectsOf(outs)
	if err != nil {
		return err
	}
	skip, _ := object.At(outs, "skipAwait")
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
			if err := r.s.cluster.Drop(ctx, ref); err != nil {
				return fmt.Errorf("release %q: %w", r.name, err)
			}
		}
		for _, ref := range all[start:end] {
			if skipAwait {
				break
			}
			if err := r.s.cluster.AwaitGone(ctx, ref); err != nil {
				return fmt.Errorf("release %q: %w", r.name, err)
			}
		}
		end = start
	}
	return nil
}
