package metadata

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// build builds the mock that tools/install installs.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "ec2-metadata-mock")
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", binary,
		"github.com/aws/amazon-ec2-metadata-mock/cmd/ec2-metadata-mock")
	cmd.Dir = "../../pins/metadata"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the mock: %v\n%s", err, out)
	}
	return binary
}

func instance(node string) Instance {
	return Instance{
		Node: node, ID: "i-" + node, Type: "m5.xlarge", Zone: "us-east-1b", ZoneID: "use1-az2", Region: "us-east-1",
		Address: "10.0.0.7", Account: "123456789012",
	}
}

// start serves the metadata of nodes.
func start(t *testing.T, nodes ...string) *Mocks {
	t.Helper()
	m, err := New(build(t), filepath.Join(t.TempDir(), "metadata"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, node := range nodes {
		if err := m.Start(t.Context(), instance(node)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// Paths that the Node Termination Handler reads.
const (
	action   = "/latest/meta-data/spot/instance-action"
	events   = "/latest/meta-data/events/maintenance/scheduled"
	document = "/latest/dynamic/instance-identity/document"
)

func TestANodeIsInterruptedAndNoOther(t *testing.T) {
	m := start(t, "a", "b")
	a, b := m.mocks["a"], m.mocks["b"]
	for _, node := range []*mock{a, b} {
		if got, err := node.get(t.Context(), action); err == nil || !strings.Contains(err.Error(), "404") {
			t.Errorf("a calm node gets %q, %v", got, err)
		}
	}
	url, before := a.url(), time.Now()
	termination, err := m.Interrupt(t.Context(), "a", 2*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if notice := termination.Sub(before); notice < 119*time.Second || notice > 3*time.Minute {
		t.Errorf("a notice of %s", notice)
	}
	if a.url() != url {
		t.Errorf("it moved to %s", a.url())
	}
	got, err := a.get(t.Context(), action)
	var told struct{ Action, Time string }
	if err == nil {
		err = json.Unmarshal([]byte(got), &told)
	}
	if err != nil || told.Action != "terminate" || told.Time != termination.Format(time.RFC3339) {
		t.Errorf("the node gets %s, %v", got, err)
	}
	if got, err := b.get(t.Context(), action); err == nil {
		t.Errorf("the other node gets %s", got)
	}
	for _, node := range []*mock{a, b} {
		if got, err := node.get(t.Context(), events); err != nil || got != "[]" {
			t.Errorf("scheduled events are %q, %v", got, err)
		}
	}
}

func TestAnInstanceFindsItself(t *testing.T) {
	m := start(t, "a")
	for path, want := range map[string]string{
		"/latest/meta-data/instance-id": "i-a", "/latest/meta-data/instance-type": "m5.xlarge",
		"/latest/meta-data/instance-life-cycle": "spot",
		"/latest/meta-data/local-hostname":      "a", "/latest/meta-data/local-ipv4": "10.0.0.7",
		"/latest/meta-data/public-ipv4":                 "",
		"/latest/meta-data/placement/availability-zone": "us-east-1b", "/latest/meta-data/placement/region": "us-east-1",
	} {
		if got, err := m.mocks["a"].get(t.Context(), path); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %q", path, got, err, want)
		}
	}
	text, err := m.mocks["a"].get(t.Context(), document)
	var got struct{ AccountID, InstanceID, AvailabilityZone, Region, PrivateIP string }
	if err == nil {
		err = json.Unmarshal([]byte(text), &got)
	}
	if err != nil || got.AccountID != "123456789012" || got.InstanceID != "i-a" || got.AvailabilityZone != "us-east-1b" ||
		got.Region != "us-east-1" || got.PrivateIP != "10.0.0.7" {
		t.Errorf("the identity is %s, %v", text, err)
	}
}

func TestMetadataEndsWithItsNode(t *testing.T) {
	m := start(t, "a")
	env, err := m.Env("a")
	if err != nil || len(env) != 1 || env[0] != "INSTANCE_METADATA_URL="+m.mocks["a"].url() {
		t.Errorf("variables are %q, %v", env, err)
	}
	if err := m.Start(t.Context(), instance("a")); err != nil { // again
		t.Error(err)
	}
	if again, err := m.Env("a"); err != nil || again[0] != env[0] {
		t.Errorf("it moved to %v, %v", again, err)
	}
	running := m.mocks["a"].process
	if err := m.Stop("a"); err != nil {
		t.Error(err)
	}
	<-running.Done()
	if _, err := m.Env("a"); err == nil || err.Error() != "node a has no metadata" {
		t.Errorf("a node that is gone: %v", err)
	}
	if _, err := m.Interrupt(t.Context(), "a", time.Minute); err == nil {
		t.Error("a node that is gone is interrupted")
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if err := m.Start(t.Context(), instance("b")); err == nil || !strings.Contains(err.Error(), "the lab ends") {
		t.Errorf("a node begins after the end: %v", err)
	}
}

func TestAMockThatDoesNotStartSaysWhy(t *testing.T) {
	m, err := New("/bin/false", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Start(t.Context(), instance("a")); err == nil ||
		!strings.Contains(err.Error(), "metadata of node a: ec2-metadata-mock of a ended (exit status 1)") {
		t.Errorf("got %v", err)
	}
}
