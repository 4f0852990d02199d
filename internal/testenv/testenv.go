// Package testenv tells tests what to do where the machine lacks something that they need.
package testenv

import (
	"os"
	"testing"
)

// Missing ends a test whose machine lacks something; missing says what, and what to install. In CI, where the variable
// CI is set, the test fails: what it guards must not go unguarded there. Elsewhere it is skipped with the same words.
func Missing(t testing.TB, missing error) {
	t.Helper()
	if InCI(os.Getenv("CI")) {
		t.Fatalf("CI runs every test, and this machine cannot run this one: %v", missing)
	}
	t.Skipf("this machine cannot run this test: %v", missing)
}

// InCI says whether a value of the variable CI means that this is a run of CI.
func InCI(value string) bool { return value != "" && value != "0" && value != "false" }
