package guardrails

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/internals"
)

// Watch notes what a program declares, and checks all of it against Rules at the end: a rule may be about two resources
// that know nothing of each other.
type Watch struct {
	lock      sync.Mutex
	resources []*resource
}

// resource is a declared resource.
type resource struct {
	itself pulumi.Resource
	kind   string // token
	name   string
	args   any // such as *sqs.QueueArgs
	opts   []pulumi.ResourceOption
}

// NewWatch notes each resource that is declared from now on, as the transformations that are registered before leave
// it. It does not reach what a remote component, such as pulumi-eks, declares.
func NewWatch(ctx *pulumi.Context) (*Watch, error) {
	type (
		declared = pulumi.ResourceTransformationArgs
		noted    = pulumi.ResourceTransformationResult
	)
	w := &Watch{}
	return w, ctx.RegisterStackTransformation(func(a *declared) *noted {
		w.lock.Lock()
		defer w.lock.Unlock()
		w.resources = append(w.resources, &resource{a.Resource, a.Type, a.Name, a.Props, a.Opts})
		return nil
	})
}

// Demands are what depends on the stack.
type Demands struct {
	// Tags are the keys that each resource has which takes tags. The zero value: none.
	Tags []string
	// Protect is whether what holds data is protected. The zero value: it may be destroyed.
	Protect bool
}

// Check reports every broken rule, a line each with the resource, its field and how to mend it. What is not known in a
// preview, such as the ARN of what does not exist, breaks no rule.
func (w *Watch) Check(ctx *pulumi.Context, d Demands) error {
	w.lock.Lock()
	g := &graph{ctx: ctx.Context(), resources: slices.Clone(w.resources), demands: d}
	w.lock.Unlock()
	var errs []error
	for _, r := range g.resources {
		for _, rule := range Rules {
			if len(rule.Types) > 0 && !slices.Contains(rule.Types, r.kind) {
				continue
			}
			if field, mend := rule.broken(g, r); field != "" {
				errs = append(errs, fmt.Errorf("guard rail %s: %s %s: %s: %s", rule.Name, r.kind, r.name, field, mend))
			}
		}
	}
	return errors.Join(errs...)
}

// graph is everything that was declared.
type graph struct {
	ctx       context.Context
	resources []*resource
	demands   Demands
}

// value is one of a field.
type value struct {
	v     reflect.Value // invalid: the field is not set
	known bool
	from  []pulumi.Resource // that it is made of
}

// set reports whether there is a value, known or not.
func (v value) set() bool { return !v.known || v.v.IsValid() }

// at is the value at a path of properties, such as metadataOptions, httpTokens.
func (g *graph) at(r *resource, path ...string) value {
	v := g.resolve(reflect.ValueOf(r.args))
	from := v.from
	for _, name := range path {
		if !v.known || !v.v.IsValid() || v.v.Kind() != reflect.Struct {
			break
		}
		v = g.resolve(v.v.FieldByName(strings.ToUpper(name[:1]) + name[1:]))
		from = append(from, v.from...)
	}
	v.from = from
	return v
}

// resolve waits for an output, and takes off pointers and interfaces.
func (g *graph) resolve(v reflect.Value) value {
	for v.IsValid() {
		if v.CanInterface() {
			if output, ok := v.Interface().(pulumi.Output); ok && !isNil(v) {
				got, err := internals.UnsafeAwaitOutput(g.ctx, output)
				if err != nil || !got.Known {
					return value{from: got.Dependencies}
				}
				inner := g.resolve(reflect.ValueOf(got.Value))
				inner.from = append(inner.from, got.Dependencies...)
				return inner
			}
		}
		if v.Kind() != reflect.Pointer && v.Kind() != reflect.Interface {
			break
		}
		if v.IsNil() {
			return value{known: true}
		}
		v = v.Elem()
	}
	return value{v: v, known: true}
}

func isNil(v reflect.Value) bool {
	return (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil()
}

// number is a whole number or the default of what is not set; false: it is not known.
func (g *graph) number(r *resource, standard int64, path ...string) (int64, bool) {
	switch v := g.at(r, path...); {
	case !v.known:
		return 0, false
	case !v.v.IsValid() || !v.v.CanInt():
		return standard, true
	default:
		return v.v.Int(), true
	}
}

// text is a text, "" of what is not set or not known.
func (g *graph) text(r *resource, path ...string) string {
	if v := g.at(r, path...); v.known && v.v.IsValid() && v.v.Kind() == reflect.String {
		return v.v.String()
	}
	return ""
}

// no reports whether a switch is known to be off. Off is the default.
func (g *graph) no(r *resource, path ...string) bool {
	v := g.at(r, path...)
	return v.known && (!v.v.IsValid() || v.v.Kind() != reflect.Bool || !v.v.Bool())
}

// has reports whether a list is known to have a text.
func (g *graph) has(r *resource, text string, path ...string) bool {
	v := g.at(r, path...)
	if !v.known || !v.v.IsValid() || v.v.Kind() != reflect.Slice {
		return false
	}
	for i := range v.v.Len() {
		if one := g.resolve(v.v.Index(i)); one.known && one.v.IsValid() && one.v.String() == text {
			return true
		}
	}
	return false
}

// from is the resource of a type that a field is made of, an alias being as good as its function, and a consumer as its
// stream; nil: none.
func (g *graph) from(r *resource, kind, field string) *resource {
	for _, dependency := range g.at(r, field).from {
		for _, other := range g.resources {
			switch {
			case other.itself != dependency:
			case other.kind == kind:
				return other
			case other.kind == aliasType && kind == functionType:
				return g.from(other, kind, "functionName")
			case other.kind == consumerType && kind == streamType:
				return g.from(other, kind, "streamArn")
			}
		}
	}
	return nil
}

// about are the resources of a type whose field is made of another resource.
func (g *graph) about(kind, field string, of *resource) (list []*resource) {
	for _, r := range g.resources {
		if r.kind == kind && g.from(r, of.kind, field) == of {
			list = append(list, r)
		}
	}
	return list
}
