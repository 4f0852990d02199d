package proof

import (
	"fmt"
	"strings"
	"time"

	"dip/internal/terminal"
)

// Markdown is the report as a document: a table of the steps, then what each found.
func (r Report) Markdown() string {
	var b strings.Builder
	where := "AWS"
	if r.Local {
		where = "the emulator (dry run)"
	}
	fmt.Fprintf(&b, "# Proof of stack %s on %s\n\n%s\n\n", r.Stack, where, r.Began.UTC().Format(time.RFC3339))
	b.WriteString("| step | shows | result | took |\n|---|---|---|---|\n")
	for _, o := range r.Outcomes {
		took := terminal.Duration(o.Took)
		if o.Result == NotShown {
			took = "-"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", o.Step.Name, o.Step.Shows, o.Result, took)
	}
	for _, o := range r.Outcomes {
		if o.Reason == "" && len(o.Lines) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n", o.Step.Name)
		if o.Reason != "" {
			fmt.Fprintf(&b, "%s: %s\n", o.Result, terminal.Printable(o.Reason))
		}
		for _, line := range o.Lines {
			fmt.Fprintf(&b, "- %s\n", terminal.Printable(line))
		}
	}
	return b.String()
}
