package build

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"runtime"
)

// compilers are the C compilers that make Linux programs of an architecture, by the names that Debian gives them.
var compilers = map[string]string{"amd64": "x86_64-linux-gnu-gcc", "arm64": "aarch64-linux-gnu-gcc"}

// compression is which implementation of zstd the functions get.
type compression struct {
	tags, linker string   // of the go tool; tags after a comma
	env          []string // of the go tool
	what         string   // for display
}

// findCompression chooses libzstd where there is a C compiler for an architecture, otherwise the implementation in Go.
// A program with libzstd is linked statically, so that it runs on any Linux, as those in Go alone do; what the C
// library resolves names and users with cannot be linked so.
func findCompression(ctx context.Context, arch string) compression {
	names := []string{compilers[arch]}
	if runtime.GOOS == "linux" && runtime.GOARCH == arch {
		names = append(names, "gcc")
	}
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		version, err := exec.CommandContext(ctx, path, "--version").Output()
		if err != nil {
			continue
		}
		first, _, _ := bytes.Cut(version, []byte{'\n'})
		return compression{
			tags: ",libzstd,netgo,osusergo", linker: " -extldflags=-static", env: []string{"CGO_ENABLED=1", "CC=" + path},
			what: fmt.Sprintf("libzstd, compiled by %s", first),
		}
	}
	return compression{what: fmt.Sprintf("in Go, which takes more time than libzstd: there is no C compiler %s", names[0])}
}
