package kinesis_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"dip/internal/kinesis"
	"dip/internal/stream"
)

// service answers calls by their operation, and records them.
func service(t *testing.T, answer func(operation string, call map[string]any) (status int, body string)) (
	*kinesis.Stream, *[]map[string]any) {
	t.Helper()
	var calls []map[string]any
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var call map[string]any
		if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
			t.Error(err)
		}
		calls = append(calls, call)
		status, body := answer(strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "Kinesis_20131202."), call)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	return kinesis.New(aws.Config{
		Region: "us-east-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}, "readings"), &calls
}

const shards = `{"NextToken": "more", "Shards": [
	{"ShardId": "shardId-000000000000", "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "9"},
		"SequenceNumberRange": {"StartingSequenceNumber": "1", "EndingSequenceNumber": "5"}},
	{"ShardId": "shardId-000000000001", "ParentShardId": "shardId-000000000000",
		"HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "4"},
		"SequenceNumberRange": {"StartingSequenceNumber": "6"}}]}`

const rest = `{"Shards": [
	{"ShardId": "shardId-000000000003", "ParentShardId": "shardId-000000000001",
		"AdjacentParentShardId": "shardId-000000000002",
		"HashKeyRange": {"StartingHashKey": "5", "EndingHashKey": "9"},
		"SequenceNumberRange": {"StartingSequenceNumber": "7"}}]}`

func TestShardsAreListedToTheLastPage(t *testing.T) {
	s, calls := service(t, func(operation string, call map[string]any) (int, string) {
		if operation != "ListShards" {
			t.Errorf("asked for %s", operation)
		}
		if call["NextToken"] == "more" {
			return 200, rest
		}
		return 200, shards
	})
	got, err := s.Shards(t.Context())
	want := []stream.Shard{
		{ID: "shardId-000000000000", Closed: true, HashKey: "0"},
		{ID: "shardId-000000000001", Parents: []string{"shardId-000000000000"}, HashKey: "0"},
		{ID: "shardId-000000000003", Parents: []string{"shardId-000000000001", "shardId-000000000002"}, HashKey: "5"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	// AWS refuses a page with the name of its stream.
	if want := []map[string]any{{"StreamName": "readings"}, {"NextToken": "more"}}; !reflect.DeepEqual(*calls, want) {
		t.Errorf("called with %v, want %v", *calls, want)
	}
}

func TestMarkersGoToTheirShard(t *testing.T) {
	s, calls := service(t, func(string, map[string]any) (int, string) {
		return 200, `{"ShardId": "shardId-000000000003", "SequenceNumber": "8"}`
	})
	if err := s.Mark(t.Context(), "5", []byte("abc")); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"StreamName": "readings", "ExplicitHashKey": "5", "PartitionKey": "dip", "Data": "YWJj"}
	if !reflect.DeepEqual((*calls)[0], want) {
		t.Errorf("called with %v, want %v", (*calls)[0], want)
	}
}

func TestWhenAStreamWasMade(t *testing.T) {
	s, _ := service(t, func(operation string, _ map[string]any) (int, string) {
		if operation != "DescribeStreamSummary" {
			t.Errorf("asked for %s", operation)
		}
		return 200, `{"StreamDescriptionSummary": {"StreamCreationTimestamp": 1769900000.5}}`
	})
	got, err := s.Created(t.Context())
	if want := time.UnixMilli(1769900000500); err != nil || !got.Equal(want) {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
}

func TestErrorsNameTheStream(t *testing.T) {
	s, _ := service(t, func(string, map[string]any) (int, string) {
		return 400, `{"__type": "ResourceNotFoundException", "message": "none"}`
	})
	_, list := s.Shards(t.Context())
	_, created := s.Created(t.Context())
	for what, err := range map[string]error{
		"list the shards of stream readings": list, "ask when stream readings was made": created,
		"put a marker at hash key 7 into stream readings": s.Mark(t.Context(), "7", []byte("m")),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), what) || !strings.Contains(err.Error(), "ResourceNotFound") {
			t.Errorf("got %v, want %s", err, what)
		}
	}
}
