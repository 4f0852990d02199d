package faketf

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"dip/tools/pulumi/aws/internal/catalog"
	"dip/tools/pulumi/aws/tfplugin5"
)

// The tokens that Contents serves.
const (
	ThingToken = "aws:fake/thing:Thing"
	ThingFunc  = "aws:fake/getThing:getThing"
)

// ThingType is the Terraform name of the one resource type and data source.
const ThingType = "aws_fake_thing"

func attr(name, typ string, flags string) *tfplugin5.Schema_Attribute {
	a := &tfplugin5.Schema_Attribute{Name: name, Type: []byte(typ)}
	for _, f := range flags {
		switch f {
		case 'r':
			a.Required = true
		case 'o':
			a.Optional = true
		case 'c':
			a.Computed = true
		case 's':
			a.Sensitive = true
		default:
			panic(fmt.Sprintf("flag %q", f))
		}
	}
	return a
}

// ThingSchema is the schema of the resource.
func ThingSchema() *tfplugin5.Schema {
	return &tfplugin5.Schema{Version: 3, Block: &tfplugin5.Schema_Block{
		Attributes: []*tfplugin5.Schema_Attribute{
			attr("id", `"string"`, "oc"),
			attr("name", `"string"`, "oc"),
			attr("name_prefix", `"string"`, "oc"),
			attr("fifo_thing", `"bool"`, "o"),
			attr("size", `"number"`, "o"),
			attr("arn", `"string"`, "c"),
			attr("policy", `"string"`, "o"),
			attr("secret", `"string"`, "os"),
			attr("members", `["set","string"]`, "o"),
			attr("tags", `["map","string"]`, "o"),
			attr("filename", `"string"`, "o"),
			attr("source_code_hash", `"string"`, "oc"),
		},
		BlockTypes: []*tfplugin5.Schema_NestedBlock{{
			TypeName: "rule", Nesting: tfplugin5.Schema_NestedBlock_LIST, MaxItems: 1,
			Block: &tfplugin5.Schema_Block{Attributes: []*tfplugin5.Schema_Attribute{
				attr("days", `"number"`, "o"),
				attr("note", `"string"`, "oc"),
			}},
		}, {
			TypeName: "grant", Nesting: tfplugin5.Schema_NestedBlock_SET,
			Block: &tfplugin5.Schema_Block{Attributes: []*tfplugin5.Schema_Attribute{
				attr("to", `"string"`, "r"),
				attr("id", `"string"`, "c"),
			}},
		}, {
			TypeName: "timeouts", Nesting: tfplugin5.Schema_NestedBlock_SINGLE,
			Block: &tfplugin5.Schema_Block{Attributes: []*tfplugin5.Schema_Attribute{
				attr("create", `"string"`, "o"),
				attr("update", `"string"`, "o"),
			}},
		}},
	}}
}

// ThingFields are the resource's Pulumi names.
func ThingFields() map[string]*catalog.Field {
	return map[string]*catalog.Field{
		"name":             {Name: "name"},
		"name_prefix":      {Name: "namePrefix"},
		"fifo_thing":       {Name: "fifoThing"},
		"size":             {Name: "size"},
		"arn":              {Name: "arn"},
		"policy":           {Name: "policy", JSON: true},
		"secret":           {Name: "secret"},
		"members":          {Name: "members"},
		"tags":             {Name: "tags"},
		"filename":         {Name: "code", Asset: "archive", Hash: "source_code_hash"},
		"source_code_hash": {Name: "sourceCodeHash"},
		"rule": {Name: "rule", Flat: true, Elem: map[string]*catalog.Field{
			"days": {Name: "days"}, "note": {Name: "note"},
		}},
		"grant": {Name: "grants", Elem: map[string]*catalog.Field{"to": {Name: "to"}, "id": {Name: "id"}}},
	}
}

func dataSchema() *tfplugin5.Schema {
	return &tfplugin5.Schema{Block: &tfplugin5.Schema_Block{Attributes: []*tfplugin5.Schema_Attribute{
		attr("id", `"string"`, "c"), attr("name", `"string"`, "r"), attr("arn", `"string"`, "c"),
	}}}
}

func providerSchema() *tfplugin5.Schema {
	return &tfplugin5.Schema{Block: &tfplugin5.Schema_Block{Attributes: []*tfplugin5.Schema_Attribute{
		attr("region", `"string"`, "o"), attr("max_retries", `"number"`, "o"),
	}}}
}

// Contents is a catalog of what the fake provider has.
func Contents() *catalog.Contents {
	return &catalog.Contents{
		Resources: map[string]*catalog.Entry{ThingToken: {
			TF: ThingType, Fields: ThingFields(), Schema: marshal(ThingSchema()),
			AutoName: &catalog.AutoName{Attr: "name", Max: 24, Lower: true, FIFO: "fifo_thing"},
		}},
		Functions: map[string]*catalog.Entry{ThingFunc: {
			TF: ThingType, Schema: marshal(dataSchema()),
			Fields: map[string]*catalog.Field{"id": {Name: "id"}, "name": {Name: "name"}, "arn": {Name: "arn"}},
		}},
		Provider: &catalog.Entry{TF: "aws", Schema: marshal(providerSchema()), Fields: map[string]*catalog.Field{
			"region": {Name: "region"}, "max_retries": {Name: "maxRetries"},
		}},
	}
}

func marshal(s *tfplugin5.Schema) []byte {
	b, err := proto.Marshal(s)
	if err != nil {
		panic(err)
	}
	return b
}

// Schema is what the provider answers when it is asked for its whole schema.
func Schema() *tfplugin5.GetProviderSchema_Response {
	return &tfplugin5.GetProviderSchema_Response{
		Provider:          providerSchema(),
		ResourceSchemas:   map[string]*tfplugin5.Schema{ThingType: ThingSchema()},
		DataSourceSchemas: map[string]*tfplugin5.Schema{ThingType: dataSchema()},
	}
}
