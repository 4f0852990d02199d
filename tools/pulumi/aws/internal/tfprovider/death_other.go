//go:build !linux

package tfprovider

import "os/exec"

// dieWithParent has no counterpart outside Linux: a killed plugin may leave its
// provider behind there.
func dieWithParent(*exec.Cmd) {}
