package secret_test

import (
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/components/secret"
)

func declare(t *testing.T, a secret.Args) *componenttest.Recorder {
	t.Helper()
	a.Description, a.Empty = "who may send", "{}"
	return componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := secret.New(ctx, "tokens", &a)
		return err
	})
}

func TestSecret(t *testing.T) {
	r := declare(t, secret.Args{})
	want := []string{
		"aws:secretsmanager/secret:Secret::tokens-secret",
		"aws:secretsmanager/secretVersion:SecretVersion::tokens-empty",
	}
	if got := r.Children(secret.TypeToken, "tokens"); !slices.Equal(got, want) {
		t.Errorf("children are %v, want %v", got, want)
	}
	componenttest.Golden(t, "testdata/secret.txt", r.Report(t, func(componenttest.Resource) bool { return false }))
}

// A secret that can be restored keeps its name from the next stack.
func TestDisposable(t *testing.T) {
	for disposable, days := range map[bool]float64{true: 0, false: 7} {
		in := declare(t, secret.Args{Disposable: disposable}).
			Find(t, "aws:secretsmanager/secret:Secret", "tokens-secret").Inputs
		if got := in["recoveryWindowInDays"].NumberValue(); got != days {
			t.Errorf("disposable %t: it can be restored for %g days", disposable, got)
		}
	}
}

func TestProtect(t *testing.T) {
	for _, protect := range []bool{true, false} {
		r := declare(t, secret.Args{Protect: protect})
		if got := r.Find(t, "aws:secretsmanager/secret:Secret", "tokens-secret").Protect; got != protect {
			t.Errorf("protect %t: %t", protect, got)
		}
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	componenttest.MustRefuse(t, "secret s", func(ctx *pulumi.Context) error {
		_, err := secret.New(ctx, "s", &secret.Args{})
		return err
	}, "Description: missing", "Empty: missing")
}
