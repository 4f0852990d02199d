package deploy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"dip/contract"
	"dip/internal/deploy"
	"dip/internal/rollout"
)

// service answers requests, and records them: the operation of CodeDeploy or the path of Lambda, and the body.
func service(t *testing.T, answer func(call string) (status int, body string)) (aws.Config, *[]string) {
	t.Helper()
	var calls []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		call := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "CodeDeploy_20141006.")
		if call == "" {
			call = r.URL.RequestURI()
		}
		calls = append(calls, call+" "+string(body))
		status, text := answer(call)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if strings.HasPrefix(text, "crashed") {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			text = strings.TrimPrefix(text, "crashed")
		}
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}))
	t.Cleanup(server.Close)
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}, &calls
}

var _ rollout.Deployer = (*deploy.Deployments)(nil)
var _ rollout.Functions = (*deploy.Functions)(nil)

func TestCreateAndStop(t *testing.T) {
	cfg, calls := service(t, func(string) (int, string) { return 200, `{"deploymentId": "d-1"}` })
	d := deploy.NewDeployments(cfg, "app")
	if id, err := d.Create(t.Context(), "g", "{spec}", "text"); err != nil || id != "d-1" {
		t.Errorf("got %s, %v", id, err)
	}
	if err := d.Stop(t.Context(), "d-1"); err != nil {
		t.Error(err)
	}
	if err := d.Answer(t.Context(), "d-1", "e", true); err != nil {
		t.Error(err)
	}
	if err := d.Answer(t.Context(), "d-1", "e", false); err != nil {
		t.Error(err)
	}
	if !slices.Equal(*calls, []string{
		`CreateDeployment {"applicationName":"app","deploymentGroupName":"g","description":"text",` +
			`"revision":{"appSpecContent":{"content":"{spec}"},"revisionType":"AppSpecContent"}}`,
		`StopDeployment {"autoRollbackEnabled":true,"deploymentId":"d-1"}`,
		`PutLifecycleEventHookExecutionStatus {"deploymentId":"d-1","lifecycleEventHookExecutionId":"e",` +
			`"status":"Succeeded"}`,
		`PutLifecycleEventHookExecutionStatus {"deploymentId":"d-1","lifecycleEventHookExecutionId":"e","status":"Failed"}`,
	}) {
		t.Errorf("called %q", *calls)
	}
}

// What is over cannot be stopped or answered, and need not be.
func TestWhatIsOver(t *testing.T) {
	for code, tolerated := range map[string]bool{
		"DeploymentAlreadyCompletedException": true, "LifecycleEventAlreadyCompletedException": true,
		"DeploymentDoesNotExistException": false,
	} {
		cfg, _ := service(t, func(string) (int, string) { return 400, `{"__type": "` + code + `"}` })
		d := deploy.NewDeployments(cfg, "app")
		stop, answer := d.Stop(t.Context(), "d-1"), d.Answer(t.Context(), "d-1", "e", true)
		if (stop == nil) != (code == "DeploymentAlreadyCompletedException") ||
			(answer == nil) != (code == "LifecycleEventAlreadyCompletedException") {
			t.Errorf("%s (tolerated: %t): %v, %v", code, tolerated, stop, answer)
		}
	}
}

func TestRunning(t *testing.T) {
	page := 0
	cfg, calls := service(t, func(string) (int, string) {
		page++
		return 200, []string{`{"deployments": ["d-1"], "nextToken": "n"}`, `{"deployments": ["d-2"]}`}[page-1]
	})
	ids, err := deploy.NewDeployments(cfg, "app").Running(t.Context(), "g")
	if err != nil || !slices.Equal(ids, []string{"d-1", "d-2"}) {
		t.Errorf("got %v, %v", ids, err)
	}
	if want := `ListDeployments {"applicationName":"app","deploymentGroupName":"g","includeOnlyStatuses":` +
		`["Created","Queued","InProgress","Baking","Ready"]}`; (*calls)[0] != want {
		t.Errorf("called %s", (*calls)[0])
	}
}

func TestDeployment(t *testing.T) {
	created := time.Unix(1_800_000_000, 0).UTC()
	for name, c := range map[string]struct {
		answer string
		want   rollout.Deployment
	}{
		"running": {`"creator": "user", "status": "InProgress", "revision": {"revisionType": "AppSpecContent",
			"appSpecContent": {"content": "{\"Resources\":[{\"f\":{\"Properties\":{\"TargetVersion\":\"4\"}}}]}"}}`,
			rollout.Deployment{Status: "InProgress", Target: "4"}},
		"stopped": {`"creator": "user", "status": "Failed", "completeTime": 1800000060,
			"errorInformation": {"code": "ALARM_ACTIVE", "message": "trips-errors"}`,
			rollout.Deployment{Status: "Failed", Reason: "ALARM_ACTIVE: trips-errors", Ended: created.Add(time.Minute)}},
		"a rollback": {`"creator": "codeDeployRollback", "status": "Succeeded"`,
			rollout.Deployment{Status: "Succeeded", Rollback: true}},
	} {
		cfg, _ := service(t, func(string) (int, string) {
			return 200, `{"deploymentInfo": {"deploymentGroupName": "g", "createTime": 1800000000, ` + c.answer + `}}`
		})
		c.want.ID, c.want.Group, c.want.Created = "d-1", "g", created
		got, err := deploy.NewDeployments(cfg, "app").Deployment(t.Context(), "d-1")
		got.Created, got.Ended = got.Created.UTC(), utc(got.Ended)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
	}
}

func utc(at time.Time) time.Time {
	if at.IsZero() {
		return time.Time{}
	}
	return at.UTC()
}

func TestAlias(t *testing.T) {
	cfg, calls := service(t, func(string) (int, string) {
		return 200, `{"FunctionVersion": "3", "RoutingConfig": {"AdditionalVersionWeights": {"4": 0.1}}}`
	})
	got, err := deploy.NewFunctions(cfg).Alias(t.Context(), "f", "live")
	if err != nil || !reflect.DeepEqual(got, rollout.Alias{Version: "3", Weights: map[string]float64{"4": 0.1}}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if (*calls)[0] != "/2015-03-31/functions/f/aliases/live " {
		t.Errorf("called %s", (*calls)[0])
	}
	cfg, _ = service(t, func(string) (int, string) { return 200, `{"FunctionVersion": "3"}` })
	if got, err := deploy.NewFunctions(cfg).Alias(t.Context(), "f", "live"); err != nil || got.Share("3") != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
}

// A version that ends without an answer has failed; one that Lambda does not call has said nothing.
func TestShadow(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   contract.ShadowResponse
		fails  string
	}{
		"an answer": {200, `{"ack": {"rowsIn": 7}}`, contract.ShadowResponse{Ack: &contract.Ack{RowsIn: 7}}, ""},
		"a failure": {200, `{"error": "no such column"}`, contract.ShadowResponse{Error: "no such column"}, ""},
		"a timeout": {200, `crashed{"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out"}`,
			contract.ShadowResponse{Error: "Sandbox.Timedout: Task timed out"}, ""},
		"a crash without words": {200, `crashed`,
			contract.ShadowResponse{Error: "the function ended without an answer: "}, ""},
		"a crash without a type": {200, `crashed{"errorMessage": "boom"}`, contract.ShadowResponse{Error: "boom"}, ""},
		"a version of before there were shadows": {200, `{"batchItemFailures": null}`,
			contract.ShadowResponse{Error: "the version does not know what a shadow is"}, ""},
		"no right": {403, `{"message": "no"}`, contract.ShadowResponse{}, "call version 4 of function f"},
		"not JSON": {200, `[`, contract.ShadowResponse{}, "read the answer of version 4 of function f"},
	} {
		cfg, calls := service(t, func(string) (int, string) { return c.status, c.body })
		got, err := deploy.NewFunctions(cfg).Shadow(t.Context(), "f", "4", contract.ChunkMessage{Load: "L", Chunk: 2})
		if !reflect.DeepEqual(got, c.want) || (err != nil) != (c.fails != "") ||
			err != nil && !strings.Contains(err.Error(), c.fails) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		path, body, _ := strings.Cut((*calls)[0], " ")
		var request contract.ShadowRequest
		if err := json.Unmarshal([]byte(body), &request); err != nil || request.Shadow.Load != "L" ||
			path != "/2015-03-31/functions/f/invocations?Qualifier=4" {
			t.Errorf("%s: called %s", name, (*calls)[0])
		}
	}
}
