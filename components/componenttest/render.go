package componenttest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"gopkg.in/yaml.v3"
)

// reviewed are the inputs that are reviewed in a golden file of their component: a report has their hash.
var reviewed = map[string]string{
	"aws:cloudwatch/dashboard:Dashboard dashboardBody": "config/graphs.go",
	"aws:sfn/stateMachine:StateMachine definition":     "components/workflow/testdata/definition.json",
	"aws:ec2/launchTemplate:LaunchTemplate userData":   "components/nodegroup/testdata/userdata.txt",
}

// inputs are a resource's, without what another golden file has, and with a word for the tags that all have.
func inputs(c Resource) map[string]any {
	all := map[string]any{}
	for key, v := range c.Inputs {
		name := string(key)
		switch file := reviewed[c.Type+" "+name]; {
		case file != "" && v.IsString():
			all[name] = fmt.Sprintf("%s, see %s", hash(v.StringValue()), file)
		case name == "tags" && v.IsObject() && stackTags(v.ObjectValue()):
			all[name] = "the stack's"
		default:
			all[name] = plain(v)
		}
		if c.Type == "aws:s3/bucketObjectv2:BucketObjectv2" && name == "content" {
			withoutLoads(all[name])
		}
	}
	return all
}

// withoutLoads takes the settings of loads out of a catalog: the page of the configuration has them.
func withoutLoads(catalog any) {
	of, _ := catalog.(document)
	content, _ := of.content.(map[string]any)
	segments, _ := content["segments"].(map[string]any)
	for _, s := range segments {
		if segment, ok := s.(map[string]any); ok && segment["loads"] != nil {
			segment["loads"] = "see docs/configuration.md"
		}
	}
}

// stackTags says whether tags are those that every resource of a stack has, and no others.
func stackTags(tags resource.PropertyMap) bool {
	return len(tags) == 2 && tags.HasValue("dip:stack") && tags.HasValue("dip:environment")
}

// document is the value of a JSON text.
type document struct{ content any }

// plain is a value of strings, numbers, lists and maps. Secrets are hashes, archives the names of their files.
func plain(v resource.PropertyValue) any {
	switch {
	case v.IsSecret():
		return fmt.Sprintf("secret, %s", hash(fmt.Sprint(v.SecretValue().Element.Mappable())))
	case v.IsArchive():
		return "archive " + filepath.Base(v.ArchiveValue().Path)
	case v.IsObject():
		all := map[string]any{}
		for key, of := range v.ObjectValue() {
			all[string(key)] = plain(of)
		}
		return all
	case v.IsArray():
		all := []any{}
		for _, of := range v.ArrayValue() {
			all = append(all, plain(of))
		}
		return all
	case v.IsString():
		var content any
		if text := v.StringValue(); json.Unmarshal([]byte(text), &content) == nil {
			switch content.(type) {
			case map[string]any, []any:
				return document{content}
			}
		}
	}
	return v.Mappable()
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("sha256 %x", sum[:8])
}

// node is a value in YAML, in order of its keys. A document is tagged !json; a list of a few short texts is one line.
func node(value any) (*yaml.Node, error) {
	switch v := value.(type) {
	case document:
		n, err := node(v.content)
		if err == nil {
			n.Style |= yaml.TaggedStyle
			n.Tag = "!json"
		}
		return n, err
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, key := range keys(v) {
			of, err := node(v[key])
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, text(key), of)
		}
		return n, nil
	case []any:
		n, width := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}, 0
		for _, of := range v {
			item, err := node(of)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, item)
			if width += len(item.Value) + 2; item.Kind != yaml.ScalarNode || width > 80 {
				n.Style = 0
			}
		}
		return n, nil
	default:
		n := &yaml.Node{}
		return n, n.Encode(v)
	}
}

func text(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

// block is a heading and those of the fields that say something, in YAML; "" when none does.
func block(heading string, fields []field) (string, error) {
	body := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range fields {
		of, err := node(f.value)
		if err != nil {
			return "", fmt.Errorf("%s: %s: %w", heading, f.name, err)
		}
		if (of.Kind == yaml.ScalarNode && of.Value != "" && of.Value != "false") || len(of.Content) > 0 {
			body.Content = append(body.Content, text(f.name), of)
		}
	}
	if len(body.Content) == 0 {
		return "", nil
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(body); err != nil {
		return "", fmt.Errorf("%s: %w", heading, err)
	}
	var indented strings.Builder
	indented.WriteString(heading + ":\n")
	for line := range strings.Lines(out.String()) {
		indented.WriteString("  " + line)
	}
	return indented.String() + "\n", nil
}
