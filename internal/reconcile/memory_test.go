package reconcile

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"dip/contract"
	"dip/internal/ledger"
)

// BenchmarkLargestLoad reports what the reconciler holds of the largest load that is planned, 10,000 chunks of 64
// outputs each: for a look at it, and for its certificate with the text. The reconciler's memory in config/defaults.go
// follows.
func BenchmarkLargestLoad(b *testing.B) {
	const chunks, outputs = 10_000, 64
	for range b.N {
		base := held()
		l, all := planned(chunks)
		for i := range all {
			c := &all[i]
			ack(c, c.Start, c.End, 1)
			c.Ack.Outputs = nil
			for n := range outputs {
				sum := fmt.Sprintf("%064x", i*outputs+n)
				partition := fmt.Sprintf("pickup_at_day=2026-01-%02d", n)
				c.Ack.Outputs = append(c.Ack.Outputs, contract.Output{
					Key:       contract.DataKey("things", partition, strings.Repeat("f", 32), i, c.Start, sum),
					Partition: partition, Rows: 1, Bytes: 1 << 20, SHA256: sum,
				})
			}
			c.Ack.RowsOut = outputs
			c.Ack.RowsIn = outputs + c.Ack.Quarantined
		}
		b.ReportMetric(float64(held()-base)/(1<<20), "MiB/look")
		if d := Decide(look(2), l, all, limits); d.Action != contract.ActionCertify {
			b.Fatal(d)
		}
		certificate, err := Certificate("dev", l, all)
		if err != nil {
			b.Fatal(err)
		}
		text, err := json.MarshalIndent(certificate, "", "  ")
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(text))/(1<<20), "MiB/certificate")
		b.ReportMetric(float64(held()-base)/(1<<20), "MiB/certify")
		runtime.KeepAlive([]any{all, certificate, text, ledger.Load(l)})
	}
}

// held is the heap that is in use.
func held() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
