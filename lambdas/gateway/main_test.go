package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A gateway that ends says why in its log group too: its pod's own log is gone with the pod.
func TestThePodsLastLinesAreKept(t *testing.T) {
	if os.Getenv("TEST_GATEWAY") != "" {
		main()
		return
	}
	var kept []string
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if target := r.Header.Get("X-Amz-Target"); target != "" {
			kept = append(kept, target+string(body))
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			_, _ = io.WriteString(w, "{}")
			return
		}
		w.WriteHeader(http.StatusNotFound) // the catalog
	}))
	self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestThePodsLastLinesAreKept$")
	self.Env = []string{"TEST_GATEWAY=1", "DIP_STACK=dev", "DIP_CODE=c", "DIP_LEDGER_TABLE=t", "DIP_LAKE_BUCKET=b",
		"DIP_CATALOG=k", "DIP_LANDING_BUCKET=l", "DIP_TOKENS=arn", "DIP_LISTEN=127.0.0.1:0", "DIP_BUFFER_MB=1",
		"DIP_GRACE_SECONDS=1", "DIP_LOG_GROUP=group", "HOSTNAME=gateway-x7", "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_ENDPOINT_URL=" + aws.URL}
	out, err := self.CombinedOutput()
	aws.Close()
	if err == nil {
		t.Errorf("it has not failed: %s", out)
	}
	for _, want := range []string{"Logs_20140328.PutLogEvents", `"logGroupName":"group"`, `"logStreamName":"gateway-x7"`,
		"gateway failed"} {
		if len(kept) != 1 || !strings.Contains(kept[0], want) {
			t.Errorf("%q was not sent: %q; the pod itself shows %s", want, kept, out)
		}
	}
}
