package convert

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/zclconf/go-cty/cty"
	"google.golang.org/protobuf/proto"

	"dip/tools/pulumi/aws/internal/faketf"
	"dip/tools/pulumi/aws/internal/schema"
	"dip/tools/pulumi/aws/tfplugin5"
)

type props = map[string]any

func node(t *testing.T) *schema.Node {
	t.Helper()
	n, err := schema.FromBlock(proto.CloneOf[*tfplugin5.Schema](faketf.ThingSchema()).Block)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func encode(t *testing.T, in resource.PropertyMap) cty.Value {
	t.Helper()
	v, err := (&Encoder{}).Object(in, node(t), faketf.ThingFields())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func enc(t *testing.T, in props) cty.Value {
	t.Helper()
	return encode(t, resource.NewPropertyMapFromMap(in))
}

func TestEncode(t *testing.T) {
	v := enc(t, props{
		"name": "a", "size": "3", "policy": props{"Version": "1"}, "rule": props{"days": 1},
		"members": []any{"y", "x", "y"}, "__defaults": []any{},
	})
	if got := v.GetAttr("size"); !got.RawEquals(cty.NumberIntVal(3)) {
		t.Errorf("a number given as text: %#v", got)
	}
	if got := v.GetAttr("policy").AsString(); got != `{"Version":"1"}` {
		t.Errorf("JSON text: %s", got)
	}
	if got := v.GetAttr("rule").AsValueSlice()[0].GetAttr("days"); !got.RawEquals(cty.NumberIntVal(1)) {
		t.Errorf("a flat list: %#v", got)
	}
	if got := v.GetAttr("members").LengthInt(); got != 2 {
		t.Errorf("a set of %d", got)
	}
	if got := v.GetAttr("grant"); got.IsNull() || got.LengthInt() != 0 {
		t.Errorf("an absent block is empty: %#v", got)
	}
	if got := v.GetAttr("tags"); !got.IsNull() {
		t.Errorf("an absent attribute is null: %#v", got)
	}
}

func TestEncodeUnknownAndSecret(t *testing.T) {
	unknown := resource.MakeComputed(resource.NewStringProperty(""))
	v := encode(t, resource.PropertyMap{
		"name": unknown,
		"rule": resource.NewObjectProperty(resource.PropertyMap{
			"days": resource.MakeSecret(resource.NewNumberProperty(2))}),
		"policy": resource.NewObjectProperty(resource.PropertyMap{"Resource": unknown}),
		"size": resource.NewOutputProperty(resource.Output{Element: resource.NewNumberProperty(4), Known: true,
			Secret: true}),
	})
	for attr, want := range map[string]bool{"name": false, "policy": false, "size": true, "rule": true} {
		if got := v.GetAttr(attr).IsWhollyKnown(); got != want {
			t.Errorf("%s known: %v", attr, got)
		}
	}
	out := Decode(v, node(t), faketf.ThingFields())
	if !out["name"].IsComputed() || out["size"].NumberValue() != 4 {
		t.Errorf("decoded %v", out)
	}
}

func TestEncodeErrorsNameThePath(t *testing.T) {
	for _, c := range []struct {
		in   props
		want string
	}{
		{props{"title": "a"}, "title: unknown property"},
		{props{"grants": []any{props{"to": "a"}, props{"too": "b"}}}, "grants[1].too: unknown property"},
		{props{"tags": props{"a-b": []any{}}}, `tags["a-b"]: expected a string`},
		{props{"rule": []any{}}, "rule: expected an object"},
	} {
		_, err := (&Encoder{}).Object(resource.NewPropertyMapFromMap(c.in), node(t), faketf.ThingFields())
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v: %v", c.in, err)
		}
	}
}

// What is decoded encodes to the same value.
func TestRoundTrip(t *testing.T) {
	for _, in := range []props{
		{},
		{"name": "a", "size": 1.5, "fifoThing": false},
		{"members": []any{"a", "b"}, "tags": props{"k": "v", "k2": ""}},
		{"rule": props{}, "grants": []any{props{"to": "x"}, props{"to": "y"}}},
		{"policy": `{"a": [1, 2]}`, "secret": "s"},
	} {
		v := enc(t, in)
		again := encode(t, Decode(v, node(t), faketf.ThingFields()))
		if !v.RawEquals(again) {
			t.Errorf("%v\nfirst  %#v\nsecond %#v", in, v, again)
		}
	}
}

func TestDecodeInputs(t *testing.T) {
	v := enc(t, props{"name": "a", "arn": "x", "size": 0, "fifoThing": false, "tags": props{}, "members": []any{"m"},
		"secret": ""})
	got := DecodeInputs(v, node(t), faketf.ThingFields()).StableKeys()
	if want := []resource.PropertyKey{"members", "name"}; !slices.Equal(got, want) {
		t.Errorf("inputs %v, want %v", got, want)
	}
}

func TestChanges(t *testing.T) {
	for _, c := range []struct {
		name  string
		a, b  props
		paths []string
		kind  ChangeKind
	}{
		{"none", props{"size": 1}, props{"size": 1}, nil, 0},
		{"order of a set", props{"members": []any{"a", "b"}}, props{"members": []any{"b", "a"}}, nil, 0},
		{"layout of JSON", props{"policy": `{"a":1,"b":[2]}`}, props{"policy": "{ \"b\": [2],\n\"a\": 1 }"}, nil, 0},
		{"order in JSON lists", props{"policy": `{"b":[2,1]}`}, props{"policy": `{"b":[1,2]}`}, []string{"policy"}, Update},
		{"text that only looks like JSON", props{"policy": `"a"`}, props{"policy": ` "a"`}, []string{"policy"}, Update},
		{"null and empty", props{}, props{"tags": props{}}, nil, 0},
		{"added", props{}, props{"size": 1}, []string{"size"}, Add},
		{"taken away", props{"tags": props{"k": "v"}}, props{}, []string{"tags"}, Delete},
		{"map entries", props{"tags": props{"k": "1", "a.b": "1"}}, props{"tags": props{"k": "2", "a.b": "2"}},
			[]string{"tags.k", `tags["a.b"]`}, Update},
		{"a flat list", props{"rule": props{"days": 1}}, props{"rule": props{"days": 2}}, []string{"rule.days"}, Update},
		{"a set of blocks", props{"grants": []any{props{"to": "a"}}}, props{"grants": []any{props{"to": "b"}}},
			[]string{"grants"}, Update},
	} {
		t.Run(c.name, func(t *testing.T) {
			var paths []string
			for _, ch := range Changes(enc(t, c.a), enc(t, c.b), node(t), faketf.ThingFields()) {
				paths = append(paths, ch.Path)
				if ch.Kind != c.kind || !ch.Input {
					t.Errorf("%s: kind %v, input %v", ch.Path, ch.Kind, ch.Input)
				}
			}
			if !slices.Equal(paths, c.paths) {
				t.Errorf("paths %v, want %v", paths, c.paths)
			}
		})
	}
}

func TestPropertyPathFollowsChanges(t *testing.T) {
	n, f := node(t), faketf.ThingFields()
	a := enc(t, props{"tags": props{"a b": "1"}, "rule": props{"days": 1}})
	b := enc(t, props{"tags": props{"a b": "2"}, "rule": props{"days": 2}})
	for _, ch := range Changes(a, b, n, f) {
		if got := PropertyPath(ch.TF, n, f); got != ch.Path {
			t.Errorf("%q, want %q", got, ch.Path)
		}
	}
	if got := PropertyPath(cty.GetAttrPath("grant").IndexInt(3).GetAttr("to"), n, f); got != "grants[3].to" {
		t.Errorf("set element: %q", got)
	}
}

func TestProposedKeepsWhatTheProviderComputed(t *testing.T) {
	n := node(t)
	set := func(v cty.Value, attr string, to cty.Value) cty.Value {
		m := v.AsValueMap()
		m[attr] = to
		return cty.ObjectVal(m)
	}
	prior := enc(t, props{"name": "a", "size": 5, "rule": props{"days": 1, "note": "n"}, "grants": []any{
		props{"to": "x", "id": "1"}, props{"to": "y", "id": "2"},
	}})
	prior = set(prior, "arn", cty.StringVal("arn"))
	config := enc(t, props{"rule": props{"days": 2}, "grants": []any{props{"to": "y"}, props{"to": "z"}}})

	got := Decode(Proposed(prior, config, n), n, faketf.ThingFields())
	if got["name"].StringValue() != "a" || got["arn"].StringValue() != "arn" {
		t.Errorf("computed attributes: %v", got)
	}
	if got.HasValue("size") {
		t.Errorf("size is not the provider's to keep: %v", got["size"])
	}
	rule := got["rule"].ObjectValue()
	if rule["note"].StringValue() != "n" || rule["days"].NumberValue() != 2 {
		t.Errorf("block in a list: %v", rule)
	}
	ids := map[string]string{}
	for _, g := range got["grants"].ArrayValue() {
		id := ""
		if v, ok := g.ObjectValue()["id"]; ok {
			id = v.StringValue()
		}
		ids[g.ObjectValue()["to"].StringValue()] = id
	}
	if len(ids) != 2 || ids["y"] != "2" || ids["z"] != "" {
		t.Errorf("blocks in a set: %v", ids)
	}
	if fresh := Proposed(cty.NullVal(n.Type), config, n); !fresh.RawEquals(config) {
		t.Errorf("with nothing there before: %#v", fresh)
	}
}
