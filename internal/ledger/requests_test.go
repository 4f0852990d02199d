package ledger

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"dip/contract"
)

// answers is DynamoDB as a function of the operation and its request.
type answers func(operation string, request map[string]any) (status int, body string)

func (a answers) Do(r *http.Request) (*http.Response, error) {
	var request map[string]any
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		return nil, err
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	status, body := a(operation, request)
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

func answered(a answers) *Ledger {
	return New(dynamodb.New(dynamodb.Options{
		Region: "us-east-1", HTTPClient: a, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
	}), "table")
}

// The role of a function or a worker may name these attributes and no others, in whichever expression. That of a
// restage job may name one more.
func TestWorkNamesItsOwnAttributes(t *testing.T) {
	stands, err := json.Marshal(map[string]any{"Item": map[string]any{
		"load": map[string]string{"S": "L"}, "item": map[string]string{"S": "chunk#00000"},
		"attempt": map[string]string{"N": "1"}, "owner": map[string]string{"S": "dead"}, "lease": map[string]string{"N": "1"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	updates, refuse, allowed := 0, true, contract.LedgerWorkAttributes
	l := answered(func(operation string, request map[string]any) (int, string) {
		if operation == "GetItem" {
			return http.StatusOK, string(stands)
		}
		if operation != "UpdateItem" {
			t.Errorf("%s is not allowed", operation)
		}
		updates++
		for _, name := range request["ExpressionAttributeNames"].(map[string]any) {
			if !slices.Contains(allowed, name.(string)) {
				t.Errorf("the request names %s", name)
			}
		}
		if refuse { // the first claim is refused: the second takes over
			refuse = false
			return http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}`
		}
		return http.StatusOK, `{}`
	})
	ctx, c := t.Context(), Claim{Load: "L", Attempt: 1, Owner: "a"}
	for _, do := range []func() (bool, error){
		func() (bool, error) {
			outcome, err := l.Claim(ctx, c, time.Now(), time.Now())
			return outcome == Granted, err
		},
		func() (bool, error) { return l.Acknowledge(ctx, c, contract.Ack{}) },
		func() (bool, error) { return l.FailChunk(ctx, c, "why") },
		func() (bool, error) { return l.Release(ctx, c, "why", time.Now()) },
		func() (bool, error) { return l.HandBack(ctx, c) },
	} {
		if ok, err := do(); err != nil || !ok {
			t.Error(ok, err)
		}
	}
	if updates != 6 {
		t.Errorf("%d updates", updates)
	}
	allowed = append(slices.Clone(allowed), contract.LedgerSent)
	if err := l.Sent(ctx, "L", []Chunk{{Attempt: 1}}, time.Now()); err != nil {
		t.Error(err)
	}
}

// DynamoDB processes what it has capacity for, and throttles who asks for the rest at once.
func TestUnprocessedKeysAreAskedForAgainAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, asked := time.Now(), []time.Duration(nil)
		l := answered(func(_ string, request map[string]any) (int, string) {
			asked = append(asked, time.Since(began))
			keys := request["RequestItems"].(map[string]any)["table"].(map[string]any)
			if keys["ConsistentRead"] == true {
				t.Error("a consistent read costs twice as much")
			}
			if len(asked) == 9 {
				return http.StatusOK, `{"Responses":{"table":[{"load":{"S":"L"},"status":{"S":"running"}}]}}`
			}
			rest, err := json.Marshal(map[string]any{"Responses": map[string]any{}, "UnprocessedKeys": request["RequestItems"]})
			if err != nil {
				t.Error(err)
			}
			return http.StatusOK, string(rest)
		})
		known, err := l.Statuses(t.Context(), []string{"L"})
		if err != nil || known["L"] != contract.Running {
			t.Errorf("%v, %v", known, err)
		}
		// 50 ms, doubled to at most 5 s
		if len(asked) != 9 || asked[1] != 50*time.Millisecond || asked[2] != 150*time.Millisecond ||
			asked[8]-asked[7] != 5*time.Second {
			t.Errorf("asked after %v", asked)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		asked = nil
		if _, err := l.Statuses(ctx, []string{"L"}); err == nil || len(asked) != 1 {
			t.Errorf("%d requests, %v", len(asked), err)
		}
	})
}
