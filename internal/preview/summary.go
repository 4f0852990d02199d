package preview

import (
	"slices"
	"strings"

	"dip/config"
)

// Summary is what matters of a preview.
type Summary struct {
	Stack    string         `json:"stack"`
	Counts   map[Action]int `json:"counts"`
	Data     []Change       `json:"data,omitempty"`    // replaced or deleted resources that hold data
	Changes  []Change       `json:"changes,omitempty"` // all of them, the gravest first
	Cost     *Cost          `json:"cost,omitempty"`    // nil: the document does not have the unchanged resources
	Errors   []Problem      `json:"errors,omitempty"`  // broken guard rails among them
	Warnings []Problem      `json:"warnings,omitempty"`
}

// Problem is an error or a warning.
type Problem struct {
	Resource string `json:"resource,omitempty"`
	Message  string `json:"message"`
}

const stackType = "pulumi:pulumi:Stack"

// Summarize says what a preview comes to. stack is the name for a document that names none: one of a program that
// stopped at once.
func Summarize(d Document, stack string, p config.Prices) Summary {
	s := Summary{
		Stack: stack, Counts: map[Action]int{}, Errors: d.problems("error"), Warnings: d.problems("warning"),
	}
	if len(d.Steps) > 0 {
		if u, err := parseURN(d.Steps[0].URN); err == nil {
			s.Stack = u.stack
		}
	}
	changes, same := d.changes()
	for _, c := range changes {
		if c.Type == stackType { // it is no resource of AWS, and changes with any other
			continue
		}
		s.Changes = append(s.Changes, c)
		s.Counts[c.Action]++
		if c.Lost != "" {
			s.Data = append(s.Data, c)
		}
	}
	if same > 0 {
		s.Counts[Same] = same
	}
	slices.SortStableFunc(s.Data, func(a, b Change) int { return holding(a.Type) - holding(b.Type) })
	s.Cost = d.cost(p)
	return s
}

// stopped begins the message of a program that returned an error. Source: pulumi.Run of Pulumi's Go SDK.
const stopped = "an unhandled error occurred: program failed:"

// problems are the diagnostics of a severity, each once.
func (d Document) problems(severity string) (list []Problem) {
	for _, one := range d.Diagnostics {
		if one.Severity != severity {
			continue
		}
		text := strings.TrimPrefix(strings.TrimSpace(one.Message), severity+": ")
		p := Problem{Message: strings.TrimSpace(strings.TrimPrefix(text, stopped))}
		if u, err := parseURN(one.URN); err == nil && u.kind != stackType {
			p.Resource = short(u.kind) + " " + u.name
		}
		if p.Message != "" && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}
