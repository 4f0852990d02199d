package rights

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dip/local/emulator"
	"dip/tools/simulate"
)

// Right is one action of a statement of a role's policy on one of its resources.
type Right struct {
	Role     string // in the program
	Action   string
	Resource string
}

func (r Right) String() string { return fmt.Sprintf("role %s: %s on %s", r.Role, r.Action, r.Resource) }

// Reason says why a role has a right that nothing used. Its fields are forms with * and ?.
type Reason struct {
	Right
	Why string
	// Sometimes is set where chance decides whether the right is used, as with functions that are killed: the reason
	// is not out of date when it was.
	Sometimes bool
}

// covers reports whether the reason is one for a right.
func (r Reason) covers(right Right) bool {
	return matches(r.Role, right.Role) && matches(r.Action, right.Action) && matches(r.Resource, right.Resource)
}

// Report is what a check has found.
type Report struct {
	Calls   int      // distinct ones that were judged
	Denied  []string // one line each
	Unused  []Right  // without a reason
	Useless []Reason // of which nothing is unused
}

// Err is nil if nothing is denied, unused or useless.
func (r Report) Err() error {
	var errs []error
	for _, d := range r.Denied {
		errs = append(errs, errors.New(d))
	}
	for _, u := range r.Unused {
		errs = append(errs, fmt.Errorf("nothing used this right: %s", u))
	}
	for _, u := range r.Useless {
		errs = append(errs, fmt.Errorf("every right that this reason is for was used or is gone: %s: %s", u.Right, u.Why))
	}
	return errors.Join(errs...)
}

// Simulator judges calls, in their order.
type Simulator func(context.Context, simulate.Request) ([]simulate.Verdict, error)

// Evaluator is the simulator whose installation is in a cache.
func Evaluator(cache string) Simulator {
	return func(ctx context.Context, r simulate.Request) ([]simulate.Verdict, error) {
		return simulate.Run(ctx, cache, r)
	}
}

// Check simulates what roles did, and what that implies, and looks for rights that nothing of it used.
func (s *Stack) Check(
	ctx context.Context, observed []emulator.Call, reasons []Reason, judge Simulator) (Report, error,
) {
	all := s.all(observed)
	verdicts, err := judge(ctx, s.request(all))
	if err != nil {
		return Report{}, err
	}
	report := Report{Calls: len(all)}
	for i, c := range all {
		if verdicts[i].Result != simulate.Allowed {
			report.Denied = append(report.Denied, s.denied(c, verdicts[i]))
		}
	}
	s.findUnused(&report, all, reasons)
	return report, nil
}

func (s *Stack) request(all calls) simulate.Request {
	r := simulate.Request{Account: s.Account, Identity: map[string]map[string]any{}, Resource: map[string]any{}}
	for arn, role := range s.Roles {
		own := map[string]any{}
		for _, p := range role.Policies {
			own[p.Name] = p.Document
		}
		for _, arn := range role.Managed {
			if document, ok := managed[arn]; ok {
				own[arn] = document
			}
		}
		r.Identity[arn] = own
		r.Resource[arn] = role.Trust
	}
	for arn, document := range s.Attached {
		r.Resource[arn] = document
	}
	for _, c := range all {
		one := simulate.Call{Principal: c.Principal, Action: c.Action, Resource: c.Resource, Context: c.Context}
		if _, ok := s.Roles[c.Resource]; ok {
			one.Policy = c.Resource
		} else if _, ok := s.policyOf(c.Resource); ok {
			one.Policy, _, _ = strings.Cut(c.Resource, "/")
			if !strings.HasPrefix(c.Resource, "arn:aws:s3:::") {
				one.Policy = c.Resource
			}
		}
		r.Calls = append(r.Calls, one)
	}
	return r
}

// denied is a line about a call that is not allowed, with the statement that comes closest to allowing it.
func (s *Stack) denied(c call, v simulate.Verdict) string {
	who := c.Principal
	role := s.Roles[c.Principal]
	if role != nil {
		who = "role " + role.Name
	}
	if c.Action == "" {
		return fmt.Sprintf("%s: the emulator does not know which right this call needs: %s", who, c.Resource)
	}
	line := fmt.Sprintf("%s: %s on %s is not allowed (%s)", who, c.Action, c.Resource, v.Result)
	if v.Reason != "" {
		line += ": " + v.Reason
	}
	if len(c.Context) > 0 {
		line += fmt.Sprintf(", with %v", c.Context)
	}
	if c.why != "" {
		line += "; needed because " + c.why
	}
	if role == nil && strings.HasPrefix(c.Principal, "arn:") {
		return line + "; the stack has no such role"
	}
	return line + s.nearest(c, role)
}

// nearest describes the statement that comes closest to a call: one that names its action, on a resource that has the
// longest beginning in common.
func (s *Stack) nearest(c call, role *Role) string {
	var documents []Policy
	if role != nil {
		documents = role.Policies
	}
	if target := s.Roles[c.Resource]; target != nil {
		documents = append(slices.Clip(documents), Policy{"the trust policy of " + target.Name, target.Trust})
	}
	if attached, ok := s.policyOf(c.Resource); ok {
		documents = append(slices.Clip(documents), Policy{"the policy of the resource", attached})
	}
	best, text := -1, ""
	for _, p := range documents {
		for i, statement := range p.Document.Statement {
			if score := closeness(statement, c); score > best {
				best, text = score, fmt.Sprintf("; nearest: statement %d of %s: %s", i+1, p.Name, statement)
			}
		}
	}
	return cmp.Or(text, "; no policy says anything about it")
}

// closeness is how close a statement comes to a call.
func closeness(s Statement, c call) int {
	score := 0
	if s.names(c.Action) {
		score += 1 << 16
	}
	for _, form := range s.Resource {
		n := 0
		for n < len(form) && n < len(c.Resource) && form[n] == c.Resource[n] {
			n++
		}
		score = max(score, score&^0xffff+n)
	}
	return score
}

// findUnused reports the rights that no call used, but for those with a reason.
func (s *Stack) findUnused(report *Report, all calls, reasons []Reason) {
	needed := make([]bool, len(reasons))
	for _, role := range s.Roles {
		for _, right := range s.unusedOf(role, all) {
			i := slices.IndexFunc(reasons, func(r Reason) bool { return r.covers(right) })
			if i < 0 {
				report.Unused = append(report.Unused, right)
			} else {
				needed[i] = true
			}
		}
	}
	slices.SortFunc(report.Unused, func(a, b Right) int {
		return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Action, b.Action), cmp.Compare(a.Resource, b.Resource))
	})
	for i, r := range reasons {
		if !needed[i] && !r.Sometimes {
			report.Useless = append(report.Useless, r)
		}
	}
}

// unusedOf lists what a role's policies allow, and to whom its trust policy allows the role, that no call used.
func (s *Stack) unusedOf(role *Role, all calls) []Right {
	var unused []Right
	for _, p := range role.Policies {
		for _, statement := range p.Document.Statement {
			if statement.Effect != "Allow" {
				continue
			}
			for _, action := range statement.Action {
				for _, resource := range statement.Resource {
					one := Statement{Action: texts{action}, Resource: texts{resource}}
					used := slices.ContainsFunc(all, func(c call) bool {
						return c.Principal == role.ARN && one.grants(c.Action, c.Resource)
					})
					if !used {
						unused = append(unused, Right{role.Name, action, resource})
					}
				}
			}
		}
	}
	for _, statement := range role.Trust.Statement {
		for _, action := range statement.Action {
			one := Statement{Action: texts{action}}
			if !slices.ContainsFunc(all, func(c call) bool { return c.Resource == role.ARN && one.names(c.Action) }) {
				unused = append(unused, Right{role.Name, action, "the role itself"})
			}
		}
	}
	return unused
}
