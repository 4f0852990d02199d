package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dip/tools/pulumi/aws/internal/catalog"
	"dip/tools/pulumi/aws/internal/faketf"
)

func TestNames(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"visibility_timeout_seconds", "visibilityTimeoutSeconds"},
		{"arn", "arn"},
		{"s3_use_path_style", "s3UsePathStyle"},
	} {
		if got := camel(c.in); got != c.want {
			t.Errorf("camel(%q) = %q, want %q", c.in, got, c.want)
		}
	}
	for _, c := range []struct{ tf, pulumi string }{
		{"rule", "rules"}, {"policy", "policies"}, {"email_address", "emailAddresses"},
		{"compliance_status", "complianceStatuses"}, {"access", "accesses"}, {"switch", "switches"},
		{"kms_key_id", "kmsKeyId"},
	} {
		if plain(c.tf) != plain(c.pulumi) {
			t.Errorf("%q and %q: %q, %q", c.tf, c.pulumi, plain(c.tf), plain(c.pulumi))
		}
	}
	if got := plainToken("aws:sqs/queue:Queue"); got != "awssqsqueue" {
		t.Errorf("token: %q", got)
	}
	if got := plainToken("aws:index/getRegion:getRegion"); got != "awsregion" {
		t.Errorf("token: %q", got)
	}
}

// The source of an SDK with one resource, one function and a provider.
var sdkSource = map[string]string{
	"provider.go": `package aws
type providerArgs struct {
	Region *string ` + "`pulumi:\"region\"`" + `
	MaxRetries *int ` + "`pulumi:\"maxRetries\"`" + `
}`,
	"fake/thing.go": `package fake
import (
	"errors"
	"example.com/pulumi"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/shared"
)
func NewThing(ctx *pulumi.Context, name string, args *ThingArgs) (*Thing, error) {
	if args.Members == nil {
		return nil, errors.New("invalid value for required argument 'Members'")
	}
	if args.Size == nil {
		args.Size = pulumi.Int(3)
	}
	var resource Thing
	err := ctx.RegisterResource("aws:fake/thing:Thing", name, args, &resource)
	return &resource, err
}
type Thing struct {
	Arn pulumi.StringOutput ` + "`pulumi:\"arn\"`" + `
	Code pulumi.ArchiveOutput ` + "`pulumi:\"code\"`" + `
}
type thingState struct {
	Arn *string ` + "`pulumi:\"arn\"`" + `
	Name *string ` + "`pulumi:\"name\"`" + `
	NamePrefix *string ` + "`pulumi:\"namePrefix\"`" + `
	FifoThing *bool ` + "`pulumi:\"fifoThing\"`" + `
	Size *int ` + "`pulumi:\"size\"`" + `
	Policy interface{} ` + "`pulumi:\"policy\"`" + `
	Secret *string ` + "`pulumi:\"secret\"`" + `
	Members []string ` + "`pulumi:\"members\"`" + `
	Tags map[string]string ` + "`pulumi:\"tags\"`" + `
	Code pulumi.Archive ` + "`pulumi:\"code\"`" + `
	SourceCodeHash *string ` + "`pulumi:\"sourceCodeHash\"`" + `
	Rule *ThingRule ` + "`pulumi:\"rule\"`" + `
	Grants []shared.Grant ` + "`pulumi:\"grants\"`" + `
	Extra *string ` + "`pulumi:\"extra\"`" + `
	Other *string ` + "`pulumi:\"other\"`" + `
}
type thingArgs struct {
	Name *string ` + "`pulumi:\"name\"`" + `
	Members []string ` + "`pulumi:\"members\"`" + `
	Size *int ` + "`pulumi:\"size\"`" + `
}
type ThingRule struct {
	Days *int ` + "`pulumi:\"days\"`" + `
	Note *string ` + "`pulumi:\"note\"`" + `
}`,
	"fake/getThing.go": `package fake
func LookupThing(ctx *pulumi.Context, args *LookupThingArgs) (*LookupThingResult, error) {
	var rv LookupThingResult
	err := ctx.Invoke("aws:fake/getThing:getThing", args, &rv)
	return &rv, err
}
type LookupThingArgs struct {
	Name string ` + "`pulumi:\"name\"`" + `
}
type LookupThingResult struct {
	Id string ` + "`pulumi:\"id\"`" + `
	Name string ` + "`pulumi:\"name\"`" + `
	Arn string ` + "`pulumi:\"arn\"`" + `
}`,
	"fake/nothing.go": `package fake
func NewNothing(ctx *pulumi.Context) (*Nothing, error) {
	var resource Nothing
	err := ctx.RegisterResource("aws:fake/nothing:Nothing", nil, &resource)
	return &resource, err
}
type Nothing struct {
	Unheard pulumi.StringOutput ` + "`pulumi:\"unheard\"`" + `
}`,
	"shared/types.go": `package shared
type Grant struct {
	To string ` + "`pulumi:\"to\"`" + `
	Id *string ` + "`pulumi:\"id\"`" + `
}`,
}

func buildFake(t *testing.T) (*catalog.Contents, *report) {
	t.Helper()
	root := t.TempDir()
	for name, text := range sdkSource {
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := loadSDK(root)
	if err != nil {
		t.Fatal(err)
	}
	c, rep, err := build(s, faketf.Schema())
	if err != nil {
		t.Fatal(err)
	}
	return c, rep
}

func TestBuild(t *testing.T) {
	c, rep := buildFake(t)
	e := c.Resources[faketf.ThingToken]
	if e == nil || e.TF != faketf.ThingType {
		t.Fatalf("resources %v", c.Resources)
	}
	f := e.Fields
	if !f["rule"].Flat || f["grant"].Flat || f["grant"].Name != "grants" || f["grant"].Elem["to"] == nil {
		t.Errorf("blocks: rule %+v, grant %+v", f["rule"], f["grant"])
	}
	if f["filename"] == nil || f["filename"].Asset != "archive" || f["filename"].Hash != "source_code_hash" {
		t.Errorf("archive: %+v", f["filename"])
	}
	if !f["policy"].JSON || f["name"].JSON {
		t.Errorf("JSON: policy %+v, name %+v", f["policy"], f["name"])
	}
	if e.AutoName == nil || e.AutoName.Attr != "name" {
		t.Errorf("name: %+v", e.AutoName)
	}
	if c.Functions[faketf.ThingFunc].Fields["id"] == nil || c.Provider.Fields["max_retries"].Name != "maxRetries" {
		t.Errorf("function %+v, provider %+v", c.Functions[faketf.ThingFunc], c.Provider)
	}
	if !slices.Equal(rep.missing, []string{"aws_fake_thing: extra", "aws_fake_thing: other"}) {
		t.Errorf("missing %v", rep.missing)
	}
	if len(rep.unpaired) != 1 || !strings.HasPrefix(rep.unpaired[0], "aws:fake/nothing:Nothing") {
		t.Errorf("unpaired %v", rep.unpaired)
	}
}

func TestRequiredNamesAreNotGenerated(t *testing.T) {
	const insist = "	if args.Name == nil {\n		return nil, errors.New(\"required\")\n	}\n	var resource Thing"
	old := sdkSource["fake/thing.go"]
	t.Cleanup(func() { sdkSource["fake/thing.go"] = old })
	sdkSource["fake/thing.go"] = strings.Replace(old, "	var resource Thing", insist, 1)
	c, _ := buildFake(t)
	if an := c.Resources[faketf.ThingToken].AutoName; an != nil {
		t.Errorf("name: %+v", an)
	}
}

func TestCatalogFile(t *testing.T) {
	c, _ := buildFake(t)
	var a, b bytes.Buffer
	if err := c.Write(&a); err != nil {
		t.Fatal(err)
	}
	if err := c.Write(&b); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("the same contents give other bytes")
	}
	p := filepath.Join(t.TempDir(), catalog.FileName)
	if err := os.WriteFile(p, a.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.Open(p)
	if err != nil {
		t.Fatal(err)
	}
	defer cat.Close()
	typ, err := cat.Resource(faketf.ThingToken)
	if err != nil || typ.Version != 3 || typ.Node.Attrs["rule"] == nil {
		t.Errorf("type %+v, error %v", typ, err)
	}
	if r, f := cat.Counts(); r != 1 || f != 1 {
		t.Errorf("%d resources, %d functions", r, f)
	}

	ok := catalog.Used{faketf.ThingToken: {"name", "rule.days", "grants.to", "tags.any", "policy.Version"},
		faketf.ThingFunc: {"arn"}}
	if err := cat.Check(ok); err != nil {
		t.Errorf("check: %v", err)
	}
	bad := catalog.Used{faketf.ThingToken: {"name", "extra", "rule.hours"}, "aws:fake/nothing:Nothing": nil}
	err = cat.Check(bad)
	want := "aws:fake/nothing:Nothing: no such resource or function\n" +
		"aws:fake/thing:Thing: no property extra\n" +
		"aws:fake/thing:Thing: no property rule.hours"
	if err == nil || err.Error() != want {
		t.Errorf("check:\n%v\nwant:\n%s", err, want)
	}
}

func TestDropUnknown(t *testing.T) {
	s := faketf.Schema()
	a := s.ResourceSchemas[faketf.ThingType].Block.Attributes[0]
	a.ProtoReflect().SetUnknown([]byte{0x2a, 1, 'x'})
	dropUnknown(s.ProtoReflect())
	if left := a.ProtoReflect().GetUnknown(); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	if a.Name != "id" {
		t.Error("known fields are gone")
	}
}
