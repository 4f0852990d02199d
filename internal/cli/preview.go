package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"dip/config"
	"dip/internal/client"
	"dip/internal/preview"
	"dip/local"
)

func (a *app) previewCommand() *cobra.Command {
	return &cobra.Command{
		Use: "preview [FILE|-]", Short: "Say what pulumi preview would change, as a comment for a pull request",
		Args: cobra.MaximumNArgs(1),
		Long: "Preview reads what `pulumi preview --json --show-sames` prints, from a file or from standard input,\n" +
			"or runs it. It prints Markdown that fits into one comment on GitHub: counts, what loses data if it is\n" +
			"deployed, errors and broken guard rails, what the stack costs at rest before and after, and what changes.\n" +
			"With --json it prints the same as an object. With a FILE it needs nothing else: no stack, no network.\n\n" +
			"Without --show-sames there are no costs: unchanged resources cost, too.",
		Example: "  dip preview --stack dev\n" +
			"  pulumi preview --json --show-sames --stack dev > preview.json; dip preview preview.json > comment.md",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.preview(cmd.Context(), nil)
			}
			if args[0] == "-" {
				return a.preview(cmd.Context(), cmd.InOrStdin())
			}
			file, err := os.Open(args[0])
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("file %s: %w", args[0], client.ErrNotFound)
			}
			if err != nil {
				return fmt.Errorf("read the preview: %w", err)
			}
			defer file.Close()
			return a.preview(cmd.Context(), file)
		},
	}
}

// preview shows a document; nil: that of a preview which it runs. One with errors is shown, and is an error.
func (a *app) preview(ctx context.Context, from io.Reader) error {
	if from == nil {
		text, err := runPreview(ctx, a.stack)
		if err != nil {
			return err
		}
		from = bytes.NewReader(text)
	}
	d, err := preview.Read(from)
	if err != nil {
		return err
	}
	s := preview.Summarize(d, a.stack, config.ListPrices())
	if err := a.result(s, preview.Markdown(s)); err != nil {
		return err
	}
	if n := len(s.Errors); n > 0 {
		return fmt.Errorf("the preview of stack %s failed: %s", s.Stack, plural(n, "error"))
	}
	return nil
}

// runPreview runs pulumi and returns the document. A preview that fails has one too.
func runPreview(ctx context.Context, stack string) ([]byte, error) {
	root, err := local.FindRoot(".")
	if err != nil {
		return nil, fmt.Errorf("find the project of stack %s: %w", stack, err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "pulumi", "preview", "--json", "--show-sames", "--non-interactive", "--stack", stack,
		"--cwd", root)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("preview the stack: the pulumi command is not installed: install it, or pass a file with " +
			"what `pulumi preview --json --show-sames` printed elsewhere")
	case err != nil && len(bytes.TrimSpace(stdout.Bytes())) == 0:
		return nil, fmt.Errorf("preview stack %s with pulumi: %w: %s", stack, err, strings.TrimSpace(stderr.String()))
	}
	return stdout.Bytes(), nil
}
