package sample

import (
	"fmt"
	"io"
	"strconv"
)

// badReading is a way in which a reading violates its schema. Each is a JSON object: a gateway takes it.
type badReading int

const (
	goodReading     badReading = iota
	wordForValue               // a string where a number belongs
	valueTooLarge              // beyond the schema's maximum
	foreignUnit                // a value that the schema's enum lacks
	noSensor                   // no value where one is required
	dayThatIsNot               // a day that does not exist
	badReadingKinds            // their number, with goodReading
)

// quantity is what sensors measure, with its range in hundredths of a unit.
type quantity struct {
	name, unit string
	low, high  int64
}

var (
	quantities = []quantity{
		{"temperature", "C", -2000, 4500}, {"humidity", "%", 500, 10_000}, {"pressure", "hPa", 95_000, 105_000},
		{"power", "W", 0, 350_000},
	}
	sites     = []string{"hall", "roof", "cellar", "dock", "garden", "lab"}
	firmwares = []string{"2.4.1", "2.4.2", "3.0.0"}
)

// remembered is the number of readings from which repeats are chosen. One reading of repeatOf is one: a batch with a
// repeat is processed twice, so that many would hide what the lane costs.
const (
	remembered = 1024
	repeatOf   = 10_000
)

// Readings writes one JSON object per line that fits schemas/readings.json, some 190 bytes each: measurements of
// sensors, a hundred a second. The member id, which the schema does not have, is the record's. One reading of 10,000
// is a repeat: the same bytes as one of the 1,024 before. The errors are those of o and of w.
func Readings(w io.Writer, o Options) (Stats, error) {
	if err := o.validate(); err != nil {
		return Stats{}, err
	}
	clock := newClock(o.Start)
	r := readings{chance: newChance(o.Seed, 3), clock: clock, prefix: fmt.Sprintf(`{"id":"%x-`, o.Seed)}
	r.days.midnight = clock.midnight
	s, err := write(w, o, r.chance, "", r.append)
	s.Repeated = r.repeated
	return s, err
}

type readings struct {
	*chance
	clock    clock
	days     calendar
	prefix   string // of each line
	rows     int64  // so far, without repeats
	last     [remembered][]byte
	repeated int64
}

func (r *readings) append(b []byte, isBad bool) []byte {
	bad := goodReading
	if isBad {
		bad = badReading(r.between(1, int64(badReadingKinds)-1))
	}
	if again := r.last[r.below(remembered)]; r.below(repeatOf) == 0 && !isBad && again != nil {
		r.repeated++
		return append(b, again...)
	}
	start := len(b)
	b = r.appendReading(b, bad)
	if !isBad {
		at := r.rows % remembered
		r.last[at] = append(r.last[at][:0], b[start:]...)
	}
	if r.rows++; r.rows%100 == 0 {
		r.clock.now++
	}
	return b
}

func (r *readings) appendReading(b []byte, bad badReading) []byte {
	site, q := pick(r.chance, sites), pick(r.chance, quantities)
	b = append(strconv.AppendInt(append(b, r.prefix...), r.rows, 10), '"')
	if bad != noSensor {
		b = append(append(append(b, `,"sensor":"`...), site...), '-')
		number := r.between(0, 999)
		b = append(appendTwo(appendTwo(b, number/100), number%100), '"')
	}
	b = append(append(append(b, `,"site":"`...), site...), `","quantity":"`...)
	b = append(append(b, q.name...), `","value":`...)
	switch value := r.between(q.low, q.high); bad {
	case wordForValue:
		b = append(b, `"offline"`...)
	case valueTooLarge:
		b = append(b, "1e9"...)
	default:
		if value < 0 {
			b, value = append(b, '-'), -value
		}
		b = appendTwo(append(strconv.AppendInt(b, value/100, 10), '.'), value%100)
	}
	b = append(b, `,"unit":"`...)
	if bad == foreignUnit {
		b = append(b, "kelvin"...)
	} else {
		b = append(b, q.unit...)
	}
	b = appendTwo(append(b, `","device":{"battery":0.`...), r.between(5, 99))
	b = append(append(append(b, `,"firmware":"`...), pick(r.chance, firmwares)...), `"},"measured_at":"`...)
	if bad == dayThatIsNot {
		b = append(b, "2026-02-30T10:00:00"...)
	} else {
		b = r.days.append(b, r.clock.now, 'T')
	}
	return append(b, `Z"}`+"\n"...)
}
