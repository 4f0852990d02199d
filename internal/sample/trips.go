package sample

import (
	"io"
	"strconv"
)

const tripsHeader = "vendor_id,pickup_at,dropoff_at,passenger_count,trip_distance,rate_code,store_and_forward," +
	"pickup_zone,dropoff_zone,payment_type,fare,tip,tolls,total,note\n"

// badTrip is a way in which a trip violates its schema.
type badTrip int

const (
	goodTrip       badTrip = iota
	wrongType              // a word where a number belongs
	missingField           // one field too few
	extraField             // one field too many
	brokenText             // bytes that are not UTF-8
	strayQuotes            // quotes inside quotes that are not doubled
	impossibleTime         // a day that does not exist
	emptyRequired          // no value where one is required
	unknownCode            // a value that the schema's enum lacks
	badTripKinds           // their number, with goodTrip
)

// Notes of trips. The quoted ones are parts of a quoted field: their quotes are doubled already.
var (
	plainNotes  = []string{"airport run", "no receipt wanted", "two child seats", "paid by voucher", "gare centrale"}
	quotedNotes = []string{
		`left a bag on the back seat`, `driver said ""cash only""`, `two stops, then the airport`,
		`café ""Zoë"", third floor`, `please wait at gate 4`, `1,2026-01-01 00:00:00,3`, `""""`, `料金は現金で`,
		`charged twice, see ""claim 17""`, `route changed: bridge closed, tunnel full, ferry late`,
	}
	noteJoints = []string{", ", ",", "\n", ".\n", "\r\n", "\n\n", `, ""and"" `}
)

// Trips writes CSV with a header that fits schemas/trips.json: RFC 4180 with commas, double quotes and line feeds. The
// notes of about 15 % of the rows are quoted and hold commas, doubled quotes or line breaks; most others are empty. A
// day holds about 500,000 rows, 50 MB. The errors are those of o and of w.
func Trips(w io.Writer, o Options) (Stats, error) {
	if err := o.validate(); err != nil {
		return Stats{}, err
	}
	c := newChance(o.Seed, 1)
	clock := newClock(o.Start)
	t := trips{chance: c, clock: clock}
	t.pickups.midnight, t.dropoffs.midnight = clock.midnight, clock.midnight
	return write(w, o, c, tripsHeader, t.append)
}

type trips struct {
	*chance
	clock             clock
	pickups, dropoffs calendar
}

func (t *trips) append(b []byte, isBad bool) []byte {
	bad := goodTrip
	if isBad {
		bad = badTrip(t.between(1, int64(badTripKinds)-1))
	}
	hundredths := t.between(30, 900) // of a mile
	if t.percent(12) {
		hundredths *= 4
	}
	seconds := 60 + hundredths*t.between(2, 5)

	if bad == wrongType {
		b = append(b, "two"...)
	} else {
		b = append(b, pick(t.chance, []byte{'1', '2', '6'}))
	}
	b = t.pickups.append(append(b, ','), t.clock.now, ' ')
	if bad == impossibleTime {
		b = append(b, ",2026-02-30 10:00:00,"...)
	} else {
		b = append(t.dropoffs.append(append(b, ','), t.clock.now+seconds, ' '), ',')
	}
	if !t.percent(4) {
		b = append(b, byte('0'+t.between(1, 6)))
	}
	b = append(appendHundredths(append(b, ','), hundredths), ',')
	if !t.percent(4) {
		b = append(b, byte('0'+t.between(1, 6)))
	}
	if b = append(b, ',', 'N', ','); t.percent(2) {
		b[len(b)-2] = 'Y'
	}
	b = append(strconv.AppendInt(b, t.between(1, 265), 10), ',')
	b = append(strconv.AppendInt(b, t.between(1, 265), 10), ',')
	if bad == unknownCode {
		b = append(b, '9')
	} else {
		b = append(b, byte('0'+t.between(1, 5)))
	}
	b = t.appendAmounts(append(b, ','), hundredths, bad)
	if bad != missingField {
		b = t.appendNote(append(b, ','), bad)
	}
	if bad == extraField {
		b = append(b, ",0"...)
	}
	if t.below(6) == 0 {
		t.clock.now++
	}
	return append(b, '\n')
}

// appendAmounts appends fare, tip, tolls and total; the total is the sum of the others.
func (t *trips) appendAmounts(b []byte, hundredths int64, bad badTrip) []byte {
	fare := 300 + hundredths*t.between(200, 350)/100
	var tip, tolls int64
	if t.percent(60) {
		tip = fare * t.between(5, 30) / 100
	}
	if t.percent(6) {
		tolls = 694
	}
	b = append(appendHundredths(b, fare), ',')
	b = append(appendHundredths(b, tip), ',')
	b = append(appendHundredths(b, tolls), ',')
	if bad == emptyRequired {
		return b
	}
	return appendHundredths(b, fare+tip+tolls)
}

func (t *trips) appendNote(b []byte, bad badTrip) []byte {
	switch bad {
	case brokenText:
		return append(b, "caf\xe9 \xff\xfe"...)
	case strayQuotes:
		return append(b, `"dropped at "Gate 4" as asked"`...)
	}
	switch kind := t.below(100); {
	case kind < 15:
		b = append(append(b, '"'), pick(t.chance, quotedNotes)...)
		for range t.between(1, 3) {
			b = append(append(b, pick(t.chance, noteJoints)...), pick(t.chance, quotedNotes)...)
		}
		return append(b, '"')
	case kind < 20:
		return append(b, pick(t.chance, plainNotes)...)
	default:
		return b
	}
}

// appendHundredths renders n/100 with two decimals.
func appendHundredths(b []byte, n int64) []byte {
	return appendTwo(append(strconv.AppendInt(b, n/100, 10), '.'), n%100)
}
