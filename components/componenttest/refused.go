package componenttest

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// MustRefuse runs a program whose component refuses its arguments: nothing registers, and the error has as many lines
// as are wanted, in their order, each with the component's title (such as "bucket landing") and then what is wanted.
func MustRefuse(t testing.TB, title string, program pulumi.RunFunc, want ...string) {
	t.Helper()
	var refused error
	r, _ := Run("test", nil, func(ctx *pulumi.Context) error {
		refused = program(ctx)
		return refused
	})
	if got := r.Resources(); len(got) != 0 {
		t.Errorf("registered %v", got)
	}
	if refused == nil {
		t.Error("accepted")
		return
	}
	got := strings.Split(refused.Error(), "\n")
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("no line %q in\n%v", want[i], refused)
		case i >= len(want):
			t.Errorf("unexpected: %s", got[i])
		case !strings.HasPrefix(got[i], title+": "+want[i]):
			t.Errorf("got  %s\nwant %s: %s", got[i], title, want[i])
		}
	}
}
