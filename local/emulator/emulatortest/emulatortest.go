// Package emulatortest gives the tests of a package one emulator.
package emulatortest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"dip/internal/testenv"
	"dip/local/emulator"
)

var shared struct {
	once sync.Once
	e    *emulator.Emulator
	err  error
}

// Main runs a package's tests and stops their emulator. TestMain calls it and nothing else.
func Main(m *testing.M) {
	code := m.Run()
	if shared.e != nil {
		if err := shared.e.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// Config is for clients of the emulator, which the first call starts. Where the machine cannot run it, the test is
// skipped, and fails in CI.
func Config(t testing.TB) aws.Config {
	t.Helper()
	e := start(t)
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(e.Endpoint()), Credentials: e.Key().Provider(),
	}
}

// Role is the ARN of a new role in that emulator.
func Role(t testing.TB, name string) string {
	t.Helper()
	arn, err := PutRole(start(t), name)
	if err != nil {
		t.Fatal(err)
	}
	return arn
}

// Provoke makes a stream of that emulator have faults from now on.
func Provoke(t testing.TB, stream string, f emulator.StreamFaults) {
	t.Helper()
	e := start(t)
	if err := emulator.Provoke(t.Context(), e.Endpoint(), e.Key(), stream, f); err != nil {
		t.Fatal(err)
	}
}

func start(t testing.TB) *emulator.Emulator {
	t.Helper()
	shared.once.Do(func() {
		shared.e, shared.err = emulator.Start(context.Background(), emulator.Options{Log: os.Stderr})
	})
	if errors.Is(shared.err, emulator.ErrUnavailable) {
		testenv.Missing(t, shared.err)
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.e
}
