package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"dip/local/rights"
)

// unneeded are the rights of the stack local that these tests do not use, each with its reason.
var unneeded = []rights.Reason{}

// checkRights compares what the functions did in all tests with what their roles allow.
func checkRights(ctx context.Context) error {
	report, err := stack.CheckRights(ctx, unneeded)
	if err != nil {
		return err
	}
	if some("test.run") || some("test.skip") { // unused rights would be those of tests that did not run
		report.Unused, report.Useless = nil, nil
	}
	fmt.Printf("rights: %d distinct calls judged\n", report.Calls)
	if report.Calls == 0 {
		return errors.New("rights: no call was recorded")
	}
	return report.Err()
}

// some reports whether a flag is set.
func some(name string) bool { return flag.Lookup(name).Value.String() != "" }
