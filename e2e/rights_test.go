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

// checkRights compares what the functions did in all tests with what their roles allow. Unless all tests ran to their
// end, rights may be unused because of that.
func checkRights(ctx context.Context, all bool) error {
	report, err := stack.CheckRights(ctx, unneeded)
	if err != nil {
		return err
	}
	if !all || some("test.run") || some("test.skip") {
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
