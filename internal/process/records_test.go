package process

import (
	"fmt"
	"strings"
	"testing"

	"dip/contract"
	"dip/internal/fault"
	"dip/internal/record"
)

var origin = Origin{Load: "L", Shard: "shard-1", ID: "set", Date: "2026-01-31"}

func items(texts ...string) (list []Item) {
	for i, text := range texts {
		list = append(list, Item{Sequence: fmt.Sprint(i), Record: []byte(text)})
	}
	return list
}

// Whatever comes is in the output or in quarantine, one by one: no record spoils another.
func TestRecordsOfAStream(t *testing.T) {
	ndjson := contract.Segment{Dialect: contract.Dialect{Encoding: contract.NDJSON},
		Schema: []byte(`{"fields":[{"name":"v","type":"integer"}]}`)}
	csv := contract.Segment{Dialect: contract.Dialect{Encoding: contract.CSV, Delimiter: ",", Quote: `"`, Comment: "#"},
		Schema: []byte(`{"fields":[{"name":"v","type":"integer"},{"name":"s","type":"string"}]}`)}
	one := csv
	one.Schema = []byte(`{"fields":[{"name":"s","type":"string"}]}`)
	long := strings.Repeat("x", 1<<20)
	for what, c := range map[string]struct {
		segment contract.Segment
		texts   []string
		bad     map[int]string // by index, what the reason contains
	}{
		"NDJSON": {ndjson, []string{`{"v":1}`, "{\"v\":2}\n", `{"v":"x"}`, "", " \r\n", "{\"v\":3}\n{\"v\":4}",
			"\xf3\x89\x9a\xc2\x0a", `{"v":5}`, `{"v":6,"w":"` + long + `"}`, "{\"v\":7}\n\n", "\n{\"v\":8}", "{"},
			map[int]string{2: "x", 3: "no record", 4: "no record", 5: "more than one", 6: "Kinesis Producer Library",
				8: "maxRecordMB", 9: "more than one", 10: "more than one", 11: ""}},
		"CSV": {csv, []string{"1,a", "2,\"b\nc\"\r\n", "3,\"open", "4,d", "", "\n", "# comment", "5,e\n6,f", "7,\"g\"\n"},
			map[int]string{2: "never closed", 4: "no record", 5: "no record", 6: "comment", 7: "more than one"}},
		"CSV with one field": {one, []string{"a", "\n", ""}, map[int]string{2: "no record"}},
	} {
		w := newWorld(nil)
		ack, err := Records(t.Context(), w, compile(t, c.segment), origin, items(c.texts...))
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		var out, bad record.Sum
		size := int64(0)
		for i, text := range c.texts {
			size += int64(len(text))
			if _, ok := c.bad[i]; ok {
				bad.Add(record.Trim([]byte(text)))
			} else {
				out.Add(record.Trim([]byte(text)))
			}
		}
		if ack.RowsIn != int64(len(c.texts)) || ack.Quarantined != int64(len(c.bad)) || ack.End != size ||
			ack.RowsOut != ack.RowsIn-ack.Quarantined || ack.HashOut != out.String() || ack.HashBad != bad.String() {
			t.Errorf("%s: %+v", what, ack)
		}
		for _, line := range rejectedIn(t, w.outputs()[ack.Quarantine.Key]) {
			var i int
			if _, err := fmt.Sscan(line.Sequence, &i); err != nil {
				t.Fatal(err)
			}
			why, ok := c.bad[i]
			start := int64(len(strings.Join(c.texts[:i], "")))
			if !ok || !strings.Contains(line.Reason, why) || string(line.Bytes()) != c.texts[i] || line.Shard != "shard-1" ||
				line.Start != start || line.End != start+int64(len(c.texts[i])) {
				t.Errorf("%s: record %d: %+v", what, i, line)
			}
		}
		again, err := Records(t.Context(), w, compile(t, c.segment), origin, items(c.texts...))
		if err != nil || again.Quarantine.Key != ack.Quarantine.Key || len(w.outputs()) != 2 {
			t.Errorf("%s, again: %v, %d outputs", what, err, len(w.outputs()))
		}
	}
}

// A batch of bad records alone is quarantined whatever the limit for a chunk is; one in another charset is refused.
func TestLimitsOfAStream(t *testing.T) {
	s := contract.Segment{Dialect: contract.Dialect{Encoding: contract.NDJSON},
		Schema: []byte(`{"fields":[{"name":"v","type":"integer"}]}`), Loads: contract.Loads{MaxQuarantineBytes: 1}}
	ack, err := Records(t.Context(), newWorld(nil), compile(t, s), origin, items("x", "y"))
	if err != nil || ack.Quarantined != 2 {
		t.Errorf("%+v, %v", ack, err)
	}
	s.Dialect.Charset = contract.UTF16LE
	if _, err := Records(t.Context(), newWorld(nil), compile(t, s), origin, items("x")); !fault.IsPermanent(err) {
		t.Errorf("in UTF-16: %v", err)
	}
}
