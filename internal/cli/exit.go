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
	ExitSchema      = 6
	ExitRejected    = 7
	ExitInterrupted = 130
)

const exitHelp = `dip exits with one of these codes:

    0  success; with --wait, every load is certified
    1  an error, described on standard error
    2  the command line is invalid
    3  a load failed: none of it was published, its input is untouched
    4  a certificate does not match the data
    5  the load, segment, stack or file does not exist
    6  schema infer: records that fit no schema; schema check: the new schema is not compatible
    7  send: the gateway refused some of the records; it has all others
  130  interrupted; loads already landed continue`

// usageError marks an error in the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// exitCode maps an error to the command's exit code.
func exitCode(err error) int {
	var usage usageError
	var failed *client.FailedError
	var unproven *unprovenError
	var schema schemaError
	var rejected rejectedError
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &usage):
		return ExitUsage
	case errors.As(err, &failed):
		return ExitFailed
	case errors.As(err, &unproven):
		return ExitUnproven
	case errors.As(err, &schema):
		return ExitSchema
	case errors.As(err, &rejected):
		return ExitRejected
	case errors.Is(err, client.ErrNotFound), errors.Is(err, ledger.ErrNotFound):
		return ExitNotFound
	default:
		return ExitError
	}
}
