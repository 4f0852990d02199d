package contract

import "unicode/utf8"

// maxReason is how long a reason may be, bytes. A state of a workflow holds 256 KiB, and an execution that exceeds
// them ends with States.DataLimitExceeded, which no Catch takes ("Error names", Step Functions); an item of the ledger
// holds 400 KB. A reason may quote an input, and an input's header may be megabytes long.
const maxReason = 4 << 10

// Cut shortens a reason for people to 4 KiB, at a character's end.
func Cut(reason string) string {
	const more = " [...]"
	if len(reason) <= maxReason {
		return reason
	}
	end := maxReason - len(more)
	for end > 0 && !utf8.RuneStart(reason[end]) {
		end--
	}
	return reason[:end] + more
}
