package boot

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"dip/contract"
	"dip/internal/emf"
)

// A function with missing or invalid settings lists all of them and does not start.
func TestStartEndsTheProcess(t *testing.T) {
	if os.Getenv("TEST_START") != "" {
		Start(func(e contract.WorkerEnv[string]) contract.Common[string] { return e.Common })
		return
	}
	self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStartEndsTheProcess$")
	self.Env = []string{"TEST_START=1", "DIP_STACK=dev", "DIP_SLOTS=many", "AWS_REGION=us-east-1"}
	out, err := self.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("ended with %v", err)
	}
	for _, want := range []string{"cannot start", "DIP_CODE is not set", "DIP_LEDGER_TABLE is not set",
		`DIP_SLOTS is \"many\"`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing in %s", want, out)
		}
	}
	self = exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStartEndsTheProcess$")
	self.Env = []string{"TEST_START=1", "DIP_STACK=dev", "DIP_CODE=c", "DIP_LEDGER_TABLE=t", "DIP_LAKE_BUCKET=b",
		"DIP_SEGMENT=trips", "DIP_LOG_GROUP=logs", "DIP_QUEUE=q", "DIP_LEASE_SECONDS=60", "DIP_SLOTS=1", "DIP_GRACE_SECONDS=60",
		"AWS_REGION=us-east-1"}
	if out, err := self.CombinedOutput(); err != nil {
		t.Errorf("a complete environment: %v: %s", err, out)
	}
}

// A pod that ends has sent its last lines, metrics among them.
func TestPodsKeepTheirLog(t *testing.T) {
	if os.Getenv("TEST_POD") != "" {
		_, p, end := StartPod(func(e contract.RestageEnv[string]) contract.Common[string] { return e.Common },
			func(e contract.RestageEnv[string]) string { return e.LogGroup })
		p.Log.Info("a line")
		p.Metrics.Emit("trips", emf.Values{contract.RecordsIn: 7}, nil)
		end()
		return
	}
	var sent []string
	logs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		sent = append(sent, r.Header.Get("X-Amz-Target")+string(body))
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, "{}")
	}))
	self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPodsKeepTheirLog$")
	self.Env = []string{"TEST_POD=1", "DIP_STACK=dev", "DIP_CODE=c", "DIP_LEDGER_TABLE=t", "DIP_LAKE_BUCKET=b",
		"DIP_QUEUE=q", "DIP_CATALOG=k", "DIP_LOG_GROUP=group", "DIP_LEASE_SECONDS=60", "HOSTNAME=restage-x7",
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_ENDPOINT_URL=" + logs.URL}
	out, err := self.CombinedOutput()
	logs.Close()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"Logs_20140328.PutLogEvents", `"logGroupName":"group"`, `"logStreamName":"restage-x7"`,
		"a line", "RecordsIn"} {
		if len(sent) != 1 || !strings.Contains(sent[0], want) {
			t.Errorf("%q was not sent: %q", want, sent)
		}
	}
	if !strings.Contains(string(out), "a line") {
		t.Errorf("the pod itself shows %s", out)
	}
}

// What is no pod has its output alone.
func TestWithoutALogGroup(t *testing.T) {
	for _, v := range []string{"STACK", "CODE", "LEDGER_TABLE", "LAKE_BUCKET", "CATALOG", "LANDING_BUCKET", "TOKENS",
		"LISTEN"} {
		t.Setenv("DIP_"+v, "x")
	}
	for name, value := range map[string]string{"DIP_BUFFER_MB": "1", "DIP_GRACE_SECONDS": "1", "AWS_REGION": "us-east-1",
		"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"} {
		t.Setenv(name, value)
	}
	asked := 0
	logs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	t.Setenv("AWS_ENDPOINT_URL", logs.URL)
	_, p, end := StartPod(func(e contract.GatewayEnv[string]) contract.Common[string] { return e.Common },
		func(e contract.GatewayEnv[string]) string { return e.LogGroup })
	p.Log.Info("a line")
	end()
	logs.Close()
	if asked != 0 {
		t.Errorf("%d requests", asked)
	}
}
