package ledger

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"dip/contract"
)

func TestOutcomeNames(t *testing.T) {
	for o, want := range map[Outcome]string{Granted: "granted", Done: "done", Superseded: "superseded", Busy: "busy"} {
		if o.String() != want {
			t.Errorf("%d is %s, want %s", int(o), o, want)
		}
	}
}

func TestDamagedItemsAreNamed(t *testing.T) {
	it, err := encodeChunk("L", Chunk{Index: 3, Attempt: 1, Sent: time.UnixMilli(1)})
	if err != nil {
		t.Fatal(err)
	}
	it[attrAck] = str("{")
	if _, err := decodeChunk(it); err == nil ||
		!strings.Contains(err.Error(), "ledger item L/chunk#00003: attribute ack") {
		t.Errorf("got %v", err)
	}
	it = key("L", loadItem)
	if _, err := decodeLoad(it); err == nil || !strings.Contains(err.Error(), "ledger item L/load: attribute created") {
		t.Errorf("got %v", err)
	}
}

// A restage of a petabyte makes more pieces than five digits count.
func TestChunksBeyond99999AreInOrder(t *testing.T) {
	client, table := NewTable(t)
	l := New(client, table)
	want := []int{0, 1, 10_000, 10_001, 99_999, 100_000, 100_001, 1_000_000}
	for _, index := range want {
		if _, err := l.Stage(t.Context(), "L", Chunk{Index: index, Attempt: 1, Staged: &contract.Object{}}); err != nil {
			t.Fatal(err)
		}
	}
	chunks, err := l.Chunks(t.Context(), "L")
	var got []int
	for _, c := range chunks {
		got = append(got, c.Index)
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
}

// The index and the chunks come in pages of 1 MB.
func TestLongListsAreReadPageByPage(t *testing.T) {
	client, table := NewTable(t)
	l := New(client, table)
	const n = 1_500
	doc, err := json.Marshal(contract.Ack{RowsIn: 1, HashOut: strings.Repeat("f", 1_500)})
	if err != nil {
		t.Fatal(err)
	}
	var writes []types.WriteRequest
	for i := range n {
		it, err := encodeChunk("L", Chunk{Index: i, Attempt: 1})
		if err != nil {
			t.Fatal(err)
		}
		it[attrAck] = str(string(doc))
		writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: it}})
	}
	for batch := range slices.Chunk(writes, 25) {
		_, err := client.BatchWriteItem(t.Context(),
			&dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{table: batch}})
		if err != nil {
			t.Fatal(err)
		}
	}
	chunks, err := l.Chunks(t.Context(), "L")
	if err != nil || len(chunks) != n {
		t.Fatalf("%d chunks, want %d; %v", len(chunks), n, err)
	}
	for i, c := range chunks {
		if c.Index != i || c.Ack == nil || c.Ack.RowsIn != 1 {
			t.Fatalf("chunk %d: %+v", i, c)
		}
	}
}
