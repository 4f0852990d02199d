package config

import (
	"strings"
	"testing"
)

// Each rule alone, with the line that it reports. members go into the stack, trips into its only segment.
var rules = []struct{ name, environment, members, trips, want string }{
	{"unknown key", "dev", `"ladning": {}`, ``, `ladning: unknown; did you mean landing?`},
	{"unknown key, none near", "dev", `"queues": {"zzzzzzzz": 1}`, ``,
		`queues.zzzzzzzz: unknown; known are deadLettersRetention, maxAge, maxReceives, retention`},
	{"unknown key of a function", "dev", `"functions": {"intake": {"memory": 128}}`, ``,
		`functions.intake.memory: unknown; did you mean memoryMB?`},
	{"object", "dev", `"landing": 3`, ``, `landing: want an object, have 3`},
	{"map", "dev", `"tags": ["a"]`, ``, `tags: want an object, have a list`},
	{"list", "dev", `"alarmTopics": "a"`, ``, `alarmTopics: want a list, have the string "a"`},
	{"text", "dev", `"tags": {"a": 1}`, ``, `tags.a: want a string, have 1`},
	{"item of a list", "dev", `"alarmTopics": [{}]`, ``, `alarmTopics[0]: want a string, have an object`},
	{"number", "dev", ``, `"maxBadShare": true`, `segments.trips.maxBadShare: want a number, have true`},
	{"enum", "dev", `"architecture": "x86"`, ``, `architecture: "x86": want one of arm64, amd64`},
	{"encoding", "dev", ``, `"encoding": "tsv"`,
		`segments.trips.encoding: unknown encoding "tsv": want "csv" or "ndjson"`},
	{"escape character", "dev", ``, `"escape": "\\"`,
		`segments.trips.escape: unknown; escape characters are not supported: a quote within quotes is doubled`},
	{"quote of two characters", "dev", ``, `"quote": "''"`, `segments.trips.quote: "''": want one ASCII character`},
	{"duration as a number", "dev", ``, `"timeout": 60`, `segments.trips.timeout: want a string, have 60`},
	{"duration in parts of seconds", "dev", ``, `"timeout": "1500ms"`,
		`segments.trips.timeout: "1500ms": want whole seconds, not negative`},
	{"duration below zero", "dev", `"sweep": {"grace": "-1m"}`, ``,
		`sweep.grace: "-1m": want whole seconds, not negative`},

	{"reserved tag", "dev", `"tags": {"aws:x": "y"}`, ``,
		`tags.aws:x: want a key of 1 to 128 characters that does not begin with aws: or dip:`},
	{"long tag", "dev", `"tags": {"x": "` + strings.Repeat("y", 257) + `"}`, ``, `tags.x: longer than 256 characters`},
	{"boundary", "dev", `"permissionsBoundary": "mine"`, ``,
		`permissionsBoundary: "mine" is not the ARN of an IAM policy`},
	{"prefix of names", "dev", `"namePrefix": "Acme"`, ``,
		`namePrefix: "Acme": want 2 to 12 lower-case letters, digits and dashes, a letter first`},
	{"path of roles", "dev", `"rolePath": "pipelines"`, ``,
		`rolePath: "pipelines": want a path that begins and ends with a slash`},
	{"topics", "dev", `"alarmTopics": ["arn:aws:sns:us-east-1:123456789012:a", "arn:aws:sns:us-east-1:123456789012:b",
		"arn:aws:sns:us-east-1:123456789012:c", "arn:aws:sns:us-east-1:123456789012:d",
		"arn:aws:sns:us-east-1:123456789012:e"]`,
		``, `alarmTopics: 5 topics, want at most 4`},
	{"mail address", "dev", `"alarmEmails": ["Ops <ops@example.com>"]`, ``,
		`alarmEmails[0]: "Ops <ops@example.com>" is not a mail address`},
	{"mail address twice", "dev", `"alarmEmails": ["ops@example.com", "ops@example.com"]`, ``,
		`alarmEmails: a value is repeated`},
	{"webhook", "dev", `"alarmWebhooks": ["http://example.com"]`, ``,
		`alarmWebhooks[0]: "http://example.com" is not an HTTPS URL`},
	{"topic", "dev", `"alarmTopics": ["ops"]`, ``, `alarmTopics[0]: "ops" is not the ARN of an SNS topic`},
	{"existing bucket", "dev", `"landing": {"name": "s3://mine"}`, ``,
		`landing.name: "s3://mine" is not the name of a bucket`},
	{"existing key", "dev", `"lake": {"kmsKey": "alias/mine"}`, ``,
		`lake.kmsKey: "alias/mine" is not the ARN of a KMS key`},
	{"old versions", "dev", `"landing": {"noncurrentDays": 0}`, ``, `landing.noncurrentDays: 0: want 1 to 36500`},
	{"uploads", "dev", `"lake": {"abortUploadDays": 0}`, ``, `lake.abortUploadDays: 0: want 1 to 36500`},
	{"archive tier", "dev", `"lake": {"intelligentTiering": {"archiveDays": 30}}`, ``,
		`lake.intelligentTiering.archiveDays: 30: want 90 to 730, or 0 for never`},
	{"deep archive tier", "dev", `"lake": {"intelligentTiering": {"deepArchiveDays": 120}}`, ``,
		`lake.intelligentTiering.deepArchiveDays: 120: want 180 to 730, or 0 for never`},
	{"order of the tiers", "dev", `"lake": {"intelligentTiering": {"archiveDays": 200, "deepArchiveDays": 200}}`, ``,
		`lake.intelligentTiering.deepArchiveDays: 200: want more than lake.intelligentTiering.archiveDays, 200`},

	{"receives", "dev", `"queues": {"maxReceives": 4}`, ``, `queues.maxReceives: 4: want 5 to 1000`},
	{"retention", "dev", `"queues": {"deadLettersRetention": "337h"}`, ``,
		`queues.deadLettersRetention: 337h: want 1m to 336h`},
	{"age", "dev", `"queues": {"maxAge": "0s"}`, ``, `queues.maxAge: 0s: want 1m to 336h`},
	{"dead letters", "dev", `"queues": {"deadLettersRetention": "240h"}`, ``,
		`queues.deadLettersRetention: 240h: want more than queues.retention, 240h: a dead letter's age counts from its ` +
			`first enqueueing`},
	{"expiry before the last receive", "dev", `"queues": {"retention": "3h"}`, ``,
		`queues.retention: 3h: want more than 10h, 20 receives of 30m each (6 x segments.trips.timeout): a message would ` +
			`expire before it becomes a dead letter`},

	{"memory", "dev", `"functions": {"sweeper": {"memoryMB": 127}}`, ``,
		`functions.sweeper.memoryMB: 127: want 128 to 10240`},
	{"timeout", "dev", `"functions": {"splitter": {"timeout": "901s"}}`, ``,
		`functions.splitter.timeout: 15m1s: want 1s to 15m`},
	{"log retention", "dev", `"functions": {"intake": {"logRetentionDays": 10}}`, ``,
		`functions.intake.logRetentionDays: 10: CloudWatch keeps logs for one of [1 3 5 7 `},
	{"reserved concurrency", "dev", `"functions": {"reconciler": {"reservedConcurrency": -1}}`, ``,
		`functions.reconciler.reservedConcurrency: -1: want 0 to 100000`},
	{"intake's reserved concurrency", "dev", `"functions": {"intake": {"reservedConcurrency": 9}}`, ``,
		`functions.intake.reservedConcurrency: 9 is below the 10 batches that its queue hands out at once: throttles would ` +
			`burn receives`},

	{"budget without addresses", "prod", `"budgetUSD": 500`, ``,
		`budgetUSD: 500, but alarmEmails is empty: a budget tells mail addresses`},
	{"budget on a laptop", "local", `"budgetUSD": 500, "alarmEmails": ["a@example.com"]`, ``,
		`budgetUSD: local mode costs nothing, and has no AWS Budgets`},
	{"budget with many addresses", "prod", `"budgetUSD": 500, "alarmEmails": ["a@b.example", "b@b.example", "c@b.example", ` +
		`"d@b.example", "e@b.example", "f@b.example", "g@b.example", "h@b.example", "i@b.example", "j@b.example", ` +
		`"k@b.example"]`, ``, `budgetUSD: 500, but a budget tells at most 10 of alarmEmails, which has 11`},

	{"chunk", "dev", `"loads": {"chunkMB": 0}`, ``, `loads.chunkMB: 0: want 1 to 256`},
	{"attempts", "dev", `"loads": {"maxAttempts": 1}`, ``, `loads.maxAttempts: 1: want 2 to 100`},
	{"content", "dev", `"loads": {"maxContentGB": 0}`, ``, `loads.maxContentGB: 0: want 1 to 51200`},
	{"due while it runs", "dev", `"loads": {"dueAfter": "5m"}`, ``,
		`loads.dueAfter: 5m: want more than 5m, segments.trips.timeout with its batchingWindow: a chunk that is ` +
			`waiting would seem lost`},
	{"sweep", "dev", `"sweep": {"rate": "90s"}`, ``, `sweep.rate: 1m30s: want whole minutes`},
	{"horizon", "dev", `"sweep": {"horizon": "1h", "grace": "50m", "rate": "11m"}`, ``,
		`sweep.horizon: 1h: want at least sweep.grace and sweep.rate together, 1h1m: objects would never be seen`},
	{"sweep without a pause", "dev", `"sweep": {"rate": "0s"}`, ``, `sweep.rate: 0s: want 1m to 24h`},
	{"grace", "dev", `"sweep": {"grace": "5s"}`, ``, `sweep.grace: 5s: want 10s to 24h`},

	{"delimiter", "dev", ``, `"delimiter": "::"`,
		`segments.trips.delimiter: "::": want one ASCII character other than a line break`},
	{"comment of two characters", "dev", ``, `"comment": "//"`,
		`segments.trips.comment: "//": want one ASCII character other than a line break`},
	{"comment is the delimiter", "dev", ``, `"comment": ","`, `segments.trips.comment: "," is the delimiter too`},
	{"comment is the quote", "dev", ``, `"comment": "\"", "quote": "\""`, `segments.trips.comment: "\"" is the quote too`},
	{"comment of NDJSON", "dev", ``, `"encoding": "ndjson", "comment": "#"`, `segments.trips.comment: only csv has it`},
	{"skipped lines of NDJSON", "dev", ``, `"encoding": {"format": "ndjson"}, "skipLines": 2`,
		`segments.trips.skipLines: only csv has it`},
	{"footer of NDJSON", "dev", ``, `"encoding": "ndjson", "footerLines": 2`,
		`segments.trips.footerLines: only csv has it`},
	{"skipped lines below zero", "dev", ``, `"skipLines": -1`, `segments.trips.skipLines: -1: want 0 to 1000`},
	{"footer below zero", "dev", ``, `"footerLines": -1`, `segments.trips.footerLines: -1: want 0 to 1000`},
	{"charset", "dev", ``, `"encoding": {"charset": "cp1252"}`,
		`segments.trips.encoding.charset: unknown charset "cp1252": want one of ["utf-8" "windows-1252"`},
	{"format", "dev", ``, `"encoding": "tsv"`, `segments.trips.encoding: unknown encoding "tsv"`},
	{"unknown key of the encoding", "dev", ``, `"encoding": {"charse": "utf-8"}`,
		`segments.trips.encoding.charse: unknown; did you mean charset?`},
	{"encoding of another kind", "dev", ``, `"encoding": 7`, `segments.trips.encoding: want an object, have 7`},
	{"more partitions than memory", "dev", ``, `"maxPartitions": 300, "partition": {"field": "id"}`,
		`segments.trips.maxPartitions: 300: the outputs of a chunk are in memory together: want at most a quarter of ` +
			`segments.trips.memoryMB, 1024`},
	{"partitions without end", "dev", ``, `"maxPartitions": 0`, `segments.trips.maxPartitions: 0: want 1 to 500`},
	{"delimiter of NDJSON", "dev", ``, `"encoding": "ndjson", "delimiter": ";"`,
		`segments.trips.delimiter: only csv has it`},
	{"bad share", "dev", ``, `"maxBadShare": 1.5`, `segments.trips.maxBadShare: 1.5: want 0 to 1`},
	{"record", "dev", ``, `"maxRecordMB": 0`, `segments.trips.maxRecordMB: 0: want 1 to 256`},
	{"record against memory", "dev", ``, `"maxRecordMB": 150`,
		`segments.trips.maxRecordMB: 150: a record is held in memory a few times over: want at most an eighth of ` +
			`segments.trips.memoryMB, 1024`},
	{"concurrency", "dev", ``, `"concurrency": 1`, `segments.trips.concurrency: 1: want 2 to 1000`},
	{"concurrency above the reserved", "dev", ``, `"concurrency": 20, "reservedConcurrency": 19`,
		`segments.trips.concurrency: 20 is above segments.trips.reservedConcurrency, 19: throttles would burn receives`},
	{"batch", "dev", ``, `"batchSize": 0`, `segments.trips.batchSize: 0: want 1 to 10000`},
	{"window", "dev", ``, `"batchingWindow": "301s"`, `segments.trips.batchingWindow: 5m1s: want 0s to 5m`},
	{"big batch without a window", "dev", `"loads": {"chunkMB": 1}`, `"batchSize": 11`,
		`segments.trips.batchingWindow: a batch of more than 10 needs a window of at least 1s`},
	{"predicted time", "dev", `"loads": {"chunkMB": 256}`, `"timeout": "30s", "memoryMB": 1769`,
		`segments.trips.timeout: 30s: want more than three times the predicted run time, 10.24s (1 chunk of 256 MiB at 25 ` +
			`MiB/s a vCPU, 1.00 of one for 1769 MiB)`},
	{"package", "dev", ``, `"package": "cmd/trips"`, `segments.trips.package: "cmd/trips": want lambdas/<folder>`},
	{"package of the restage job", "dev", ``, `"package": "lambdas/restage"`,
		`segments.trips.package: "lambdas/restage" is reserved; choose another`},
	{"package of another function", "dev", ``, `"package": "lambdas/intake"`,
		`segments.trips.package: "lambdas/intake" is reserved; choose another`},

	{"schema file", "dev", ``, `"schema": "schemas/none.json"`,
		`segments.trips.schema: open schemas/none.json: file does not exist`},
	{"schema text", "dev", ``, `"schema": "schemas/text.json"`, `segments.trips.schema: schemas/text.json: `},
	{"field named as the load date", "dev", ``, `"schema": "schemas/dates.json"`,
		`segments.trips.schema: schemas/dates.json: fields[3].name: "Load_Date" is hidden by the partition column ` +
			`load_date from readers of Hive-style paths: ` +
			`partition by it (partition: {field: Load_Date, by: month}), or rename it in the inputs and the schema`},
	{"text named as the load date", "dev", ``, `"schema": "schemas/kinds.json", "encoding": "ndjson"`,
		`segments.trips.schema: schemas/kinds.json: fields[1].name: "load_date" is hidden by the partition column ` +
			`load_date from readers of Hive-style paths: ` +
			`partition by another field or step, or rename it and set "path" to its present name`},
	{"field named as the partition", "dev", ``,
		`"schema": "schemas/dates.json", "partition": {"field": "made", "by": "month"}`,
		`segments.trips.schema: schemas/dates.json: fields[2].name: "made_month" is hidden by the partition column ` +
			`made_month from readers`},
	{"fields of one name in readers", "dev", ``, `"schema": "schemas/cases.json"`,
		`segments.trips.schema: schemas/cases.json: fields[2].name: "ID" differs from "id" in case only, which readers of ` +
			`the outputs do not distinguish: rename it`},
	{"partition field", "dev", ``, `"partition": {"field": "farre"}`,
		`segments.trips.partition.field: the schema has no field farre; did you mean fare?`},
	{"partition without field", "dev", ``, `"partition": {"by": "day"}`,
		`segments.trips.partition.field: missing; segments.trips.partition.by needs it`},
	{"partition by day", "dev", ``, `"partition": {"field": "note", "by": "day"}`,
		`segments.trips.partition.by: day does not apply to note, a string: want a field of type date, datetime`},
	{"partition by value", "dev", ``, `"partition": {"field": "fare"}`,
		`segments.trips.partition.by: value does not apply to fare, a number: want a field of type string, integer, ` +
			`boolean, date, year, yearmonth`},
}

func TestRules(t *testing.T) {
	for _, c := range rules {
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

func TestSegmentNames(t *testing.T) {
	const want = "want a name of lower-case letters, digits and dashes, at most 40, that does not begin with a dash"
	for name, problem := range map[string]string{
		"Trips": want, "a_b": want, "-a": want, "": want, strings.Repeat("a", 41): want,
		"intake":    "is the name of a function that every stack has; choose another",
		"restage":   "is the name of the restage job; choose another",
		"system":    "is the name under which alarms and metrics have what no segment has; choose another",
		"none":      "is the name under which alarms and metrics have what no segment has; choose another",
		"gateway":   "is the name of the gateway; choose another",
		"witness":   "is the name of a function of streams; choose another",
		"a-witness": "ends in the name of a function of streams; choose another",
		"a-closer":  "ends in the name of a function of streams; choose another",
		"a-workers": "ends in -workers, which is reserved for workers' queues; choose another",
		"a":         "", "workers": "", "2024-trips": "", strings.Repeat("a", 40): "",
	} {
		_, err := parse(t, `{"environment": "dev", "segments": {"`+name+`": {"schema": "schemas/trips.json", "package": `+
			`"lambdas/trips"}}}`)
		switch {
		case problem == "" && err != nil:
			t.Errorf("%q: %v", name, err)
		case problem != "" && (err == nil || err.Error() != "segments."+name+": "+problem):
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestStacksThatAreNone(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                        "dip:stack is not valid JSON: ",
		`[]`:                       "dip:stack: want an object, have a list",
		`{"segments": {}}`:         "environment: missing; want one of local, small, dev, staging, prod",
		`{"environment": "local"}`: "segments: missing; a stack needs at least one",
	} {
		_, err := parse(t, text)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
