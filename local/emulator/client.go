package emulator

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
)

// Revision waits until the count of changes to what a runner mirrors is past a given one, or for about 20 s, and
// returns it.
func Revision(ctx context.Context, endpoint string, key Key, since int64) (int64, error) {
	var answer struct{ Revision int64 }
	text, err := key.local(ctx, http.MethodGet, fmt.Sprintf("%s/_local/changes?since=%d", endpoint, since), nil)
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	if err != nil {
		return 0, fmt.Errorf("read the emulator's revision: %w", err)
	}
	return answer.Revision, nil
}

// Register tells the emulator where to send invocations from now on, and what to show there. An empty url unregisters
// the runner.
func Register(ctx context.Context, endpoint string, key Key, url, token string) error {
	body, err := json.Marshal(map[string]string{"url": url, "token": token})
	if err == nil {
		_, err = key.local(ctx, http.MethodPut, endpoint+"/_local/runner", body)
	}
	if err != nil {
		return fmt.Errorf("register the runner: %w", err)
	}
	return nil
}

// StreamFaults is what goes wrong with a Kinesis stream. The seed decides, call after call and record after record.
type StreamFaults struct {
	Seed      uint64 `json:"seed"`
	Throttled int    `json:"throttled"` // records of PutRecords, in 1,000: ProvisionedThroughputExceededException
	Failed    int    `json:"failed"`    // records of PutRecords, in 1,000: InternalFailure
	Refused   int    `json:"refused"`   // puts and gets, in 1,000, that are throttled as a whole
	Lost      int    `json:"lost"`      // puts, in 1,000, that take effect and answer InternalFailure
	Limits    bool   `json:"limits"`    // a shard takes 1,000 records and 1 MB a second
	// AheadHours is how far the clock that retention goes by is ahead.
	AheadHours int `json:"aheadHours"`
}

// Provoke makes a stream have these faults from now on, in place of those it had. The zero value ends them.
func Provoke(ctx context.Context, endpoint string, key Key, stream string, f StreamFaults) error {
	body, err := json.Marshal(f)
	if err == nil {
		_, err = key.local(ctx, http.MethodPut, endpoint+"/_local/kinesis/"+url.PathEscape(stream), body)
	}
	if err != nil {
		return fmt.Errorf("provoke faults of stream %s: %w", stream, err)
	}
	return nil
}

// Call is a right that a role needed: an action on a resource under condition keys, whose values are strings or lists
// of strings.
type Call struct {
	Principal string         `json:"principal"` // the role's ARN
	Action    string         `json:"action"`    // IAM's name; empty: the emulator does not know the call in Resource
	Resource  string         `json:"resource"`  // ARN
	Context   map[string]any `json:"context"`
}

// Calls lists the distinct rights that roles have needed so far. Of objects in a bucket whose keys begin with the same
// two levels, one stands for all.
func Calls(ctx context.Context, endpoint string, key Key) ([]Call, error) {
	var calls []Call
	text, err := key.local(ctx, http.MethodGet, endpoint+"/_local/calls", nil)
	if err == nil {
		err = json.Unmarshal(text, &calls)
	}
	if err != nil {
		return nil, fmt.Errorf("read the calls of roles: %w", err)
	}
	return calls, nil
}

// AssumeRole gives a key of a role, by STS. session names whose it is.
func AssumeRole(ctx context.Context, endpoint string, key Key, role, session string) (Key, error) {
	form := url.Values{
		"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {role}, "RoleSessionName": {session},
		"DurationSeconds": {"43200"},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/", nil)
	if err != nil {
		return Key{}, fmt.Errorf("assume role %s: %w", role, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	text, err := key.Send(req, "sts", "us-east-1", []byte(form.Encode()))
	var answer struct {
		ID     string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
		Secret string `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
		Token  string `xml:"AssumeRoleResult>Credentials>SessionToken"`
	}
	if err == nil {
		err = xml.Unmarshal(text, &answer)
	}
	if err == nil && answer.ID == "" {
		err = fmt.Errorf("no key in %s", text)
	}
	if err != nil {
		return Key{}, fmt.Errorf("assume role %s: %w", role, err)
	}
	return Key(answer), nil
}
