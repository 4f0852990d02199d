package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"dip/contract"
)

var files = fstest.MapFS{
	"schemas/trips.json": {Data: []byte(`{"fields": [
		{"name": "id", "type": "integer"}, {"name": "at", "type": "datetime"}, {"name": "day", "type": "date"},
		{"name": "fare", "type": "number"}, {"name": "note", "type": "string"}]}`)},
	"schemas/broken.json": {Data: []byte(`{"fields": [{"name": "a", "type": "intger"}, {"name": "b", "constraints": ` +
		`{"minLength": -1}}]}`)},
	"schemas/dates.json": {Data: []byte(`{"fields": [{"name": "id"}, {"name": "made", "type": "date"}, {"name": ` +
		`"made_month"}, {"name": "Load_Date", "type": "date"}]}`)},
	"schemas/kinds.json": {Data: []byte(`{"fields": [{"name": "id"}, {"name": "load_date"}]}`)},
	"schemas/cases.json": {Data: []byte(`{"fields": [{"name": "id"}, {"name": "straße"}, {"name": "ID"}]}`)},
	"schemas/text.json":  {Data: []byte(`fields`)},
}

// parse reads a stack's object. A stack with a cluster gets what has no default: how whoever deploys reaches it, and,
// in prod, the digests of its images.
func parse(t *testing.T, text string) (*Stack, error) {
	t.Helper()
	return Parse([]byte(withAccess(text)), Options{Files: files})
}

func withAccess(text string) string {
	var all map[string]any
	if json.Unmarshal([]byte(text), &all) != nil {
		return text
	}
	e, _ := all["environment"].(string)
	cluster, ok := all["cluster"].(map[string]any)
	if !slices.Contains([]Environment{Dev, Staging, Prod}, Environment(e)) || !ok && all["cluster"] != nil {
		return text
	}
	if cluster == nil {
		cluster = map[string]any{}
		all["cluster"] = cluster
	}
	if cluster["publicCidrs"] == nil && cluster["privateAccess"] == nil {
		cluster["privateAccess"] = true
	}
	if e == string(Prod) && cluster["images"] == nil {
		named := map[string]string{}
		for _, name := range ImageNames() {
			named[name] = "registry.example/" + strings.ToLower(name) + "@sha256:" + strings.Repeat("0", 64)
		}
		cluster["images"] = named
	}
	data, err := json.Marshal(all)
	if err != nil {
		return text
	}
	return string(data)
}

// stack adds members to the minimum that a stack needs.
func stack(environment, members, trips string) string {
	if members != "" {
		members += ","
	}
	return fmt.Sprintf(`{"environment": %q, %s "segments": {"trips": {%s}}}`, environment, members, trips)
}

func TestDefaultsHoldInEveryEnvironment(t *testing.T) {
	for _, e := range Environments {
		s, err := parse(t, stack(string(e), "", ""))
		if err != nil {
			t.Errorf("%s: %v", e, err)
			continue
		}
		kept := e == Small || e == Staging || e == Prod
		if s.Landing.Protect != kept || s.Lake.Protect != kept || s.Ledger.DeletionProtection != kept {
			t.Errorf("%s: protection is %v, %v, %v; want %v", e, s.Landing.Protect, s.Lake.Protect, s.Ledger.DeletionProtection,
				kept)
		}
		if s.Ledger.PointInTimeRecovery != (e == Prod) {
			t.Errorf("%s: point-in-time recovery is %v", e, s.Ledger.PointInTimeRecovery)
		}
		if s.Landing.IntelligentTiering != (Tiering{}) {
			t.Errorf("%s: archive tiers are on", e)
		}
		if e != Local && s.Architecture != ARM64 {
			t.Errorf("%s: architecture is %s", e, s.Architecture)
		}
		trips := s.Segments["trips"]
		want := contract.Dialect{Encoding: contract.CSV, Delimiter: ",", Quote: `"`, Header: true}
		if trips.Dialect() != want || trips.Schema != "schemas/trips.json" || trips.Package != "lambdas/trips" {
			t.Errorf("%s: segment defaults are %+v", e, trips)
		}
	}
}

// A field that is the partition, and others that are not in the path.
func TestNamesBesidePartitions(t *testing.T) {
	for _, trips := range []string{
		`"partition": {"field": "made"}`, `"partition": {"field": "made", "by": "day"}`,
		`"partition": {"field": "Load_Date"}`,
		`"partition": {"field": "Load_Date", "by": "month"}`,
	} {
		if _, err := parse(t, stack("dev", "", `"schema": "schemas/dates.json", `+trips)); err != nil {
			t.Errorf("%s: %v", trips, err)
		}
	}
}

func TestNoQuoting(t *testing.T) {
	s, err := parse(t, stack("dev", "", `"delimiter": "\t", "quote": ""`))
	if err != nil {
		t.Fatal(err)
	}
	trips := s.Segments["trips"]
	if want := (contract.Dialect{Encoding: contract.CSV, Delimiter: "\t", Header: true}); trips.Dialect() != want ||
		!trips.Dialect().Lines() {
		t.Errorf("the dialect is %+v", trips.Dialect())
	}
}

func TestGivenSettingsWin(t *testing.T) {
	s, err := parse(t, stack("prod", `"landing": {"protect": false, "noncurrentDays": 3},
		"loads": {"dueAfter": "20m", "chunkMB": 64},
		"functions": {"sweeper": {"timeout": "2m"}}, "tags": {"team": "data"}`,
		`"header": false, "delimiter": ";", "memoryMB": 2048, "partition": {"field": "id"}`))
	if err != nil {
		t.Fatal(err)
	}
	if s.Landing.Protect || s.Landing.NoncurrentDays != 3 || s.Landing.AbortUploadDays != 7 {
		t.Errorf("landing is %+v", s.Landing)
	}
	if s.Functions.Sweeper.Timeout != minutes(2) || s.Functions.Sweeper.MemoryMB != 512 {
		t.Errorf("sweeper is %+v", s.Functions.Sweeper)
	}
	if s.Loads.DueAfter != minutes(20) || s.Tags["team"] != "data" {
		t.Errorf("loads are %+v, tags %v", s.Loads, s.Tags)
	}
	trips := s.Segments["trips"]
	if d := trips.Dialect(); d.Header || d.Delimiter != ";" || trips.MemoryMB != 2048 {
		t.Errorf("trips is %+v", trips)
	}
	entry := s.Catalog("trips")
	if entry.Partition != (contract.Partition{Field: "id", By: "value"}) {
		t.Errorf("partition is %+v", entry.Partition)
	}
	want := contract.Loads{ChunkBytes: 64 << 20, DueAfterSeconds: 1200, MaxAttempts: 5, MaxContentBytes: 5000 << 30,
		KeepSeconds: 864_000, MaxExpansion: 1100, MaxQuarantineBytes: 256 << 20, SkipSame: true}
	if entry.Loads != want {
		t.Errorf("loads are %+v, want %+v", entry.Loads, want)
	}
	if !json.Valid(entry.Schema) || strings.ContainsAny(string(entry.Schema), "\n\t") {
		t.Errorf("schema is not compact: %s", entry.Schema)
	}
}

// What a function or a worker spools is about as large as the content that it may take, and the quarantine.
func TestEphemeralStorage(t *testing.T) {
	for _, c := range []struct {
		environment, rest, trips string
		function                 int
	}{
		{"local", ``, ``, 512},
		{"prod", ``, ``, 0},
		{"prod", ``, `"timeout": "15m", "memoryMB": 3000`, 10240},
		{"prod", ``, `"ephemeralMB": 2000`, 2000},
		{"prod", `"loads": {"maxQuarantineMB": 1000}`, ``, 744},
	} {
		s, err := parse(t, stack(c.environment, c.rest, c.trips))
		if err != nil {
			t.Fatal(err)
		}
		trips := s.Segments["trips"]
		base := max(s.Loads.ChunkMB, trips.FunctionMB())
		want := base + base/4 + s.Loads.MaxQuarantineMB
		if c.trips == `"ephemeralMB": 2000` {
			want = 2000
		}
		if want = min(max(want, 512), 10240); trips.EphemeralMB != want {
			t.Errorf("%s {%s} {%s}: %d MiB, want %d", c.environment, c.rest, c.trips, trips.EphemeralMB, want)
		}
	}
}

func TestDueAfterFollowsTheLongestTimeout(t *testing.T) {
	for _, c := range []struct {
		environment, trips string
		want               Duration
	}{
		{"local", `"timeout": "45s", "batchingWindow": "5s"`, seconds(60)},
		{"prod", ``, minutes(15)},
		{"prod", `"timeout": "900s"`, seconds(910)},
	} {
		s, err := parse(t, stack(c.environment, "", c.trips))
		if err != nil {
			t.Fatal(err)
		}
		if s.Loads.DueAfter != c.want {
			t.Errorf("%s {%s}: due after %s, want %s", c.environment, c.trips, s.Loads.DueAfter, c.want)
		}
	}
}

func TestEveryProblemIsReportedAtOnce(t *testing.T) {
	_, err := parse(t, `{"environment": "prd", "lake": {"protect": "yes"},
		"queues": {"maxReceives": 3, "retention": "4 days"},
		"segments": {"trips": {"patition": {}, "memoryMB": 64.5}, "broken": {}, "missing": {}}}`)
	want := []string{
		`environment: "prd": want one of local, small, dev, staging, prod`,
		`lake.protect: want true or false, have the string "yes"`,
		`queues.maxReceives: 3: want 5 to 1000`,
		`queues.retention: "4 days" is not a duration such as "90s" or "15m"`,
		`segments.broken.schema: schemas/broken.json: `,
		`segments.broken.schema: schemas/broken.json: `,
		`segments.missing.schema: open schemas/missing.json: `,
		`segments.trips.memoryMB: want a whole number, have 64.5`,
		`segments.trips.patition: unknown; did you mean partition?`,
	}
	if err == nil {
		t.Fatal("accepted")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d problems, want %d:\n%v", len(lines), len(want), err)
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, want[i]) {
			t.Errorf("problem %d is %q, want %q", i, line, want[i])
		}
	}
}

func TestPredictTakesTheShareOfAVCPU(t *testing.T) {
	for _, c := range []struct {
		chunkMB, batch, memoryMB int
		want                     time.Duration
	}{
		{250, 1, 1769, 10 * time.Second},
		{250, 1, 10240, 10 * time.Second},
		{50, 2, 1769, 4 * time.Second},
	} {
		if got := Predict(c.chunkMB, c.batch, c.memoryMB); got != c.want {
			t.Errorf("Predict(%d, %d, %d) = %s, want %s", c.chunkMB, c.batch, c.memoryMB, got, c.want)
		}
	}
	if half, whole := Predict(100, 1, 512), Predict(100, 1, 1024); half != 2*whole {
		t.Errorf("half the memory takes %s, all of it %s", half, whole)
	}
}

func TestDurationsAreWrittenAsRead(t *testing.T) {
	for _, text := range []string{"30s", "1m30s", "15m", "96h", "1h1m1s", "0s"} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if d.String() != text {
			t.Errorf("%s is written %s", text, d)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(stack("local", "", "")))
	f.Add([]byte(`{"environment": "dev", "segments": []}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse(data, Options{Files: files})
		if (s == nil) == (err == nil) {
			t.Errorf("stack %v and error %v", s, err)
		}
	})
}
