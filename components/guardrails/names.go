package guardrails

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Names is what physical names begin with.
type Names struct {
	// Prefix of every name, such as "acme". The zero value: Pulumi chooses all names.
	Prefix string
	// Stack is the stack's name, which tells apart names that cannot have a random part.
	Stack string
}

// randomPart is the length of what AWS's provider adds to a name prefix.
const randomPart = 26

// prefixed are the properties that take a name prefix, and longest what AWS allows for a whole name by the type of the
// resource's arguments; 80 where nothing is said. Source: the services' quotas.
var (
	prefixed = []string{"NamePrefix", "BucketPrefix", "NodeGroupNamePrefix"}
	longest  = map[string]int{
		"BucketV2Args": 63, "RoleArgs": 64, "EventRuleArgs": 64, "FunctionArgs": 64, "NodeGroupArgs": 63,
		"VaultArgs": 50, "PlanArgs": 50, "SelectionArgs": 50,
	}
)

// Apply gives each resource that is declared from now on, and whose name nobody chose, a name with the prefix: with a
// random part behind it where AWS's provider adds one, else with the stack's name in it. It does not reach what a
// remote component, such as pulumi-eks, declares.
func (n Names) Apply(ctx *pulumi.Context) error {
	if n.Prefix == "" {
		return nil
	}
	type (
		declared = pulumi.ResourceTransformationArgs
		named    = pulumi.ResourceTransformationResult
	)
	return ctx.RegisterStackTransformation(func(a *declared) *named {
		if !n.rename(a.Name, a.Props) {
			return nil
		}
		return &named{Props: a.Props, Opts: a.Opts}
	})
}

var optionalString = reflect.TypeFor[pulumi.StringPtrInput]()

// rename sets the name of a resource by its arguments; false: it has none, or it is chosen.
func (n Names) rename(resource string, props any) bool {
	args := reflect.ValueOf(props)
	if args.Kind() != reflect.Pointer || args.IsNil() || args.Elem().Kind() != reflect.Struct {
		return false
	}
	args = args.Elem()
	limit := longest[args.Type().Name()]
	if limit == 0 {
		limit = 80
	}
	for _, chosen := range []string{"Name", "Bucket", "NodeGroupName"} {
		if f := args.FieldByName(chosen); f.IsValid() && f.Type() == optionalString && !f.IsNil() {
			return false
		}
	}
	for _, key := range prefixed {
		if f := args.FieldByName(key); f.IsValid() && f.Type() == optionalString {
			name := cut(n.Prefix+"-"+resource, limit-randomPart-1) + "-"
			if _, ok := props.(*kms.AliasArgs); ok {
				name = "alias/" + name
			}
			f.Set(reflect.ValueOf(pulumi.String(name)))
			return true
		}
	}
	if f := args.FieldByName("Name"); f.IsValid() && f.Type() == optionalString {
		f.Set(reflect.ValueOf(pulumi.String(cut(n.Prefix+"-"+n.Stack+"-"+resource, limit))))
		return true
	}
	return false
}

// cut shortens a name to a limit. A hash of the whole keeps two long names apart.
func cut(name string, limit int) string {
	if len(name) <= limit {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	const digits = 6
	return name[:limit-digits-1] + "-" + hex.EncodeToString(sum[:digits/2])
}
