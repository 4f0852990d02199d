package process

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"

	"dip/contract"
)

// reading is a record of the sample segment readings.
type reading struct {
	Sensor   string  `json:"sensor"`
	Site     string  `json:"site"`
	Quantity string  `json:"quantity"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit"`
	Device   struct {
		Battery  float64 `json:"battery"`
		Firmware string  `json:"firmware"`
	} `json:"device"`
	MeasuredAt time.Time `json:"measured_at"`
}

func readings(n int) []Item {
	r := rand.New(rand.NewPCG(1, 1))
	list := make([]Item, n)
	for i := range list {
		at := time.Date(2026, 1, 31, 12, 0, i/200, 0, time.UTC).Format(time.RFC3339)
		list[i] = Item{Sequence: fmt.Sprint(i), Record: fmt.Appendf(nil, `{"sensor":"boiler-%04d","site":"plant %d",`+
			`"quantity":"temperature","value":%.2f,"unit":"C","device":{"battery":%.2f,"firmware":"2.%d.1"},`+
			`"measured_at":"%s"}`, r.IntN(2000), r.IntN(12), 20+60*r.Float64(), r.Float64(), r.IntN(5), at)}
	}
	return list
}

// discard takes what is stored.
type discard struct{}

func (discard) PutOnce(_ context.Context, _, _ string, body io.ReadSeeker, _ string) error {
	_, err := io.Copy(io.Discard, body)
	return err
}

func compileReadings(b *testing.B) *Segment {
	b.Helper()
	schema, err := os.ReadFile("../../schemas/readings.json")
	if err != nil {
		b.Fatal(err)
	}
	s, err := Compile("readings", contract.Segment{Dialect: contract.Dialect{Encoding: contract.NDJSON}, Schema: schema,
		MaxRecordMB: 1, Partition: contract.Partition{Field: "measured_at", By: "day"}})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// cpu is the processor time of the process: other programs of the machine do not count.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func report(b *testing.B, records int, began time.Duration) {
	b.ReportMetric(float64(records)*float64(b.N)/(cpu(b)-began).Seconds(), "records/cpu-s")
}

// What a function does with a batch of a stream, from the records to zstd-compressed Parquet: validated, hashed and
// sorted into partitions.
func BenchmarkRecords(b *testing.B) {
	s := compileReadings(b)
	for _, n := range []int{100, 1000, 10_000} {
		items := readings(n)
		b.Run(fmt.Sprintf("batch=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			began := cpu(b)
			for b.Loop() {
				ack, err := Records(b.Context(), discard{}, s, origin, items)
				if err != nil || ack.RowsOut != int64(n) {
					b.Fatal(ack, err)
				}
			}
			report(b, n, began)
		})
	}
}

// What encoding/json takes to decode the same records, and nothing else.
func BenchmarkDecodingAlone(b *testing.B) {
	items := readings(1000)
	decode := map[string]func(data []byte) error{
		"struct": func(data []byte) error { return json.Unmarshal(data, new(reading)) },
		"map":    func(data []byte) error { return json.Unmarshal(data, new(map[string]any)) },
	}
	for _, name := range []string{"struct", "map"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			began := cpu(b)
			for b.Loop() {
				for _, item := range items {
					if err := decode[name](item.Record); err != nil {
						b.Fatal(err)
					}
				}
			}
			report(b, len(items), began)
		})
	}
}
