package tableschema

import (
	"strings"
	"time"
)

// Layouts of format "any" in addition to the default form.
var (
	anyDates     = []string{"2006/01/02", "20060102", "2 Jan 2006", "2 January 2006", "Jan 2, 2006", "January 2, 2006"}
	anyTimes     = []string{"3:04:05 PM", "3:04 PM", "15:04:05.999999999"}
	anyDatetimes = func() []string {
		layouts := []string{time.DateOnly, time.RFC1123Z, time.ANSIC, "20060102T150405Z0700", "20060102T150405"}
		layouts = append(layouts, anyDates...)
		for _, d := range anyDates {
			layouts = append(layouts, d+" 15:04:05", d+"T15:04:05", d+" 15:04")
		}
		return layouts
	}()
	// namedDatetimes have a zone's name, which package time would look up in the zone of the host.
	namedDatetimes = []string{time.RFC1123, time.RFC850, time.UnixDate}
)

// zones are the zone names that have one meaning: those that RFC 822 defines, and UTC. Of its military letters only Z
// is left: RFC 822 gave the others the wrong sign, and RFC 2822 has readers take them as unknown. CET, IST and others
// are defined nowhere, and some of them mean several zones.
var zones = map[string]int64{
	"Z": 0, "UT": 0, "UTC": 0, "GMT": 0,
	"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}

// zoneOffset is the offset of a zone's name, in any case, as seconds east of UTC.
func zoneOffset(name []byte) (seconds int64, ok bool) {
	hours, ok := zones[strings.ToUpper(string(name))]
	return hours * 3600, ok
}

func parseAny(text []byte, t Type) (int64, bool) {
	layouts := anyDates
	switch t {
	case Time:
		layouts = anyTimes
	case Datetime:
		layouts = anyDatetimes
	}
	for _, layout := range layouts {
		at, err := time.ParseInLocation(layout, string(text), time.UTC)
		if err != nil {
			continue
		}
		switch t {
		case Date:
			return at.Unix() / secondsPerDay, at.Unix()%secondsPerDay == 0
		case Time:
			return int64(at.Hour()*3600+at.Minute()*60+at.Second())*microsPerSecond + int64(at.Nanosecond()/1000), true
		}
		return at.UnixMicro(), true
	}
	if t != Datetime {
		return 0, false
	}
	for _, layout := range namedDatetimes {
		if micros, ok := parseNamed(text, layout); ok {
			return micros, true
		}
	}
	return 0, false
}

// parseNamed reads a datetime in a layout whose zone is a name.
func parseNamed(text []byte, layout string) (micros int64, ok bool) {
	before, after, _ := strings.Cut(layout, " MST") // after: nothing, or the year
	end := len(text) - len(after)
	if end < 0 {
		return 0, false
	}
	head := string(text[:end])
	at := strings.LastIndexByte(head, ' ')
	if at < 0 {
		return 0, false
	}
	offset, ok := zoneOffset([]byte(head[at+1:]))
	if !ok {
		return 0, false
	}
	local, err := time.ParseInLocation(before+after, head[:at]+string(text[end:]), time.UTC)
	if err != nil {
		return 0, false
	}
	return local.UnixMicro() - offset*microsPerSecond, true
}
