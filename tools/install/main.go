// Command install provides the Pulumi toolchain: the CLI, the Go language host
// and the aws plugin. What the machine has is used; the rest is built from the
// modules in tools/ into the project's cache, once per state of their sources.
//
//	go run ./tools/install [-cluster | -admission] [-json | -env]
//
// -cluster adds what only stacks with a cluster need: their plugins, and the
// programs that a cluster on this machine consists of. -admission adds, of
// these, only an API server with its store, to check objects against.
//
// Progress goes to stderr, a line every 20 seconds; with -json, for a program
// that shows the last one, every second. The last line on stdout is, with -json,
// an object {"pulumi": PATH, "env": {NAME: VALUE}, "cluster": {NAME: PATH}}, and
// with -env lines for a shell's eval.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Toolchain is what a caller needs to run Pulumi.
type Toolchain struct {
	Pulumi string            `json:"pulumi"` // the CLI
	Env    map[string]string `json:"env"`    // to add to the environment of each call
	// Cluster are the programs of a cluster by name, and the folder keda-crds.
	Cluster map[string]string `json:"cluster,omitempty"`
}

func main() {
	asJSON := flag.Bool("json", false, "print the toolchain as one line of JSON")
	asEnv := flag.Bool("env", false, "print the environment for a shell: eval \"$(... -env)\"")
	cluster := flag.Bool("cluster", false, "also provide what stacks with a cluster need")
	admission := flag.Bool("admission", false, "also provide an API server to check objects against")
	source := flag.String("source", "",
		"`folder` of this repository (default: the one that holds go.mod above the working directory)")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage: install [-cluster | -admission] [-json | -env] [-source DIR]")
		os.Exit(2)
	}
	tc, err := run(*source, *cluster, *admission, *asJSON)
	if err != nil {
		fmt.Fprintln(os.Stderr, "install:", err)
		os.Exit(1)
	}
	if err := print(tc, *asJSON, *asEnv); err != nil {
		fmt.Fprintln(os.Stderr, "install:", err)
		os.Exit(1)
	}
}

func run(source string, cluster, admission, often bool) (*Toolchain, error) {
	root, err := repository(source)
	if err != nil {
		return nil, err
	}
	cache, err := cacheDir(os.Getenv)
	if err != nil {
		return nil, err
	}
	in := &installer{source: root, cache: cache, cluster: cluster, admission: admission, log: os.Stderr,
		every:   20 * time.Second,
		machine: machine{path: os.Getenv("PATH"), pulumiHome: pulumiHome(os.Getenv), own: filepath.Join(cache, "bin")}}
	if often {
		in.every = time.Second
	}
	return in.install()
}

func print(tc *Toolchain, asJSON, asEnv bool) error {
	switch {
	case asJSON:
		return json.NewEncoder(os.Stdout).Encode(tc)
	case asEnv:
		for _, k := range slices.Sorted(maps.Keys(tc.Env)) {
			fmt.Printf("export %s=%s\n", k, quote(tc.Env[k]))
		}
	default:
		fmt.Println(tc.Pulumi)
	}
	return nil
}

// quote quotes for a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// repository finds the folder that holds tools/pulumi/aws: dir, or one above the
// working directory.
func repository(dir string) (string, error) {
	if dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "tools", "pulumi", "aws", "go.mod")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("%s is not inside the repository: name it with -source", dir)
		}
	}
}

// cacheDir is $DIP_CACHE, else dip in the user's cache folder.
func cacheDir(getenv func(string) string) (string, error) {
	if d := getenv("DIP_CACHE"); d != "" {
		return filepath.Abs(d)
	}
	if d := getenv("XDG_CACHE_HOME"); d != "" {
		return filepath.Join(d, "dip"), nil
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".cache", "dip"), nil
	}
	return "", errors.New("no place for the cache: set DIP_CACHE or HOME")
}

// pulumiHome is where the machine's own Pulumi keeps its plugins.
func pulumiHome(getenv func(string) string) string {
	if d := getenv("PULUMI_HOME"); d != "" {
		return d
	}
	return filepath.Join(getenv("HOME"), ".pulumi")
}
