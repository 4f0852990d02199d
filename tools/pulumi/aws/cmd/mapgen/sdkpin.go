//go:build sdkpin

package main

// The SDK's source is an input of this command. This import, which no build ever
// compiles, keeps its version pinned in go.mod.
import _ "github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
