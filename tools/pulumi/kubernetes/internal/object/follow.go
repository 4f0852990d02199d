package object

import (
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Follow brings inputs up to what an object has in the fields that changes name. What the inputs leave to the cluster
// stays left to it.
func Follow(ins resource.PropertyMap, has map[string]any, changes []Change) resource.PropertyMap {
	said := clone(resource.NewObjectProperty(ins))
	now := resource.NewObjectProperty(ToProperties(has))
	for _, c := range changes {
		path := c.Path
		// Elements of the inputs' lists cannot be matched with the object's: a list counts as a whole.
		if i := slices.IndexFunc(path, isIndex); i >= 0 {
			path = path[:i]
		}
		in, ok := path.Get(said)
		if !ok {
			continue
		}
		if is, ok := path.Get(now); ok {
			path.Set(said, follow(in, is))
		} else {
			path.Delete(said)
		}
	}
	return said.ObjectValue()
}

func isIndex(step any) bool {
	_, ok := step.(int)
	return ok
}

func follow(said, now resource.PropertyValue) resource.PropertyValue {
	if said.IsSecret() {
		return resource.MakeSecret(follow(Bare(said), now))
	}
	switch {
	case said.IsObject() && now.IsObject():
		m := resource.PropertyMap{}
		for k, v := range said.ObjectValue() {
			if is, ok := now.ObjectValue()[k]; ok {
				m[k] = follow(v, is)
			}
		}
		return resource.NewObjectProperty(m)
	case said.IsArray() && now.IsArray() && len(said.ArrayValue()) == len(now.ArrayValue()):
		var list []resource.PropertyValue
		for i, v := range said.ArrayValue() {
			list = append(list, follow(v, now.ArrayValue()[i]))
		}
		return resource.NewArrayProperty(list)
	}
	return now
}

// KeepIgnored gives the inputs, at the paths that the program wants to be ignored, what the object has there. A path
// that the inputs lack is ignored already.
func KeepIgnored(ins resource.PropertyMap, has map[string]any, ignored []string) (resource.PropertyMap, error) {
	if len(ignored) == 0 {
		return ins, nil
	}
	said := clone(resource.NewObjectProperty(ins))
	now := resource.NewObjectProperty(ToProperties(has))
	for _, text := range ignored {
		path, err := resource.ParsePropertyPath(text)
		if err != nil {
			return nil, err
		}
		if _, ok := path.Get(said); !ok {
			continue
		}
		if is, ok := path.Get(now); ok {
			path.Set(said, is)
		}
	}
	return said.ObjectValue(), nil
}

// clone copies objects and lists, whose parts can then be set.
func clone(v resource.PropertyValue) resource.PropertyValue {
	switch {
	case v.IsObject():
		m := resource.PropertyMap{}
		for k, e := range v.ObjectValue() {
			m[k] = clone(e)
		}
		return resource.NewObjectProperty(m)
	case v.IsArray():
		list := make([]resource.PropertyValue, 0, len(v.ArrayValue()))
		for _, e := range v.ArrayValue() {
			list = append(list, clone(e))
		}
		return resource.NewArrayProperty(list)
	}
	return v
}
