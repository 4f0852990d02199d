package plugin

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"google.golang.org/protobuf/types/known/structpb"
)

// Unmarshal reads properties, unknown and secret ones included; label names them in errors.
func Unmarshal(st *structpb.Struct, label string) (resource.PropertyMap, error) {
	m, err := plugin.UnmarshalProperties(st, plugin.MarshalOptions{
		Label: label, KeepUnknowns: true, KeepSecrets: true, SkipNulls: true, ComputeAssetHashes: true,
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", label, err)
	}
	return m, nil
}

// Marshal writes properties, unknown and secret ones included.
func Marshal(m resource.PropertyMap) (*structpb.Struct, error) {
	return plugin.MarshalProperties(m, plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true, SkipNulls: true})
}

// reader reads several properties and keeps the first error.
type reader struct{ err error }

func (r *reader) read(st *structpb.Struct, label string) resource.PropertyMap {
	if r.err != nil {
		return nil
	}
	var m resource.PropertyMap
	m, r.err = Unmarshal(st, label)
	return m
}
