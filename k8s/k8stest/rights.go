package k8stest

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/components/policy"
)

// Rights is the policy document that statements come to.
func Rights(t testing.TB, statements []policy.Statement) string {
	t.Helper()
	text := ""
	componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		document, err := policy.Document(statements...)
		if err != nil {
			return err
		}
		ctx.Export("document", document.ApplyT(func(s string) string { text = s; return s }))
		return nil
	})
	return text
}
