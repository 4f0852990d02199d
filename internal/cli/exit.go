package cli

import (
	"errors"
	"fmt"

	"dip/internal/client"
	"dip/internal/ledger"
)

// Exit codes of the command.
const (
	ExitOK          = 0
	ExitError       = 1
	ExitUsage       = 2
	ExitFailed      = 3
	ExitUnproven    = 4
	ExitNotFound    = 5
	ExitInterrupted = 130
)

const exitHelp = `dip ends with one of these exit codes:

    0  done; with --wait, every load is certified
    1  something went wrong; standard error says what
    2  the command line is wrong
    3  a load failed: nothing of it was published, its input is untouched
    4  a certificate does not hold what it says
    5  there is no such load, segment, stack or file
  130  interrupted; what was landed goes on by itself`

// usageError marks an error of the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// exitCode is what an error makes the command end with.
func exitCode(err error) int {
	var usage usageError
	var failed *client.FailedError
	var unproven *unprovenError
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &usage):
		return ExitUsage
	case errors.As(err, &failed):
		return ExitFailed
	case errors.As(err, &unproven):
		return ExitUnproven
	case errors.Is(err, client.ErrNotFound), errors.Is(err, ledger.ErrNotFound):
		return ExitNotFound
	default:
		return ExitError
	}
}
