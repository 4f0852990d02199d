package emf_test

import (
	"bytes"
	"math"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/emf"
)

func emitter(out *bytes.Buffer) *emf.Emitter {
	return &emf.Emitter{Stack: "dev", Out: out, Now: func() time.Time { return time.UnixMilli(1_700_000_000_123) }}
}

func TestLine(t *testing.T) {
	var out bytes.Buffer
	emitter(&out).Emit("trips", emf.Values{contract.RecordsIn: 10, contract.ChunkRate: 2.5},
		map[string]string{"load": "3f2a"})
	want := `{"ChunkRate":2.5,"RecordsIn":10,"_aws":{"Timestamp":1700000000123,"CloudWatchMetrics":[{"Namespace":"dip",` +
		`"Dimensions":[["stack","segment"]],"Metrics":[{"Name":"ChunkRate","Unit":"Megabytes/Second"},` +
		`{"Name":"RecordsIn","Unit":"Count"}]}]},"load":"3f2a","segment":"trips","stack":"dev"}` + "\n"
	if out.String() != want {
		t.Errorf("got  %s\nwant %s", &out, want)
	}
}

func TestDropsWhatIsNotANumber(t *testing.T) {
	var out bytes.Buffer
	emitter(&out).Emit("trips", emf.Values{contract.ChunkRate: math.Inf(1)}, nil)
	if out.Len() != 0 {
		t.Errorf("got %s", &out)
	}
}

func TestWithoutEmitter(t *testing.T) {
	var none *emf.Emitter
	none.Emit("trips", emf.Values{contract.RecordsIn: 1}, nil)
}
