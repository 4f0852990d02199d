package process

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"dip/contract"
	"dip/internal/lake/laketest"
)

const shadowed = "1,x,a\n2,y,b\nbad\n"

func (b *bench) shadowOf(t *testing.T, change func(*contract.ChunkMessage)) contract.ShadowResponse {
	t.Helper()
	answer, err := b.Invoke(t.Context(), json.RawMessage(`{"shadow": `+b.message(change)+`}`))
	if err != nil {
		t.Fatal(err)
	}
	return answer.(contract.ShadowResponse)
}

// A shadow makes what a load makes, and leaves neither an output nor a trace in the ledger, nor a metric.
func TestShadowStoresNothing(t *testing.T) {
	b := newBench(t, shadowed)
	b.world.Before = func(op laketest.Op) error {
		if op.Name == "PutOnce" {
			t.Errorf("a shadow wrote %s", op.Key)
		}
		return nil
	}
	got := b.shadowOf(t, nil)
	if got.Error != "" || got.Absent || got.Ack == nil || got.Ack.RowsIn == 0 || len(got.Ack.Outputs) == 0 {
		t.Fatalf("got %+v", got)
	}
	if len(b.asked) != 0 || len(b.world.outputs()) != 0 {
		t.Errorf("it asked the ledger for %v and left %v", b.asked, b.world.outputs())
	}
	b.world.Before = nil
	if failed := b.handle(t, t.Context(), b.message(nil)); len(failed) != 0 {
		t.Fatalf("failed: %v", failed)
	}
	want := *b.piece().Ack
	want.Attempt, want.At, want.Millis = 0, got.Ack.At, 0
	if !reflect.DeepEqual(*got.Ack, want) {
		t.Errorf("the shadow made %+v, the load %+v", *got.Ack, want)
	}
}

// Batches still arrive where shadows do.
func TestInvokeTakesBatches(t *testing.T) {
	b := newBench(t, shadowed)
	body, err := json.Marshal(b.message(nil))
	if err != nil {
		t.Fatal(err)
	}
	batch := `{"Records": [{"messageId": "a", "body": ` + string(body) + `}, {"messageId": "b", "body": "{}"}]}`
	answer, err := b.Invoke(t.Context(), json.RawMessage(batch))
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(answer)
	if err != nil || string(data) != `{"batchItemFailures":[{"itemIdentifier":"b"}]}` {
		t.Errorf("answered %s, %v", data, err)
	}
	if b.piece().Ack == nil {
		t.Error("the chunk is not acknowledged")
	}
	if _, err := b.Invoke(t.Context(), json.RawMessage(`[`)); err == nil {
		t.Error("a payload that is not JSON is accepted")
	}
}

func TestShadowFails(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*bench)
		of     func(*contract.ChunkMessage)
		absent bool
		want   string
	}{
		"an input that is gone": {of: func(m *contract.ChunkMessage) { m.Object.Key = "things/gone" }, absent: true,
			want: "things/gone"},
		"another segment": {of: func(m *contract.ChunkMessage) { m.Segment = "others" }, want: "others"},
		"no catalog":      {of: func(m *contract.ChunkMessage) { m.Catalog = "catalog/none.json" }, want: "none.json"},
		"no gzip": {
			of: func(m *contract.ChunkMessage) { m.Compression = contract.Gzip }, want: "gzip"},
	} {
		b := newBench(t, shadowed)
		got := b.shadowOf(t, c.of)
		if got.Ack != nil || got.Absent != c.absent || !strings.Contains(got.Error, c.want) {
			t.Errorf("%s: %+v", name, got)
		}
		if len(b.asked) != 0 {
			t.Errorf("%s: it asked the ledger for %v", name, b.asked)
		}
	}
}
