package server

import (
	"encoding/base64"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"dip/tools/pulumi/kubernetes/internal/cluster"
	"dip/tools/pulumi/kubernetes/internal/object"
)

// A Secret is written as text under one key, and read, in base64, under the other.
const (
	textKey = "stringData"
	dataKey = "data"
)

func (t *target) isSecret() bool { return t.kind.Group == "" && t.kind.Kind == "Secret" }

// mergeText moves a Secret's text to where the API server keeps it: it would be applied at every update otherwise, as a
// field that never is there.
func mergeText(o *cluster.Object) error {
	texts, ok := o.Object[textKey].(map[string]any)
	if !ok {
		return nil
	}
	data, ok := o.Object[dataKey].(map[string]any)
	if !ok {
		data = map[string]any{}
	}
	for k, v := range texts {
		text, ok := v.(string)
		if !ok {
			return fmt.Errorf("%s.%s: it has to be text", textKey, k)
		}
		data[k] = base64.StdEncoding.EncodeToString([]byte(text))
	}
	delete(o.Object, textKey)
	o.Object[dataKey] = data
	return nil
}

// hide makes secret what a Secret holds.
func hide(m resource.PropertyMap) {
	for _, k := range []resource.PropertyKey{dataKey, textKey} {
		if v, ok := m[k]; ok && !v.ContainsUnknowns() {
			m[k] = resource.MakeSecret(object.Bare(v))
		}
	}
}
