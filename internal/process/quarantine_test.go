package process

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"dip/contract"
	"dip/internal/fault"
	"dip/internal/ledger"
)

// Records of two bytes are lines of eighty in the quarantine: where every one is rejected, that is what fills the disk.
func TestQuarantineIsLimited(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	var text strings.Builder
	for range 300_000 {
		text.WriteString(strconv.Itoa(random.IntN(10)) + "\n")
	}
	dialect := contract.Dialect{Encoding: contract.CSV, Delimiter: ",", Quote: `"`}
	for most, full := range map[int64]bool{0: false, 64 << 20: false, 1 << 20: true} {
		w := newWorld([]byte(text.String()))
		segment := compile(t, contract.Segment{
			Dialect: dialect, Schema: []byte(`{"fields": [{"name": "a", "type": "integer"}, {"name": "b", "type": "integer"}]}`),
			Loads: contract.Loads{MaxQuarantineBytes: most},
		})
		size := int64(text.Len())
		r := newRun(t, w, segment, ledger.Plan{Compression: contract.Plain, Width: 2}, []int64{0, size})
		ack, err := Process(t.Context(), w, w, segment, r.message(0))
		if full != fault.IsPermanent(err) || full != (err != nil) || full && !strings.Contains(err.Error(),
			"more than 1 MiB, compressed (loads.maxQuarantineMB)") {
			t.Errorf("at most %d: %v", most, err)
		}
		if !full && (ack.Quarantined != 300_000 || ack.Quarantine.Bytes > 5*size) {
			t.Errorf("at most %d: %d records in %d bytes", most, ack.Quarantined, ack.Quarantine.Bytes)
		}
	}
}
