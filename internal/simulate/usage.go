package simulate

import (
	"time"

	"dip/config"
)

// Usage is what Lambda ran of an account and of a stack.
type Usage struct {
	Hours []Hour // in order; those without any call may be missing
	// Throttled counts the calls of a segment's function that Lambda refused, by segment; none has no entry.
	Throttled map[string]int
}

// Hour is how many functions ran at once in an hour, at most.
type Hour struct {
	At      time.Time `json:"hour"`    // its beginning
	Account int       `json:"account"` // all of the account
	// Own is the sum of the maxima of the stack's functions: they may have been at different moments, so that the stack
	// had no more than that at any.
	Own int `json:"own"`
}

// Others is how many functions ran that are not the stack's, at least, when the most of the account did.
func (h Hour) Others() int { return max(0, h.Account-h.Own) }

// Peak is the hour in which other functions took most, the first of several; nil without any hour.
func (u Usage) Peak() *Hour {
	var peak *Hour
	for i, h := range u.Hours {
		if peak == nil || h.Others() > peak.Others() {
			peak = &u.Hours[i]
		}
	}
	return peak
}

// Most is how many functions of the account ran at once, at most.
func (u Usage) Most() (most int) {
	for _, h := range u.Hours {
		most = max(most, h.Account)
	}
	return most
}

// Room is how many functions of segments with files run at once at most: what the account allows, less what other
// programs' functions and the stack's own without a segment take, but not less than the segments reserve.
func (m Model) Room(s *config.Stack) int {
	room, reserved := max(1, m.Quota-systemFunctions), 0
	for _, name := range s.FileNames() {
		reserved += s.Segments[name].ReservedConcurrency
	}
	return min(room, max(1, room-m.Others, reserved))
}
