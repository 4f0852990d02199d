// Command mapgen pairs the source of the Pulumi aws Go SDK with the schema of
// Terraform's AWS provider and writes the catalog that pulumi-resource-aws
// serves from, and a report of what does not pair.
//
//	mapgen [-sdk DIR] [-provider FILE] [-report FILE] OUT
//
// Run it in this module: the SDK's version is the one in its go.mod.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"dip/tools/pulumi/aws/internal/catalog"
	"dip/tools/pulumi/aws/internal/tfprovider"
	"dip/tools/pulumi/aws/tfplugin5"
)

func main() {
	sdkDir := flag.String("sdk", "", "`folder` of the SDK (default: the module's, from go list)")
	provider := flag.String("provider", "", "provider `binary` (default: where Terraform keeps it)")
	reportFile := flag.String("report", "", "write what does not pair to this `file`")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: mapgen [-sdk DIR] [-provider FILE] [-report FILE] OUT")
		os.Exit(2)
	}
	if err := run(*sdkDir, *provider, *reportFile, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "mapgen:", err)
		os.Exit(1)
	}
}

func run(sdkDir, provider, reportFile, out string) error {
	var err error
	if sdkDir == "" {
		if sdkDir, err = moduleDir("github.com/pulumi/pulumi-aws/sdk/v6"); err != nil {
			return err
		}
	}
	if provider == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return fmt.Errorf("find the home folder: %w", err)
		}
		if provider, err = tfprovider.Locate(os.Getenv, home); err != nil {
			return err
		}
	}
	full, err := fetchSchema(context.Background(), provider)
	if err != nil {
		return err
	}
	s, err := loadSDK(filepath.Join(sdkDir, "go", "aws"))
	if err != nil {
		return err
	}
	contents, rep, err := build(s, full)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := contents.Write(&b); err != nil {
		return fmt.Errorf("write the catalog: %w", err)
	}
	if err := os.WriteFile(out, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the catalog: %w", err)
	}
	fmt.Fprintf(os.Stderr,
		"mapped %d of %d resources and %d of %d functions of the SDK; %d properties have no attribute\n",
		len(contents.Resources), len(s.resources)-1, len(contents.Functions), len(s.functions), len(rep.missing))
	if reportFile == "" {
		return nil
	}
	if err := os.WriteFile(reportFile, []byte(rep.text(contents)), 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

func moduleDir(module string) (string, error) {
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	b, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("find the source of %s: %w: %s", module, err, strings.TrimSpace(stderr.String()))
	}
	dir := strings.TrimSpace(string(b))
	if dir == "" {
		return "", fmt.Errorf("the source of %s is not downloaded: run `go mod download %s`", module, module)
	}
	return dir, nil
}

// fetchSchema asks the provider for its schema, without the documentation in it.
func fetchSchema(ctx context.Context, binary string) (*tfplugin5.GetProviderSchema_Response, error) {
	p := tfprovider.New(binary, nil)
	defer p.Close()
	var full *tfplugin5.GetProviderSchema_Response
	op := tfprovider.Op{What: "read the schema", Repeatable: true}
	err := p.Do(ctx, op, func(c tfplugin5.ProviderClient) (err error) {
		full, err = c.GetSchema(ctx, &tfplugin5.GetProviderSchema_Request{})
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := tfprovider.DiagError(full.Diagnostics); err != nil {
		return nil, fmt.Errorf("read the schema of %s: %w", binary, err)
	}
	if full.Provider == nil || len(full.ResourceSchemas) == 0 {
		return nil, errors.New("the provider gave no schema")
	}
	dropUnknown(full.ProtoReflect())
	return full, nil
}

// dropUnknown drops the fields that tfplugin5.proto leaves out (documentation).
func dropUnknown(m protoreflect.Message) {
	m.SetUnknown(nil)
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsMap() && fd.MapValue().Message() != nil:
			v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				dropUnknown(v.Message())
				return true
			})
		case fd.IsList() && fd.Message() != nil:
			for i := range v.List().Len() {
				dropUnknown(v.List().Get(i).Message())
			}
		case fd.Message() != nil && !fd.IsMap():
			dropUnknown(v.Message())
		}
		return true
	})
}

func (r *report) text(c *catalog.Contents) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d resources and %d functions are served.\n", len(c.Resources), len(c.Functions))
	for _, part := range []struct {
		title string
		lines []string
	}{
		{"Tokens of the SDK without a similar enough Terraform type", r.unpaired},
		{"SDK properties without a Terraform attribute (not served)", r.missing},
		{"Names paired because they were the only ones left", r.guesses},
		{"Terraform attributes without an SDK property", r.unused},
	} {
		slices.Sort(part.lines)
		fmt.Fprintf(&b, "\n# %s: %d\n", part.title, len(part.lines))
		for _, l := range part.lines {
			fmt.Fprintln(&b, l)
		}
	}
	return b.String()
}
