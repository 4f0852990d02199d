package contract

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var utc = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// The certificate is a documented file: its names are API.
func TestCertificateGolden(t *testing.T) {
	c := Certificate{
		Version: 1, Load: "L", Segment: "trips", Stack: "dev", Catalog: "catalog/1.json",
		Input:       Object{Bucket: "landing", Key: "trips/a.csv", VersionID: "v1", Size: 100, ETag: "e"},
		Compression: Plain, Body: 8, Length: 100, Columns: []int{1, -1}, Width: 2,
		Chunks: []ChunkProof{{Chunk: 0, CutStart: 8, CutEnd: 50, Ack: Ack{
			Start: 8, End: 100, RowsIn: 3, RowsOut: 2, Quarantined: 1, LinesIn: 5, LinesBad: 2, HashOut: "h1", HashBad: "h2",
			Outputs:    []Output{{Key: "data/k", Partition: "day=1", Rows: 2, Bytes: 20, SHA256: "s1"}},
			Quarantine: &Output{Key: "quarantine/k", Rows: 1, Bytes: 10, SHA256: "s2"},
			Code:       "c", Runtime: "7", Attempt: 2, At: utc, Millis: 5,
		}}},
		Totals: Totals{Chunks: 1, RowsIn: 3, RowsOut: 2, Quarantined: 1, LinesIn: 5, LinesBad: 2, Bytes: 92, BytesOut: 20,
			HashOut: "h1", HashBad: "h2", Attempts: 2, Codes: []string{"c"}},
		Chain: ChainProof{Closed: true, Position: 100, Reruns: 1}, Received: utc, Certified: utc,
		Link: &Link{Number: 2, Load: "K", SHA256: "s0"},
	}
	const want = `{
  "version": 1,
  "load": "L",
  "segment": "trips",
  "stack": "dev",
  "catalog": "catalog/1.json",
  "input": {
    "bucket": "landing",
    "key": "trips/a.csv",
    "versionId": "v1",
    "size": 100,
    "etag": "e"
  },
  "compression": "none",
  "body": 8,
  "length": 100,
  "columns": [
    1,
    -1
  ],
  "width": 2,
  "chunks": [
    {
      "chunk": 0,
      "cutStart": 8,
      "cutEnd": 50,
      "start": 8,
      "end": 100,
      "rowsIn": 3,
      "rowsOut": 2,
      "quarantined": 1,
      "linesIn": 5,
      "linesQuarantined": 2,
      "hashOut": "h1",
      "hashQuarantined": "h2",
      "outputs": [
        {
          "key": "data/k",
          "partition": "day=1",
          "rows": 2,
          "bytes": 20,
          "sha256": "s1"
        }
      ],
      "quarantine": {
        "key": "quarantine/k",
        "rows": 1,
        "bytes": 10,
        "sha256": "s2"
      },
      "code": "c",
      "runtime": "7",
      "attempt": 2,
      "at": "2026-01-31T12:00:00Z",
      "millis": 5
    }
  ],
  "totals": {
    "chunks": 1,
    "rowsIn": 3,
    "rowsOut": 2,
    "quarantined": 1,
    "linesIn": 5,
    "linesQuarantined": 2,
    "bytes": 92,
    "bytesOut": 20,
    "hashOut": "h1",
    "hashQuarantined": "h2",
    "attempts": 2,
    "codes": [
      "c"
    ]
  },
  "chain": {
    "closed": true,
    "position": 100,
    "reruns": 1
  },
  "received": "2026-01-31T12:00:00Z",
  "certified": "2026-01-31T12:00:00Z",
  "link": {
    "number": 2,
    "load": "K",
    "sha256": "s0"
  }
}`
	got, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("got\n%s", got)
	}
}

func TestLoadEventGolden(t *testing.T) {
	got, err := json.Marshal(LoadEvent{
		Version: 1, Stack: "dev", Load: "L", Segment: "trips", Object: Object{Bucket: "b", Key: "k", VersionID: "v", Size: 1},
		Certificate: "c", Manifest: "m", Rows: 2, Quarantined: 3, Reason: "why",
	})
	const want = `{"v":1,"stack":"dev","load":"L","segment":"trips",` +
		`"object":{"bucket":"b","key":"k","versionId":"v","size":1},` +
		`"certificate":"c","manifest":"m","rows":2,"quarantined":3,"reason":"why"}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
	if EventSource != "dip" || EventPublished != "Load Published" || EventFailed != "Load Failed" {
		t.Error("rules on the event bus match these names")
	}
}

func catalogOf(reverse bool) Catalog {
	trips := Segment{
		Dialect:   Dialect{Encoding: CSV, Delimiter: ",", Quote: `"`, Header: true},
		Schema:    json.RawMessage(`{"fields":[{"name":"a"}]}`),
		Partition: Partition{Field: "a", By: "day"}, MaxRecordMB: 1, Queue: "q2", DeadLetters: "d2",
	}
	events := Segment{
		Dialect: Dialect{Encoding: NDJSON}, Schema: json.RawMessage(`{"fields":[]}`),
		MaxBadShare: 0.01, MaxRecordMB: 16, Queue: "q1", DeadLetters: "d1",
	}
	c := Catalog{Version: 1, Segments: map[string]Segment{}}
	if reverse {
		c.Segments["trips"] = trips
		c.Segments["events"] = events
	} else {
		c.Segments["events"] = events
		c.Segments["trips"] = trips
	}
	return c
}

func TestCatalogIsNamedByItsContent(t *testing.T) {
	key, data, err := catalogOf(false).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if want := "catalog/fab0e519d9d724baa1d26f56.json"; key != want {
		t.Errorf("key %s, want %s; content\n%s", key, want, data)
	}
	for range 20 {
		again, bytesAgain, err := catalogOf(true).Encode()
		if err != nil || again != key || !bytes.Equal(bytesAgain, data) {
			t.Fatalf("the same catalog gave %s %v\n%s", again, err, bytesAgain)
		}
	}
	changed := catalogOf(false)
	s := changed.Segments["trips"]
	s.MaxBadShare = 0.5
	changed.Segments["trips"] = s
	if other, _, err := changed.Encode(); err != nil || other == key {
		t.Errorf("a different catalog has the same key %s, %v", other, err)
	}
	var back Catalog
	if err := json.Unmarshal(data, &back); err != nil || back.Segments["trips"].Partition.By != "day" {
		t.Errorf("the catalog does not read back: %+v, %v", back, err)
	}
}

func TestCatalogRefusesABrokenSchema(t *testing.T) {
	c := catalogOf(false)
	c.Segments["broken"] = Segment{Schema: json.RawMessage(`{"fields":`)}
	if _, _, err := c.Encode(); err == nil || !strings.Contains(err.Error(), "encode catalog") {
		t.Errorf("got %v", err)
	}
}

// A catalog stored before a load setting existed lacks it: its loads get the default, and its content still hashes to
// its key.
func TestOldCatalogsHaveTheDefaultLoads(t *testing.T) {
	all := Loads{ChunkBytes: 1 << 20, DueAfterSeconds: 60, MaxAttempts: 3, KeepSeconds: 9,
		MaxContentBytes: 1 << 30, SkipSame: true}
	for document, want := range map[string]Loads{
		`{}`: {ChunkBytes: 64 << 20, DueAfterSeconds: 1210, MaxAttempts: 5, KeepSeconds: 345_600},
		`{"loads":{"maxAttempts":7,"maxContentBytes":9}}`: {
			ChunkBytes: 64 << 20, DueAfterSeconds: 1210, MaxAttempts: 7, KeepSeconds: 345_600, MaxContentBytes: 9,
		},
		`{"loads":{"chunkBytes":1048576,"dueAfterSeconds":60,"maxAttempts":3,"keepSeconds":9,"maxContentBytes":1073741824,` +
			`"skipSame":true}}`: all,
	} {
		var s Segment
		if err := json.Unmarshal([]byte(document), &s); err != nil {
			t.Fatal(err)
		}
		if got, err := (Catalog{Segments: map[string]Segment{"trips": s}}).Segment("trips"); err != nil || got.Loads != want {
			t.Errorf("%s: %+v, %v, want %+v", document, got.Loads, err, want)
		}
	}
	_, data, err := catalogOf(false).Encode()
	if err != nil || bytes.Contains(data, []byte("loads")) {
		t.Errorf("a catalog without load settings is encoded as %s, %v", data, err)
	}
}

func TestCatalogSegment(t *testing.T) {
	c := catalogOf(false)
	if s, err := c.Segment("trips"); err != nil || s.Queue != "q2" {
		t.Errorf("got %+v, %v", s, err)
	}
	_, err := c.Segment("tirps")
	if err == nil || !strings.Contains(err.Error(), `"tirps"`) || !strings.Contains(err.Error(), `["events" "trips"]`) {
		t.Errorf("the error must name the segment and the existing ones: %v", err)
	}
}

// A rejected record comes back byte for byte, text or not.
func TestRejectedKeepsEveryByte(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	pieces := []string{"a", "\xff", "\xc3", "\xa4", "ü", "\x00", "\n", "\r\n", `"`, `\`, "<&>", "\u2028", "\ufffd",
		"\xed\xa0\x80", "😀"}
	raws := [][]byte{{}, []byte("plain"), {0xff, 0xfe}}
	for range 2_000 {
		var raw []byte
		for range random.IntN(12) {
			raw = append(raw, pieces[random.IntN(len(pieces))]...)
		}
		raws = append(raws, raw)
	}
	for _, raw := range raws {
		r := Rejected{Chunk: 1, Start: 5, End: 9, Field: "f", Reason: "why"}
		r.SetRaw(raw)
		line, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsRune(line, '\n') {
			t.Fatalf("%q: more than one line: %s", raw, line)
		}
		var back Rejected
		if err := json.Unmarshal(line, &back); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(back.Bytes(), raw) {
			t.Fatalf("%q came back as %q by %s", raw, back.Bytes(), line)
		}
	}
}

func TestRejectedGolden(t *testing.T) {
	text, binary := Rejected{Chunk: 1, Start: 5, End: 9, Field: "f", Reason: "why"}, Rejected{Reason: "why"}
	text.SetRaw([]byte("x,y\n"))
	binary.SetRaw([]byte{0xff, '\n'})
	for want, r := range map[string]Rejected{
		`{"chunk":1,"start":5,"end":9,"field":"f","reason":"why","raw":"x,y\n"}`: text,
		`{"chunk":0,"start":0,"end":0,"reason":"why","rawBase64":"/wo="}`:        binary,
	} {
		if got, err := json.Marshal(r); err != nil || string(got) != want {
			t.Errorf("got %s, %v\nwant %s", got, err, want)
		}
	}
}
