package tableschema

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // for hosts without zone files
)

func TestZoneNames(t *testing.T) {
	f := one(t, `"type":"datetime","format":"any","timezone":"UTC"`)
	noon := micros(t, "2024-07-01T12:00:00")
	forms := []string{"Mon, 01 Jul 2024 12:00:00 %", "Monday, 01-Jul-24 12:00:00 %", "Mon Jul  1 12:00:00 % 2024"}
	for name, hours := range map[string]int64{
		"UT": 0, "GMT": 0, "UTC": 0, "Z": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8,
		"PDT": -7,
		"pdt": -7, "Est": -5, "z": 0,
	} {
		for _, form := range forms {
			text := strings.ReplaceAll(form, "%", name)
			if v, err := f.Cast([]byte(text)); err != nil || v.Int != noon-hours*3600*1e6 {
				t.Errorf("%q = %s, %v", text, time.UnixMicro(v.Int).UTC(), err)
			}
		}
	}
	for _, name := range []string{"CEST", "CET", "IST", "BST", "JST", "AEST", "WET", "MSK", "HST", "AKST", "NZDT", "A",
		"M", "Y", "a", "GMT+2", "UTC+1", "GMT-0300", "UTCX",
		"+0200 CEST", "+0200 (CEST)",
		"-0500 EST", "EST5EDT", "America/New_York", "E ST", "+03", "\u00c9ST"} {
		for _, form := range forms {
			text := strings.ReplaceAll(form, "%", name)
			if v, err := f.Cast([]byte(text)); err == nil {
				t.Errorf("%q = %s", text, time.UnixMicro(v.Int).UTC())
			}
		}
	}
	for text, want := range map[string]string{
		"Mon, 01 Jul 2024 12:00:00 -0500": "2024-07-01T17:00:00",
		"Mon Jul  1 12:00:00 2024":        "2024-07-01T12:00:00",
		"20240701T120000-0500":            "2024-07-01T17:00:00",
		"Fri, 31 Dec 1999 23:30:00.5 PST": "2000-01-01T07:30:00.5",
	} {
		if v, err := f.Cast([]byte(text)); err != nil || v.Int != micros(t, want) {
			t.Errorf("%q = %s, %v", text, time.UnixMicro(v.Int).UTC(), err)
		}
	}
	local := one(t, `"type":"datetime","format":"any"`)
	if v, err := local.Cast([]byte("Mon, 01 Jul 2024 12:00:00 EDT")); err != nil || v.Int != noon+4*3600*1e6 {
		t.Errorf("a local datetime of a zone is %s, %v", time.UnixMicro(v.Int).UTC(), err)
	}
}

func TestZonesOfPatterns(t *testing.T) {
	noon := micros(t, "2024-07-01T12:00:00")
	for format, table := range map[string]map[string]int64{
		"%F %T %Z": {"UTC": 0, "gmt": 0, "UT": 0, "EST": -5, "pdt": -7, "Z": 0,
			"CEST": 99, "IST": 99, "A": 99, "": 99, "GMT+2": 99, "UTCX": 99},
		"%F %T %z":    {"+0200": 2, "-05:00": -5, "Z": 0, "+02": 2, "EST": 99, "+0200 CEST": 99},
		"%F %T %z %Z": {"-0500 EST": -5, "+0000 GMT": 0, "+0200 CEST": 99, "+0200 EST": 99, "-0400 EST": 99},
	} {
		f := one(t, `"type":"datetime","format":"`+format+`"`)
		for zone, hours := range table {
			v, err := f.Cast([]byte("2024-07-01 12:00:00 " + zone))
			if hours == 99 && err == nil || hours != 99 && (err != nil || v.Int != noon-hours*3600*1e6) {
				t.Errorf("%s: %q = %s, %v", format, zone, time.UnixMicro(v.Int).UTC(), err)
			}
		}
	}
	for _, format := range []string{"%H:%M %z", "%H:%M %Z"} {
		_, err := Parse([]byte(`{"fields":[{"name":"f","type":"time","format":"` + format + `"}]}`))
		if err == nil || !strings.Contains(err.Error(), "no offset") {
			t.Errorf("%s: %v", format, err)
		}
	}
}

// The values do not depend on the host's zone: all tests of the package run again in other zones.
func TestZoneOfTheHost(t *testing.T) {
	const inside = "DIP_TEST_ZONE"
	if zone := os.Getenv(inside); zone != "" {
		_, offset := time.Date(2024, 7, 1, 0, 0, 0, 0, time.Local).Zone()
		if want := map[string]int{"UTC": 0, "America/New_York": -4 * 3600, "Asia/Kolkata": 19800}[zone]; offset != want {
			t.Fatalf("the host is %d s east, want %d in %s", offset, want, zone)
		}
		return
	}
	for _, zone := range []string{"UTC", "America/New_York", "Asia/Kolkata"} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=Test", "-test.count=1")
		cmd.Env = append(os.Environ(), "TZ="+zone, inside+"="+zone)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("TZ=%s: %v\n%s", zone, err, out)
		}
	}
}
