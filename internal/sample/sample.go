// Package sample generates inputs of any size: CSV like a city's taxi trips, NDJSON like the events of a code host and
// like the measurements of sensors.
//
// The bytes depend only on the Options, on every platform: all arithmetic is on integers, and random numbers come from
// a PCG generator. The rows fit schemas/trips.json, events.json and readings.json, except for the share made bad on
// purpose. Each bad row ends at its own line feed, so its neighbours stay intact.
package sample

import (
	"errors"
	"fmt"
	"io"
	"math/bits"
	"math/rand/v2"
	"time"
)

// Options set how much to write, and of what kind.
type Options struct {
	Bytes    int64     // stop after the row that reaches this size, header included; 0 is no limit
	Rows     int64     // stop after this many rows; 0 is no limit. Bytes or Rows is required; the first limit met applies
	Seed     uint64    // seed of the random rows
	BadShare float64   // share of rows made bad, 0 to 1: each row is bad with this probability
	Start    time.Time // time of the first row, in whole seconds of UTC; zero means 2026-01-01T00:00:00Z
}

// Stats count what was written.
type Stats struct {
	Rows  int64 // without the header; bad rows included
	Bad   int64 // rows that violate the schema
	Bytes int64
	// Repeated rows have the bytes of an earlier one. Readings alone have them.
	Repeated int64
}

// lastYear keeps a four-digit year in every row, however many rows follow the start.
const lastYear = 9000

func (o Options) validate() error {
	var errs []error
	if o.Bytes < 0 || o.Rows < 0 {
		errs = append(errs, fmt.Errorf("bytes %d, rows %d: must not be negative", o.Bytes, o.Rows))
	}
	if o.Bytes == 0 && o.Rows == 0 {
		errs = append(errs, errors.New("bytes, rows: want a limit for at least one"))
	}
	if !(o.BadShare >= 0 && o.BadShare <= 1) { // the negation catches NaN too
		errs = append(errs, fmt.Errorf("bad share %v: want 0 to 1", o.BadShare))
	}
	if year := o.Start.UTC().Year(); year < 1 || year > lastYear {
		errs = append(errs, fmt.Errorf("start %v: want a year from 1 to %d", o.Start, lastYear))
	}
	return errors.Join(errs...)
}

// flushAt is the buffered size in bytes at which rows are written out.
const flushAt = 256 << 10

// write fills w with a header and rows until a limit of o is met. row appends one row.
func write(w io.Writer, o Options, c *chance, header string, row func(b []byte, bad bool) []byte) (Stats, error) {
	var s Stats
	// A power of two scales exactly, so the threshold is the same on every platform.
	threshold := uint64(o.BadShare * (1 << 32))
	b := append(make([]byte, 0, flushAt+64<<10), header...)
	for full := false; !full; {
		bad := c.below(1<<32) < threshold
		b = row(b, bad)
		s.Rows++
		if bad {
			s.Bad++
		}
		size := s.Bytes + int64(len(b))
		full = o.Bytes > 0 && size >= o.Bytes || o.Rows > 0 && s.Rows >= o.Rows
		if !full && len(b) < flushAt {
			continue
		}
		if _, err := w.Write(b); err != nil {
			return s, fmt.Errorf("write sample rows after %d bytes: %w", s.Bytes, err)
		}
		s.Bytes, b = size, b[:0]
	}
	return s, nil
}

// chance draws from a reproducible sequence of random numbers.
type chance struct{ pcg *rand.PCG }

// newChance starts the sequence of a seed; stream separates two kinds of data with the same seed.
func newChance(seed, stream uint64) *chance { return &chance{rand.NewPCG(seed, stream)} }

// below is a number in [0, n).
func (c *chance) below(n uint64) uint64 {
	high, _ := bits.Mul64(c.pcg.Uint64(), n)
	return high
}

// between is a number in [low, high].
func (c *chance) between(low, high int64) int64 { return low + int64(c.below(uint64(high-low)+1)) }

// percent is true in n of 100 draws.
func (c *chance) percent(n uint64) bool { return c.below(100) < n }

func pick[T any](c *chance, of []T) T { return of[c.below(uint64(len(of)))] }

// clock is a time that only moves forward, in seconds since the midnight before the start.
type clock struct {
	midnight time.Time
	now      int64
}

func newClock(start time.Time) clock {
	if start.IsZero() {
		start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	midnight := start.UTC().Truncate(24 * time.Hour)
	return clock{midnight: midnight, now: int64(start.Sub(midnight) / time.Second)}
}

// calendar renders seconds since a midnight. It caches the last rendered day, since most rows share it.
type calendar struct {
	midnight time.Time
	day      int64
	date     []byte
}

const secondsPerDay = 24 * 60 * 60

// append renders at as a date, the separator and a time of day.
func (c *calendar) append(b []byte, at int64, separator byte) []byte {
	if day := at / secondsPerDay; c.date == nil || day != c.day {
		c.day, c.date = day, c.midnight.AddDate(0, 0, int(day)).AppendFormat(c.date[:0], time.DateOnly)
	}
	b = append(append(b, c.date...), separator)
	at %= secondsPerDay
	b = append(appendTwo(b, at/3600), ':')
	b = append(appendTwo(b, at/60%60), ':')
	return appendTwo(b, at%60)
}

// appendTwo renders a number below 100 with two digits.
func appendTwo(b []byte, n int64) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }
