package scenarios

import (
	"context"
	"errors"
	"fmt"
)

// compareRights shows that whatever functions, workers, jobs and controllers have done so far is allowed to their
// roles. Rights that nothing used are listed only: scenarios can be chosen, and none of them has a cluster autoscaler.
func (l *Lab) compareRights(ctx context.Context) ([]string, error) {
	report, err := l.Stack.CheckRights(ctx, nil)
	if err != nil {
		return nil, err
	}
	if len(report.Denied) > 0 {
		report.Unused = nil
		return nil, report.Err()
	}
	if report.Calls == 0 {
		return nil, errors.New("no call was recorded")
	}
	lines := []string{fmt.Sprintf("all of %d distinct calls are allowed", report.Calls),
		fmt.Sprintf("%d rights are not used here:", len(report.Unused))}
	for _, right := range report.Unused {
		lines = append(lines, "  "+right.String())
	}
	return lines, nil
}
