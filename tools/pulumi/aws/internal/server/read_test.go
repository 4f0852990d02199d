package server

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"dip/tools/pulumi/aws/internal/faketf"
)

func TestRefreshKeepsInputsThatMeanTheSame(t *testing.T) {
	r := newRig(t)
	th := r.create("a", r.pack(props{
		"name": "a", "members": []any{"z", "b"}, "policy": map[string]any{"Version": "1", "Statement": []any{"x"}},
		"grants": []any{map[string]any{"to": "y"}, map[string]any{"to": "x"}},
	}))
	// The service answers in another layout.
	if err := faketf.Edit(r.dir, "id-a",
		func(m map[string]any) { m["policy"] = "{\"Version\": \"1\",\n \"Statement\": [\"x\"]}" }); err != nil {
		t.Fatal(err)
	}
	got := r.read(th)
	if d := r.unpack(th.in).Diff(r.unpack(got.Inputs)); d != nil {
		t.Errorf("inputs changed: %v", d)
	}
	th.outs = got.Properties
	if d := r.diff(th, th.in); d.Changes != pulumirpc.DiffResponse_DIFF_NONE {
		t.Errorf("an update would follow: %v", d.DetailedDiff)
	}
}

func TestRefreshFindsDrift(t *testing.T) {
	r := newRig(t)
	th := r.create("a", r.pack(props{"name": "a", "size": 1, "rule": map[string]any{"days": 1},
		"tags": map[string]any{"k": "v"}}))
	err := faketf.Edit(r.dir, "id-a", func(m map[string]any) {
		m["size"], m["tags"] = 2, nil
		m["rule"].([]any)[0].(map[string]any)["note"] = "made by the service"
	})
	if err != nil {
		t.Fatal(err)
	}
	in := r.unpack(r.read(th).Inputs)
	if got := in["size"].NumberValue(); got != 2 {
		t.Errorf("size %v", got)
	}
	if in.HasValue("tags") {
		t.Errorf("tags are gone: %v", in["tags"])
	}
	if rule := in["rule"].ObjectValue(); len(rule) != 1 {
		t.Errorf("what the service filled in became an input: %v", rule)
	}
}

func TestIgnoreChangesOfWhatTheProgramNeverSet(t *testing.T) {
	r := newRig(t)
	th := r.create("a", r.pack(props{"name": "a"}))
	if err := faketf.Edit(r.dir, "id-a",
		func(m map[string]any) { m["tags"] = map[string]any{"by": "someone"} }); err != nil {
		t.Fatal(err)
	}
	th.outs = r.read(th).Properties
	if d := r.diff(th, th.in); d.DetailedDiff["tags"] == nil {
		t.Errorf("drift is a change: %v", d.DetailedDiff)
	}
	if d := r.diff(th, th.in, "tags"); d.Changes != pulumirpc.DiffResponse_DIFF_NONE {
		t.Errorf("ignored drift: %v", d.DetailedDiff)
	}
	news := r.pack(props{"name": "a", "size": 9})
	up, err := r.s.Update(t.Context(), &pulumirpc.UpdateRequest{Id: th.id, Urn: th.urn, Olds: th.outs, OldInputs: th.in,
		News: news, IgnoreChanges: []string{"tags"}})
	if err != nil {
		t.Fatal(err)
	}
	if tags := r.unpack(up.Properties)["tags"]; !tags.IsObject() || len(tags.ObjectValue()) != 1 {
		t.Errorf("the update took the ignored tags away: %v", tags)
	}
}

func TestImport(t *testing.T) {
	r := newRig(t)
	r.create("a", r.pack(props{"name": "a", "size": 3, "rule": map[string]any{"days": 7}}))
	got := r.read(thing{id: "id-a", urn: urnOf("b")})
	in := r.unpack(got.Inputs)
	if in["name"].StringValue() != "a" || in["size"].NumberValue() != 3 ||
		in["rule"].ObjectValue()["days"].NumberValue() != 7 {
		t.Errorf("inputs %v", in)
	}
	if in.HasValue("arn") || in.HasValue("tags") || in.HasValue("sourceCodeHash") {
		t.Errorf("inputs that no program would give: %v", in)
	}
	th := thing{id: got.Id, urn: urnOf("b"), in: got.Inputs, outs: got.Properties}
	if d := r.diff(th, r.pack(props{"name": "a", "size": 3,
		"rule": map[string]any{"days": 7}})); d.Changes != pulumirpc.DiffResponse_DIFF_NONE {
		t.Errorf("a program with the same properties: %v", d.DetailedDiff)
	}
	if gone := r.read(thing{id: "id-none", urn: urnOf("c")}); gone.Id != "" {
		t.Errorf("what is not there imports as %q", gone.Id)
	}
}

func TestSecretsStaySecret(t *testing.T) {
	r := newRig(t)
	in := resource.PropertyMap{
		"name":   resource.NewStringProperty("a"),
		"secret": resource.NewStringProperty("hunter2"), // sensitive by its schema
		"tags": resource.MakeSecret(resource.NewObjectProperty(resource.PropertyMap{
			"k": resource.NewStringProperty("hunter3")})),
	}
	th := r.create("a", r.packMap(in))
	for _, outs := range []resource.PropertyMap{r.unpack(th.outs), r.unpack(r.read(th).Properties)} {
		for _, k := range []resource.PropertyKey{"secret", "tags", metaKey} {
			if !outs[k].IsSecret() {
				t.Errorf("%s is in the open", k)
			}
		}
		if outs["name"].IsSecret() {
			t.Error("the name is not secret")
		}
	}
}

// A state without the provider's own part was written by another aws plugin.
func TestStateOfAnotherPlugin(t *testing.T) {
	r := newRig(t)
	th := r.create("a", r.pack(props{"name": "a", "size": 3, "rule": map[string]any{"days": 7}}))
	outs := r.unpack(th.outs)
	outs[metaKey] = resource.NewStringProperty(`{"schema_version":"3",
		"e2bfb730-ecaa-11e6-8f88-34363bc7c4c0":{"create":1}}`)
	outs["somethingOld"] = resource.NewBoolProperty(true)
	th.outs = r.packMap(outs)
	if d := r.diff(th, th.in); d.Changes != pulumirpc.DiffResponse_DIFF_NONE {
		t.Errorf("diff %v", d.DetailedDiff)
	}
	if got := r.read(th); got.Id != th.id {
		t.Errorf("read %q", got.Id)
	}
}

func TestInvoke(t *testing.T) {
	r := newRig(t)
	ok, err := r.s.Invoke(t.Context(), &pulumirpc.InvokeRequest{Tok: faketf.ThingFunc, Args: r.pack(props{"name": "a"})})
	if err != nil || len(ok.Failures) > 0 {
		t.Fatalf("%v %v", err, ok.GetFailures())
	}
	if out := r.unpack(ok.Return); out["arn"].StringValue() != "arn:fake:a" || out["id"].StringValue() != "id-a" {
		t.Errorf("result %v", out)
	}
	bad, err := r.s.Invoke(t.Context(),
		&pulumirpc.InvokeRequest{Tok: faketf.ThingFunc, Args: r.pack(props{"name": faketf.NameFails})})
	if err != nil || len(bad.Failures) != 1 || bad.Failures[0].Reason != "no such thing" {
		t.Errorf("failure %v %v", err, bad.GetFailures())
	}
	_, err = r.s.Invoke(t.Context(), &pulumirpc.InvokeRequest{Tok: "aws:fake/nothing:nothing"})
	if err == nil || !strings.Contains(err.Error(), "no function aws:fake/nothing:nothing") {
		t.Errorf("unknown function: %v", err)
	}
}

func TestProviderSettings(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		in     props
		reason string
	}{
		{props{"region": "eu-west-1", "maxRetries": "3", "version": "6.83.2"}, ""},
		{props{"maxRetries": 3}, "no region"},
		{props{"region": "eu-west-1", "maxRetires": 3}, "maxRetires: unknown property"},
	} {
		resp, err := r.s.CheckConfig(t.Context(), &pulumirpc.CheckRequest{News: r.pack(c.in)})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(resp.Failures) > 0; got != (c.reason != "") || got &&
			!strings.Contains(resp.Failures[0].Reason, c.reason) {
			t.Errorf("%v: %v", c.in, resp.Failures)
		}
	}
}
