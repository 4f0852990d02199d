package terminal

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Bytes formats a number of bytes with a decimal unit: "999 B", "1.2 MB", "300.0 MB".
func Bytes(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v := float64(n)
	for _, unit := range []string{"kB", "MB", "GB", "TB", "PB"} {
		v /= 1000
		if v < 999.95 {
			return fmt.Sprintf("%.1f %s", v, unit)
		}
	}
	return fmt.Sprintf("%.1f EB", v/1000)
}

// Count formats a number with thousands separators: "1,234,567".
func Count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// Duration formats a duration with its significant units: "0.4s", "12.3s", "3m05s", "2h04m", "3d02h".
func Duration(d time.Duration) string {
	switch s := int64(math.Round(d.Seconds())); {
	case d < 0:
		return "-" + Duration(-d)
	case d < 59950*time.Millisecond:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 24*3600:
		return fmt.Sprintf("%dh%02dm", s/3600, s%3600/60)
	default:
		return fmt.Sprintf("%dd%02dh", s/86400, s%86400/3600)
	}
}

// Rate formats bytes per second in MB/s, without the unit: "24.1", "0.05".
func Rate(bytesPerSecond float64) string {
	mb := bytesPerSecond / 1e6
	if mb < 1 {
		return fmt.Sprintf("%.2f", mb)
	}
	return fmt.Sprintf("%.1f", mb)
}

// units of ParseBytes, longest suffix first.
var units = []struct {
	suffix string
	factor float64
}{
	{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"tib", 1 << 40},
	{"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"tb", 1e12}, {"b", 1}, {"", 1},
}

// ParseBytes reads a size such as "300MB", "64 MiB", "1.5GB" or "4096".
func ParseBytes(text string) (int64, error) {
	s := strings.ToLower(strings.TrimSpace(text))
	for _, u := range units {
		number, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(v >= 0) || v*u.factor >= math.MaxInt64 {
			break
		}
		return int64(v * u.factor), nil
	}
	return 0, fmt.Errorf("size %q: want a number with an optional unit, such as 300MB, 64MiB or 1.5GB", text)
}
