// Command pulumi-resource-aws is a Pulumi plugin that serves the tokens of the
// Pulumi aws SDK by driving Terraform's AWS provider. The engine starts it.
//
//	pulumi-resource-aws -check FILE
//
// checks instead that every token and property that FILE lists is served. FILE is
// a JSON object: {"aws:sqs/queue:Queue": ["name", "tags"]}. Exit status 1 and one
// line for each that is not.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"dip/tools/pulumi/aws/internal/catalog"
	"dip/tools/pulumi/aws/internal/server"
	"dip/tools/pulumi/aws/internal/tfprovider"
	"dip/tools/pulumi/plugin"
)

// version is that of the Go SDK whose tokens the catalog holds.
const version = "6.83.2"

func main() {
	check := flag.String("check", "", "check the tokens and properties listed in this `file` and exit")
	plugin.Flags(flag.CommandLine)
	flag.Parse()
	err := run(*check, flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(check, engine string) (err error) {
	cat, err := open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cat.Close()) }()
	if check != "" {
		return runCheck(cat, check)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return fmt.Errorf("find the home folder: %w", err)
	}
	path, err := tfprovider.Locate(os.Getenv, home)
	if err != nil {
		return err
	}
	var logs io.Writer
	if os.Getenv("TF_LOG") != "" {
		logs = os.Stderr
	}
	p := tfprovider.New(path, logs)
	defer p.Close()
	return plugin.Serve(engine, plugin.NewServer("aws", version, server.New(cat, p)), os.Stdout)
}

// open opens the catalog beside the binary.
func open() (*catalog.Catalog, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the plugin's folder: %w", err)
	}
	if exe, err = filepath.EvalSymlinks(exe); err != nil {
		return nil, fmt.Errorf("find the plugin's folder: %w", err)
	}
	return catalog.Open(filepath.Join(filepath.Dir(exe), catalog.FileName))
}

func runCheck(cat *catalog.Catalog, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close() // only read
	used, err := catalog.ReadUsed(f)
	if err != nil {
		return err
	}
	return cat.Check(used)
}
