package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"

	"dip/config"
	"dip/internal/client"
	"dip/internal/simulate"
	"dip/internal/terminal"
)

// planUsage is what CloudWatch knows of the account's concurrency.
type planUsage struct {
	Since  time.Time      `json:"since"`
	Quota  int            `json:"quota"`          // concurrent executions that the account allows, as --quota says
	Most   int            `json:"most"`           // that the account had at once; 0: not known
	Peak   *simulate.Hour `json:"peak,omitempty"` // when other programs took most; none: not known
	Others int            `json:"others"`         // what they took then
	Left   int            `json:"left"`           // for the segments' functions, in the simulation
	// Throttled are the refused calls of a segment's function, by segment; those without any are left out.
	Throttled map[string]int `json:"throttled"`
	Unread    string         `json:"unread,omitempty"` // why CloudWatch was not read
}

// readPlanUsage reads what CloudWatch knows. A plan does without, so that the error is only that of an ended context.
func readPlanUsage(
	ctx context.Context, watch cloudwatch.GetMetricDataAPIClient, o client.Outputs, since, now time.Time,
) (*planUsage, error) {
	p := &planUsage{Since: client.UsageSince(since), Throttled: map[string]int{}}
	usage, err := client.ReadUsage(ctx, watch, o, since, now)
	if err != nil {
		p.Unread = err.Error()
		return p, ctx.Err()
	}
	p.Most, p.Throttled = usage.Most(), usage.Throttled
	if p.Peak = usage.Peak(); p.Peak != nil {
		p.Others = p.Peak.Others()
	}
	return p, nil
}

// planModel is the model of a stack beside other programs, whose usage may be unknown.
func planModel(f planFlags, stack *config.Stack, usage *planUsage) simulate.Model {
	m := simulate.DefaultModel()
	m.Quota, m.Seed, m.Cores = f.quota, f.seed, coresOf(stack)
	if usage != nil {
		m.Others = usage.Others
		usage.Quota, usage.Left = m.Quota, m.Room(stack)
	}
	return m
}

// usageText says in a line each what other programs leave, and which functions were throttled.
func usageText(u *planUsage) string {
	if u == nil {
		return ""
	}
	since := when(u.Since)
	var b strings.Builder
	switch {
	case u.Unread != "":
		fmt.Fprintf(&b, "  planned without CloudWatch: %s\n", terminal.Printable(u.Unread))
	case u.Peak == nil:
		fmt.Fprintf(&b, "  what other programs take of the account's concurrency is not known: CloudWatch has nothing "+
			"since %s\n", since)
	case u.Most > u.Quota:
		fmt.Fprintf(&b, "  the account ran %s at once, and --quota says %s: give its real quota\n",
			plural(u.Most, "function"), terminal.Count(int64(u.Quota)))
	default:
		fmt.Fprintf(&b, "  other programs ran %s at once on %s: of the account's %s, %s are left for segments\n",
			plural(u.Others, "function"), when(u.Peak.At), terminal.Count(int64(u.Quota)), terminal.Count(int64(u.Left)))
	}
	for _, name := range slices.Sorted(maps.Keys(u.Throttled)) {
		n := u.Throttled[name]
		was := "were"
		if n == 1 {
			was = "was"
		}
		fmt.Fprintf(&b, "  %s of the function %s %s throttled since %s: concurrency is short\n", plural(n, "call"),
			terminal.Printable(name), was, since)
	}
	return b.String()
}
