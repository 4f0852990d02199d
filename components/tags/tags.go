// Package tags puts a stack's tags on every resource that takes tags, so that no component has to.
package tags

import (
	"maps"
	"reflect"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Apply tags what is declared from now on. A resource's own tags win.
func Apply(ctx *pulumi.Context, tags map[string]string) error {
	type (
		declared = pulumi.ResourceTransformationArgs
		tagged   = pulumi.ResourceTransformationResult
	)
	return ctx.RegisterStackTransformation(func(a *declared) *tagged {
		args := reflect.ValueOf(a.Props)
		if args.Kind() != reflect.Pointer || args.IsNil() || args.Elem().Kind() != reflect.Struct {
			return nil
		}
		field := args.Elem().FieldByName("Tags")
		if !field.IsValid() || field.Type() != reflect.TypeFor[pulumi.StringMapInput]() {
			return nil
		}
		all := pulumi.ToStringMap(tags)
		if own, ok := field.Interface().(pulumi.StringMap); ok {
			maps.Copy(all, own)
		}
		field.Set(reflect.ValueOf(all))
		return &tagged{Props: a.Props, Opts: a.Opts}
	})
}
