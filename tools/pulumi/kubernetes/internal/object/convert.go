// Package object turns Pulumi's properties into Kubernetes objects and back, and compares objects.
package object

import (
	"fmt"
	"math"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// hidden starts the names of properties that are the engine's or the plugin's own.
const hidden = "__"

// FromProperties returns properties as an object's fields, with secrets opened and hidden properties left out. The
// properties hold no unknown values. What Kubernetes cannot store is an error that names its path.
func FromProperties(m resource.PropertyMap) (map[string]any, error) {
	fields := map[string]any{}
	for k, v := range m {
		if strings.HasPrefix(string(k), hidden) {
			continue
		}
		if err := put(fields, string(k), v, resource.PropertyPath{string(k)}); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

func put(fields map[string]any, key string, v resource.PropertyValue, path resource.PropertyPath) error {
	x, err := plain(v, path)
	if err != nil {
		return err
	}
	if x != nil {
		fields[key] = x
	}
	return nil
}

// plain returns a value as encoding/json would, but with integers as int64: the client library's objects are made so.
func plain(v resource.PropertyValue, path resource.PropertyPath) (any, error) {
	v = Bare(v)
	switch {
	case v.IsNull():
		return nil, nil
	case v.IsBool():
		return v.BoolValue(), nil
	case v.IsString():
		return v.StringValue(), nil
	case v.IsNumber():
		return number(v.NumberValue()), nil
	case v.IsArray():
		list := []any{}
		for i, e := range v.ArrayValue() {
			x, err := plain(e, extend(path, i))
			if err != nil {
				return nil, err
			}
			list = append(list, x)
		}
		return list, nil
	case v.IsObject():
		fields := map[string]any{}
		for k, e := range v.ObjectValue() {
			if err := put(fields, string(k), e, extend(path, string(k))); err != nil {
				return nil, err
			}
		}
		return fields, nil
	}
	return nil, fmt.Errorf("%s: Kubernetes cannot store a %s", path, v.TypeString())
}

// exact is the largest integer below which every integer is exact in Pulumi's properties.
const exact = 1 << 53

func number(f float64) any {
	if f == math.Trunc(f) && math.Abs(f) < exact {
		return int64(f)
	}
	return f
}

func extend(path resource.PropertyPath, step any) resource.PropertyPath {
	return append(path[:len(path):len(path)], step)
}

// ToProperties returns an object's fields as properties.
func ToProperties(fields map[string]any) resource.PropertyMap {
	return resource.NewPropertyMapFromMap(fields)
}

// Bare returns the value inside secrets and known outputs.
func Bare(v resource.PropertyValue) resource.PropertyValue {
	for {
		switch {
		case v.IsSecret():
			v = v.SecretValue().Element
		case v.IsOutput() && v.OutputValue().Known:
			v = v.OutputValue().Element
		default:
			return v
		}
	}
}

// KeepSecrets makes secret in outputs what is secret in the inputs at the same path.
func KeepSecrets(outs, ins resource.PropertyMap) {
	for k, in := range ins {
		if out, ok := outs[k]; ok {
			outs[k] = keepSecret(out, in)
		}
	}
}

func keepSecret(out, in resource.PropertyValue) resource.PropertyValue {
	if in.IsSecret() || in.IsOutput() && in.OutputValue().Secret {
		return resource.MakeSecret(Bare(out))
	}
	out, in = Bare(out), Bare(in)
	switch {
	case out.IsObject() && in.IsObject():
		KeepSecrets(out.ObjectValue(), in.ObjectValue())
	case out.IsArray() && in.IsArray():
		outs, ins := out.ArrayValue(), in.ArrayValue()
		for i := range min(len(outs), len(ins)) {
			outs[i] = keepSecret(outs[i], ins[i])
		}
	}
	return out
}

// At returns the value at a path of names, looking into secrets on the way. There may be none.
func At(m resource.PropertyMap, path ...string) (resource.PropertyValue, bool) {
	v := resource.NewObjectProperty(m)
	for _, name := range path {
		if v = Bare(v); !v.IsObject() {
			return resource.PropertyValue{}, false
		}
		var ok bool
		if v, ok = v.ObjectValue()[resource.PropertyKey(name)]; !ok {
			return resource.PropertyValue{}, false
		}
	}
	return Bare(v), true
}
