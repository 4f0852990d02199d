package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"dip/tools/pulumi/kubernetes/internal/cluster"
	"dip/tools/pulumi/kubernetes/internal/object"
)

// settings are the provider's.
type settings struct {
	cluster.Settings
	deleteUnreachable bool
	// unknown are names of settings that are not known yet, in a preview.
	unknown []string
}

// readSettings reads the provider's settings and reports all that is wrong with them.
func readSettings(in resource.PropertyMap) (settings, error) {
	var s settings
	apply := true
	texts := map[string]*string{"kubeconfig": &s.Kubeconfig, "context": &s.Context, "namespace": &s.Namespace}
	flags := map[string]*bool{"deleteUnreachable": &s.deleteUnreachable, "enableServerSideApply": &apply}
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(in)) {
		name, v := string(key), object.Bare(in[key])
		text, flag := texts[name], flags[name]
		switch {
		case name == "version" || name == "pluginDownloadURL" || strings.HasPrefix(name, "__"): // the engine's own
		case text == nil && flag == nil:
			problems = append(problems, fmt.Errorf("%s: this kubernetes plugin has no such setting", name))
		case v.ContainsUnknowns():
			s.unknown = append(s.unknown, name)
		case text != nil && v.IsString():
			*text = v.StringValue()
		case flag != nil && v.IsBool():
			*flag = v.BoolValue()
		case flag != nil && v.IsString(): // the engine hands settings over as text
			b, err := strconv.ParseBool(v.StringValue())
			if err != nil {
				problems = append(problems, fmt.Errorf("%s: %q is neither true nor false", name, v.StringValue()))
			}
			*flag = b
		default:
			problems = append(problems, fmt.Errorf("%s: it cannot be a %s", name, v.TypeString()))
		}
	}
	if !apply {
		problems = append(problems, errors.New("enableServerSideApply: this kubernetes plugin always uses it"))
	}
	if len(s.unknown) == 0 && len(problems) == 0 {
		if _, err := s.Identity(); err != nil {
			problems = append(problems, err)
		}
	}
	return s, errors.Join(problems...)
}

// CheckConfig validates the provider's settings, without network access.
func (p *Provider) CheckConfig(_ context.Context, settings resource.PropertyMap) error {
	_, err := readSettings(settings)
	return err
}

// Moves reports whether the settings lead to another cluster: nothing of the old one is there. A kubeconfig that is not
// known yet may lead anywhere.
func (p *Provider) Moves(olds, news resource.PropertyMap) (bool, error) {
	next, err := readSettings(news)
	if err != nil {
		return false, err
	}
	if len(next.unknown) > 0 {
		return true, nil
	}
	old, err := readSettings(olds)
	if err != nil {
		return false, nil // a file that is not there any more, say: it tells nothing about clusters
	}
	was, err := old.Identity()
	if err != nil {
		return false, nil
	}
	is, err := next.Identity()
	return was != is, err
}

// Configure connects to the cluster. With a kubeconfig that is not known yet (in a preview) there is none.
func (p *Provider) Configure(_ context.Context, args resource.PropertyMap) error {
	set, err := readSettings(args)
	if err != nil {
		return err
	}
	p.deleteUnreachable = set.deleteUnreachable
	if len(set.unknown) > 0 {
		return nil
	}
	p.cluster, err = cluster.New(set.Settings)
	return err
}
