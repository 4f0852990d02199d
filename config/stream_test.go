package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dip/contract"
)

// byStream adds settings to a segment whose records arrive by stream.
func byStream(more string) string {
	if more != "" {
		more = ", " + more
	}
	return `"arrival": "stream", "encoding": "ndjson"` + more
}

func TestStreamDefaults(t *testing.T) {
	for _, e := range Environments {
		s, err := parse(t, stack(string(e), "", byStream("")))
		if err != nil {
			t.Errorf("%s: %v", e, err)
			continue
		}
		g := s.Segments["trips"]
		if g.Stream.Protect == e.Disposable() || g.Stream.Mode.API() != pick(e, "PROVISIONED", "PROVISIONED", "ON_DEMAND",
			"ON_DEMAND") {
			t.Errorf("%s: %+v", e, g.Stream)
		}
		if e == Prod && g.Stream.Retention < hours(168) {
			t.Errorf("prod keeps records for %s", g.Stream.Retention)
		}
		if g.EphemeralMB != minEphemeralMB {
			t.Errorf("%s: a batch of 6 MB is spooled to %d MiB", e, g.EphemeralMB)
		}
		if !slices.Equal(s.StreamNames(), []string{"trips"}) || len(s.FileNames()) > 0 {
			t.Errorf("%s: %q by stream, %q as files", e, s.StreamNames(), s.FileNames())
		}
	}
}

// Settings reach the catalog, and a segment of files has no stream there.
func TestCatalogOfAStream(t *testing.T) {
	s, err := parse(t, stack("prod", "", `"arrival": "stream", "stream": {"interval": "2m", "grace": "30s", "due": "10m",
		"lookBack": "0s"}`))
	if err != nil {
		t.Fatal(err)
	}
	got := s.Catalog("trips")
	if want := (contract.Stream{IntervalSeconds: 120, GraceSeconds: 30, DueSeconds: 600}); *got.Stream != want {
		t.Errorf("got %+v, want %+v", *got.Stream, want)
	}
	if got.Dialect.Header {
		t.Error("the records of a stream have a header")
	}
	if s, err = parse(t, stack("prod", "", "")); err != nil || s.Catalog("trips").Stream != nil {
		t.Errorf("a segment of files has a stream in the catalog: %v", err)
	}
}

var streamRules = []struct{ name, environment, members, trips, want string }{
	{"unknown arrival", "dev", ``, `"arrival": "kafka", "stream": {"shards": 3}`,
		`segments.trips.arrival: "kafka": want one of files, stream`},
	{"stream of files", "dev", ``, `"stream": {"shards": 3}`,
		`segments.trips.stream.shards: applies only to records that arrive by stream: remove it, or set ` +
			`segments.trips.arrival: stream`},
	{"empty stream of files", "dev", ``, `"stream": {}`, `segments.trips.stream: applies only to records`},
	{"batches of a stream", "dev", ``, byStream(`"batchSize": 3`),
		`segments.trips.batchSize: applies only to records that arrive by files: remove it, or set ` +
			`segments.trips.arrival: files`},
	{"header of a stream", "dev", ``, `"arrival": "stream", "header": true`,
		`segments.trips.header: applies only to records that arrive by files`},
	{"lane of a stream", "dev", ``, byStream(`"lane": "workers"`), `segments.trips.lane: applies only to`},
	{"unknown setting", "dev", ``, byStream(`"stream": {"shard": 3}`),
		`segments.trips.stream.shard: unknown; did you mean shards?`},
	{"mode", "dev", ``, byStream(`"stream": {"mode": "onDemand"}`),
		`segments.trips.stream.mode: "onDemand": want one of on-demand, provisioned`},
	{"factor", "dev", ``, byStream(`"stream": {"parallelization": 11}`),
		`segments.trips.stream.parallelization: 11: want 1 to 10`},
	{"retries without end", "dev", ``, byStream(`"stream": {"maxRetries": -1}`),
		`segments.trips.stream.maxRetries: -1: want 1 to 10000`},
	{"age without end", "dev", ``, byStream(`"stream": {"maxRecordAge": "0s"}`),
		`segments.trips.stream.maxRecordAge: 0s: want 1m to 168h`},
	{"age above the retention", "dev", ``, byStream(`"stream": {"maxRecordAge": "25h"}`),
		`segments.trips.stream.maxRecordAge: 25h: want at most segments.trips.stream.retention, 24h: the stream has nothing ` +
			`older`},
	{"retention", "dev", ``, byStream(`"stream": {"retention": "23h"}`),
		`segments.trips.stream.retention: 23h: want 24h to 8760h`},
	{"retention in parts of hours", "dev", ``, byStream(`"stream": {"retention": "24h30m"}`),
		`segments.trips.stream.retention: 24h30m: want whole hours`},
	{"key", "dev", ``, byStream(`"stream": {"kmsKey": "alias/mine"}`),
		`segments.trips.stream.kmsKey: "alias/mine" is not the ARN of a KMS key`},
	{"interval", "dev", ``, byStream(`"stream": {"interval": "59s"}`),
		`segments.trips.stream.interval: 59s: want at least 1m: the closer runs every minute`},
	{"long interval", "dev", ``, byStream(`"stream": {"interval": "61m"}`),
		`segments.trips.stream.interval: 1h1m: want 1s to 1h`},
	{"grace within the difference of clocks", "dev", ``, byStream(`"stream": {"grace": "14s"}`),
		`segments.trips.stream.grace: 14s: want at least 15s, segments.trips.stream.batchingWindow and 5s for the ` +
			`difference of clocks: `},
	{"always overdue", "dev", ``, byStream(`"stream": {"due": "179s"}`),
		`segments.trips.stream.due: 2m59s: want at least 3m, segments.trips.stream.grace and two runs of the closer: `},
	{"reserved below the batches", "dev", ``, byStream(`"reservedConcurrency": 5, "stream": {"shards": 3}`),
		`segments.trips.reservedConcurrency: 5 is below 6 batches at once (segments.trips.stream.shards x ` +
			`parallelization): the stream would wait for functions`},
	{"charset of a stream", "dev", ``, `"arrival": "stream", "encoding": {"charset": "windows-1252"}`,
		`segments.trips.encoding.charset: windows-1252: the records of a stream are utf-8`},
	{"log retention of the closer", "dev", `"functions": {"closer": {"logRetentionDays": 10}}`, ``,
		`functions.closer.logRetentionDays: 10: CloudWatch keeps logs for one of`},
	{"package of the witness", "dev", ``, `"package": "lambdas/witness"`,
		`segments.trips.package: "lambdas/witness" is reserved; choose another`},
}

func TestStreamRules(t *testing.T) {
	for _, c := range streamRules {
		t.Run(c.name, func(t *testing.T) {
			_, err := parse(t, stack(c.environment, c.members, c.trips))
			if err == nil {
				t.Fatal("accepted")
			}
			if got := err.Error(); !strings.HasPrefix(got, c.want) || strings.Contains(got, "\n") {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// On this machine, intervals of seconds are closed at once, by one clock.
func TestShortIntervalsOnThisMachine(t *testing.T) {
	const short = `"stream": {"interval": "2s", "grace": "2s", "due": "2m2s"}`
	if _, err := parse(t, stack("local", "", byStream(short))); err != nil {
		t.Error(err)
	}
	for setting, text := range map[string]string{"grace": `"grace": "1s"`, "due": `"due": "2m1s", "grace": "2s"`} {
		_, err := parse(t, stack("local", "", byStream(fmt.Sprintf(`"stream": {%s}`, text))))
		if err == nil || !strings.HasPrefix(err.Error(), "segments.trips.stream."+setting+": ") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// What only queues need is not asked of a stream.
func TestAStreamHasNoQueue(t *testing.T) {
	s, err := parse(t, stack("dev", `"queues": {"retention": "24h", "maxAge": "1h"}`, byStream(`"timeout": "15m"`)))
	if err != nil {
		t.Fatal(err)
	}
	if s.Loads.DueAfter != minutes(15) {
		t.Errorf("chunks are due after %s", s.Loads.DueAfter)
	}
}

// A shard costs by the hour, an on-demand stream as a whole.
func TestStreamHour(t *testing.T) {
	p := Prices{KinesisStreamHour: 1000, KinesisShardHour: 100, KinesisRetentionShardHour: 10, KinesisFanOutShardHour: 1}
	for want, s := range map[float64]Stream{
		200:  {Mode: StreamProvisioned, Shards: 2, Retention: hours(24)},
		110:  {Mode: StreamProvisioned, Shards: 1, Retention: hours(25)},
		202:  {Mode: StreamProvisioned, Shards: 2, Retention: hours(24), FanOut: true},
		1000: {Mode: StreamOnDemand, Shards: 9, Retention: hours(168), FanOut: true},
	} {
		if got := p.StreamHour(s); got != want {
			t.Errorf("%+v: %v, want %v", s, got, want)
		}
	}
}
