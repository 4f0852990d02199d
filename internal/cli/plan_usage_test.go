package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/simulate"
	"dip/internal/terminal"
)

func TestUsageText(t *testing.T) {
	morning := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	peak := &simulate.Hour{At: morning.Add(5 * time.Hour), Account: 430, Own: 18}
	throttled := map[string]int{"trips": 1200, "events": 1}
	const calls = "  1 call of the function events was throttled since Fri 2026-11-20 09:00 UTC: concurrency is short\n" +
		"  1,200 calls of the function trips were throttled since Fri 2026-11-20 09:00 UTC: concurrency is short\n"
	for _, c := range []struct {
		usage *planUsage
		want  string
	}{
		{nil, ""},
		{&planUsage{Since: morning, Quota: 1000, Most: 430, Peak: peak, Others: 412, Left: 547},
			"  other programs ran 412 functions at once on Fri 2026-11-20 14:00 UTC: of the account's 1,000, 547 are left for " +
				"segments\n"},
		{&planUsage{Since: morning, Quota: 400, Most: 430, Peak: peak, Others: 412, Left: 1, Throttled: throttled},
			"  the account ran 430 functions at once, and --quota says 400: give its real quota\n" + calls},
		{&planUsage{Since: morning, Quota: 1000, Left: 959, Throttled: throttled},
			"  what other programs take of the account's concurrency is not known: CloudWatch has nothing since " +
				"Fri 2026-11-20 09:00 UTC\n" + calls},
		{&planUsage{Since: morning, Quota: 1000, Left: 959, Unread: "a right is missing: x\ny"},
			"  planned without CloudWatch: a right is missing: x\\ny\n"},
	} {
		if got := usageText(c.usage); got != c.want {
			t.Errorf("%+v:\n%swant\n%s", c.usage, got, c.want)
		}
	}
}

// planned runs dip plan on a stack without loads, beside a CloudWatch that answers with a status and a body.
func planned(t *testing.T, status int, metrics string, args ...string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Target") != "" {
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			fmt.Fprint(w, `{"Items": [], "Count": 0}`) // of the ledger
			return
		}
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		fmt.Fprint(w, metrics)
	}))
	defer server.Close()
	var stdout, stderr bytes.Buffer
	a := &app{screen: &terminal.Screen{Out: &stdout, Err: &stderr}}
	a.connect = func(context.Context) (*client.Stack, error) {
		cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL,
			Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "")}
		return client.Connect("small", cfg, client.Outputs{LedgerTable: "ledger",
			Segments: map[string]contract.SegmentOutputs[string]{
				"trips": {Function: "arn:aws:lambda:us-east-1:123456789012:function:trips-1:live"},
			}}), nil
	}
	line := append([]string{"plan", "--stack", "small", "--what-if", "100GB/day"}, args...)
	if code := a.run(t.Context(), line); code != ExitOK {
		t.Fatalf("exit %d: %s", code, stderr.String())
	}
	return stdout.String()
}

// What other programs took is the plan's and the report's, the calls that were throttled too.
func TestPlanBesideOthers(t *testing.T) {
	hour := time.Now().UTC().Truncate(time.Hour).Format(time.RFC3339)
	result := func(id string, value int) string {
		return fmt.Sprintf("<member><Id>%s</Id><StatusCode>Complete</StatusCode><Timestamps><member>%s</member></Timestamps>"+
			"<Values><member>%d</member></Values></member>", id, hour, value)
	}
	body := "<GetMetricDataResponse><GetMetricDataResult><MetricDataResults>" + result("q0", 920) + result("q1", 15) +
		result("q2", 12) + "</MetricDataResults></GetMetricDataResult></GetMetricDataResponse>"
	var r planReport
	if err := json.Unmarshal([]byte(planned(t, http.StatusOK, body, "--json", "--quota", "2000")), &r); err != nil {
		t.Fatal(err)
	}
	u := r.Usage
	if u == nil || u.Quota != 2000 || u.Most != 920 || u.Others != 905 || u.Peak == nil || u.Peak.Own != 15 ||
		u.Throttled["trips"] != 12 || u.Unread != "" {
		t.Fatalf("%+v", u)
	}
	if !slices.ContainsFunc(r.Limits, func(l simulate.Limit) bool {
		return l.Name == "concurrent executions of the account" && l.Capacity == float64(u.Left)
	}) {
		t.Errorf("%d are left, the limits are %+v", u.Left, r.Limits)
	}
	if stack, err := stackParser("../..", "small"); err != nil {
		t.Error(err)
	} else if s, err := stack(nil); err != nil {
		t.Error(err)
	} else if alone := planModel(planFlags{quota: 2000}, s, nil).Room(s); alone-u.Left != 905 {
		t.Errorf("%d are left of %d", u.Left, alone)
	}
}

// Without the right, the ledger is enough.
func TestPlanWithoutCloudWatch(t *testing.T) {
	text := planned(t, http.StatusForbidden,
		"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>")
	if !strings.Contains(text, "\n  planned without CloudWatch: a right is missing: cloudwatch:GetMetricData\n") {
		t.Error(text)
	}
}

// A plan that is interrupted ends.
func TestPlanUsageOfAnEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	watch := cloudwatch.NewFromConfig(aws.Config{Region: "us-east-1"})
	if _, err := readPlanUsage(ctx, watch, client.Outputs{}, time.Now().Add(-time.Hour), time.Now()); !errors.Is(err,
		context.Canceled) {
		t.Errorf("%v", err)
	}
}
