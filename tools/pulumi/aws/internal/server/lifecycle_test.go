package server

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/archive"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/asset"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"dip/tools/pulumi/aws/internal/faketf"
	"dip/tools/pulumi/aws/internal/tfprovider"
)

func TestLifeOfAResource(t *testing.T) {
	r := newRig(t)
	in := props{"name": "a", "size": 3, "members": []any{"z", "b"}, "rule": map[string]any{"days": 7},
		"tags": map[string]any{"k": "v"}}
	th := r.create("a", r.pack(in))
	if th.id != "id-a" {
		t.Fatalf("id %q", th.id)
	}
	outs := r.unpack(th.outs)
	if got := outs["arn"].StringValue(); got != "arn:fake:a" {
		t.Errorf("arn %q", got)
	}
	if got := outs["rule"].ObjectValue()["days"].NumberValue(); got != 7 {
		t.Errorf("rule.days %v", got)
	}

	if d := r.diff(th, th.in); d.Changes != pulumirpc.DiffResponse_DIFF_NONE {
		t.Errorf("the same inputs differ: %v", d.DetailedDiff)
	}
	in["size"], in["rule"] = 4, map[string]any{"days": 8}
	news := r.check("a", th.in, r.pack(in)).Inputs
	d := r.diff(th, news)
	if len(d.Replaces) > 0 || len(d.DetailedDiff) != 2 || d.DetailedDiff["size"] == nil ||
		d.DetailedDiff["rule.days"] == nil {
		t.Errorf("diff %v, replaces %v", d.DetailedDiff, d.Replaces)
	}
	up, err := r.s.Update(t.Context(),
		&pulumirpc.UpdateRequest{Id: th.id, Urn: th.urn, Olds: th.outs, OldInputs: th.in, News: news})
	if err != nil {
		t.Fatal(err)
	}
	th.in, th.outs = news, up.Properties
	if got := r.unpack(th.outs)["size"].NumberValue(); got != 4 {
		t.Errorf("size %v after the update", got)
	}
	if d := r.diff(th, news); d.Changes != pulumirpc.DiffResponse_DIFF_NONE {
		t.Errorf("after the update: %v", d.DetailedDiff)
	}
	if _, err := r.s.Delete(t.Context(),
		&pulumirpc.DeleteRequest{Id: th.id, Urn: th.urn, Properties: th.outs, Timeout: 9}); err != nil {
		t.Fatal(err)
	}
	if got := r.read(th); got.Id != "" {
		t.Errorf("a deleted resource reads as %q", got.Id)
	}
}

func TestPreviewPlansWithoutMaking(t *testing.T) {
	r := newRig(t)
	resp, err := r.s.Create(t.Context(),
		&pulumirpc.CreateRequest{Urn: urnOf("a"), Properties: r.pack(props{"name": "a"}), Preview: true})
	if err != nil {
		t.Fatal(err)
	}
	outs := r.unpack(resp.Properties)
	if !outs["arn"].IsComputed() || outs["name"].StringValue() != "a" {
		t.Errorf("planned outputs %v", outs)
	}
	if left, err := os.ReadDir(r.dir); err != nil || len(left) > 0 {
		t.Errorf("the preview made %v (%v)", left, err)
	}
}

func TestReplacementOfFixedAndGeneratedNames(t *testing.T) {
	r := newRig(t)
	fixed := r.create("a", r.pack(props{"name": "a"}))
	d := r.diff(fixed, r.pack(props{"name": "b"}))
	if len(d.Replaces) != 1 || d.Replaces[0] != "name" || d.DeleteBeforeReplace {
		t.Errorf("another name: replaces %v, delete first %v", d.Replaces, d.DeleteBeforeReplace)
	}

	res, err := r.p.Resource(faketf.ThingToken, "a")
	if err != nil {
		t.Fatal(err)
	}
	tg := res.(*target)
	in := resource.PropertyMap{"name": resource.NewStringProperty("a")}
	if !tg.fixedName(in, in) {
		t.Error("two resources of one chosen name cannot exist at once")
	}
	generated := r.unpack(r.check("a", nil, r.pack(props{})).Inputs)
	if tg.fixedName(generated, generated) {
		t.Error("a generated name does not require deletion first")
	}
}

func TestNamesAreGeneratedAndKept(t *testing.T) {
	r := newRig(t)
	first := r.check("A-Long-Name-Of-A-Thing", nil, r.pack(props{"fifoThing": true}))
	name := r.unpack(first.Inputs)["name"].StringValue()
	if len(name) > 24 || !strings.HasPrefix(name, "a-long-name") || !strings.HasSuffix(name, ".fifo") {
		t.Errorf("generated %q", name)
	}
	again := r.check("A-Long-Name-Of-A-Thing", first.Inputs, r.pack(props{"fifoThing": true, "size": 2}))
	if got := r.unpack(again.Inputs)["name"].StringValue(); got != name {
		t.Errorf("%q became %q", name, got)
	}
	chosen := r.check("a", first.Inputs, r.pack(props{"name": "mine"}))
	if in := r.unpack(chosen.Inputs); in["name"].StringValue() != "mine" || in.HasValue(defaultsKey) {
		t.Errorf("chosen name: %v", in)
	}
	if in := r.unpack(r.check("a", nil, r.pack(props{"namePrefix": "p-"})).Inputs); in.HasValue("name") {
		t.Errorf("a prefix leaves the name to the service: %v", in)
	}
}

func TestCheckNamesTheProperty(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		in       props
		property string
		reason   string
	}{
		{props{"rule": map[string]any{"days": -1}}, "rule.days", "days is negative"},
		{props{"rule": map[string]any{"weeks": 1}}, "", "rule.weeks: unknown property"},
		{props{"size": "many"}, "", "size: a number is required"},
		{props{"members": "one"}, "", "members: expected a list"},
	} {
		fs := r.check("a", nil, r.pack(c.in)).Failures
		if len(fs) != 1 || fs[0].Property != c.property || !strings.Contains(fs[0].Reason, c.reason) {
			t.Errorf("%v: %v", c.in, fs)
		}
	}
}

func TestCreationThatFails(t *testing.T) {
	r := newRig(t)
	_, err := r.s.Create(t.Context(),
		&pulumirpc.CreateRequest{Urn: urnOf("a"), Properties: r.pack(props{"name": faketf.NameFails})})
	if err == nil || !strings.Contains(err.Error(), "the service said no") {
		t.Errorf("error %v", err)
	}
}

func TestPartialCreationKeepsTheResource(t *testing.T) {
	r := newRig(t)
	in := r.pack(props{"name": faketf.NamePartial})
	_, err := r.s.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urnOf("a"), Properties: in})
	f := initFailure(t, err)
	if f.Id != "id-partial" || len(f.Reasons) != 1 || !strings.Contains(f.Reasons[0], "tagging failed") {
		t.Errorf("left %v", f)
	}
	th := thing{id: f.Id, urn: urnOf("a"), in: in, outs: f.Properties}
	if _, err := r.s.Delete(t.Context(),
		&pulumirpc.DeleteRequest{Id: th.id, Urn: th.urn, Properties: th.outs}); err != nil {
		t.Errorf("delete what was left: %v", err)
	}
}

func TestCrashNamesResourceAndPanicAndTheNextOperationWorks(t *testing.T) {
	r := newRig(t)
	_, err := r.s.Create(t.Context(),
		&pulumirpc.CreateRequest{Urn: urnOf("broken"), Properties: r.pack(props{"name": faketf.NameCrash})})
	var crash *tfprovider.CrashError
	if !errors.As(err, &crash) {
		t.Fatalf("error %v", err)
	}
	for _, part := range []string{`create aws_fake_thing "broken"`, "panic: invalid memory address", "pulumi refresh"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q:\n%v", part, err)
		}
	}
	if th := r.create("a", r.pack(props{"name": "a"})); th.id != "id-a" {
		t.Errorf("after the crash: %q", th.id)
	}
}

func TestReadSurvivesACrash(t *testing.T) {
	r := newRig(t)
	th := r.create("a", r.pack(props{"name": "a"}))
	if err := os.WriteFile(filepath.Join(r.dir, faketf.CrashOnce), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := r.read(th); got.Id != "id-a" {
		t.Errorf("read %q", got.Id)
	}
	if _, err := os.Stat(filepath.Join(r.dir, faketf.CrashOnce)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the provider did not crash (%v)", err)
	}
}

func TestAssets(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()) // so that no other process's files are in it
	r := newRig(t)
	code := func(text string) resource.PropertyValue {
		a, err := asset.FromText(text)
		if err != nil {
			t.Fatal(err)
		}
		arch, err := archive.FromAssets(map[string]any{"bootstrap": a})
		if err != nil {
			t.Fatal(err)
		}
		return resource.NewArchiveProperty(arch)
	}
	in := resource.PropertyMap{"name": resource.NewStringProperty("a"), "code": code("one")}
	th := r.create("a", r.packMap(in))
	if got := r.unpack(th.outs)["arn"].StringValue(); strings.Count(got, ":") != 3 {
		t.Errorf("the provider did not read the file: %q", got)
	}
	if meta := r.unpack(th.outs)[metaKey].StringValue(); strings.Contains(meta, os.TempDir()) {
		t.Errorf("a path of this machine is in the state: %s", meta)
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "tfaws-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("files left: %v (%v)", left, err)
	}

	in["code"] = code("two")
	d := r.diff(th, r.packMap(in))
	if d.DetailedDiff["code"] == nil || d.DetailedDiff["sourceCodeHash"] == nil {
		t.Errorf("other content: %v", d.DetailedDiff)
	}

	// What the engine keeps of an archive has a hash and no content.
	bare := &archive.Archive{Sig: code("one").ArchiveValue().Sig, Hash: code("one").ArchiveValue().Hash}
	in["code"] = resource.NewArchiveProperty(bare)
	kept := r.packMap(in)
	if d := r.diff(th, kept); d.Changes != pulumirpc.DiffResponse_DIFF_NONE {
		t.Errorf("the same content, by hash alone: %v", d.DetailedDiff)
	}
	th.in = kept
	if got := r.unpack(r.read(th).Inputs)["code"]; !got.IsArchive() {
		t.Errorf("refresh made the archive %v", got)
	}
	in["size"] = resource.NewNumberProperty(5)
	if _, err := r.s.Update(t.Context(),
		&pulumirpc.UpdateRequest{Id: th.id, Urn: th.urn, Olds: th.outs, OldInputs: th.in, News: r.packMap(in)}); err != nil {
		t.Errorf("update of another property: %v", err)
	}
}
