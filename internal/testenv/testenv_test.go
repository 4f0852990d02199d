package testenv

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// recorder is a test that notes how it ended.
type recorder struct {
	testing.TB
	failed, skipped string
}

func (*recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	panic(r)
}

func (r *recorder) Skipf(format string, args ...any) {
	r.skipped = fmt.Sprintf(format, args...)
	panic(r)
}

func TestMissing(t *testing.T) {
	for value, fails := range map[string]bool{"true": true, "1": true, "woodpecker": true, "": false, "false": false,
		"0": false} {
		t.Setenv("CI", value)
		var r recorder
		func() {
			defer func() { _ = recover() }()
			Missing(&r, errors.New("install moto"))
		}()
		if (r.failed != "") != fails || (r.skipped != "") == fails || !strings.Contains(r.failed+r.skipped, "install moto") {
			t.Errorf("CI=%q: failed %q, skipped %q", value, r.failed, r.skipped)
		}
	}
}
