package send

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestGatewayURLs(t *testing.T) {
	for text, want := range map[string]string{
		"https://g.example":       "https://g.example/v1/segments/readings/records?id=a+b",
		"http://127.0.0.1:80/x/":  "http://127.0.0.1:80/x/v1/segments/readings/records?id=a+b",
		"https://u:p@g.example":   "",
		"https://g.example?token": "",
		"https://g.example#x":     "",
		"ftp://g.example":         "",
		"g.example":               "",
		"":                        "",
	} {
		got, err := (&Sender{Gateway: text, Segment: "readings", Member: "a b"}).target()
		if got != want || (err == nil) != (want != "") || err != nil && strings.Contains(err.Error(), "u:p") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func TestPauses(t *testing.T) {
	for _, c := range []struct {
		attempt int
		asked   time.Duration
		chance  float64
		want    time.Duration
	}{
		{0, 0, 0, 100 * time.Millisecond},
		{0, 0, 0.999999, 200 * time.Millisecond},
		{1, 0, 0, 200 * time.Millisecond},
		{3, 0, 0.5, 1200 * time.Millisecond},
		{8, 0, 0, 15 * time.Second},
		{1000, 0, 0, 15 * time.Second},
		{0, time.Second, 0, time.Second},
		{0, time.Second, 0.5, 1050 * time.Millisecond},
		{8, time.Second, 0, 15 * time.Second},
	} {
		if got := pause(c.attempt, c.asked, c.chance); (got - c.want).Abs() > time.Millisecond {
			t.Errorf("attempt %d, asked for %s, chance %g: %s, want %s", c.attempt, c.asked, c.chance, got, c.want)
		}
	}
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "3": 3 * time.Second, " 3 ": 3 * time.Second, "-1": 0, "soon": 0, "100000": maxRetryAfter,
		"Sat, 31 Jan 2026 12:00:10 GMT": 10 * time.Second, "Sat, 31 Jan 2026 11:00:00 GMT": 0,
		"Sat, 31 Jan 2027 12:00:00 GMT": maxRetryAfter,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("Retry-After %q: %s, want %s", text, got, want)
		}
	}
}

func TestJudgements(t *testing.T) {
	const read, again, fatal = 1, 2, 4
	for _, c := range []struct {
		status int
		body   string
		want   int
	}{
		{200, `{"records":2,"accepted":2}`, read},
		{207, `{"records":2,"accepted":1,"results":[{"index":0,"status":400,"reason":"x"}]}`, read},
		{207, `{"records":2,"accepted":1,"results":[{"index":0,"status":429,"reason":"x"}]}`, read | again},
		{200, `<html>please log in</html>`, again},
		{200, `{"records":3,"accepted":3}`, again}, // of somebody else
		{400, `{"status":400,"results":[{"index":0,"status":400},{"index":1,"status":413}]}`, read | again},
		{400, `{"status":400,"detail":"no records"}`, fatal},
		{401, `{}`, fatal}, {403, ``, fatal}, {404, `nothing`, fatal}, {409, `{}`, fatal}, {302, ``, fatal},
		{429, `{}`, again}, {503, `{}`, again}, {500, ``, again}, {504, `gateway timeout`, again}, {408, ``, again},
	} {
		a := judge(c.status, http.Header{}, []byte(c.body), 2, time.Time{})
		got := 0
		if a.read {
			got |= read
		}
		if a.again != nil {
			got |= again
		}
		if a.fatal != nil {
			got |= fatal
		}
		if got != c.want {
			t.Errorf("%d %s: %+v", c.status, c.body, a)
		}
	}
}
