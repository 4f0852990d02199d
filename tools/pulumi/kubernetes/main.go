// Command pulumi-resource-kubernetes is a Pulumi plugin that serves the tokens
// of the Pulumi kubernetes SDK with the Kubernetes client library. The engine
// starts it.
package main

import (
	"flag"
	"fmt"
	"os"

	"k8s.io/klog/v2"

	"dip/tools/pulumi/kubernetes/internal/server"
	"dip/tools/pulumi/plugin"
)

// version is that of the Go SDK whose tokens are served.
const version = "4.23.0"

func main() {
	plugin.Flags(flag.CommandLine)
	flag.Parse()
	// The errors of the client library repeat what it logs.
	klog.SetLogger(klog.Logger{})
	s := plugin.NewServer("kubernetes", version, server.New(os.Getenv("DIP_CHARTS")))
	if err := plugin.Serve(flag.Arg(0), s, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
