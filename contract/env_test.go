package contract

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func lookup(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

func reconcilerEnv() ReconcilerEnv[string] {
	return ReconcilerEnv[string]{
		Common:  Common[string]{Stack: "dev", Code: "c0de", LedgerTable: "ledger", LakeBucket: "lake"},
		Catalog: "catalog/1.json", EventBus: "bus", SigningKey: "arn:aws:kms:us-east-1:123456789012:key/k",
	}
}

func sweeperEnv() SweeperEnv[string] {
	return SweeperEnv[string]{
		Common:        Common[string]{Stack: "dev", Code: "c0de", LedgerTable: "ledger", LakeBucket: "lake"},
		LandingBucket: "landing", IntakeQueue: "queue", GraceSeconds: "90",
		HorizonSeconds: "7200", FullSeconds: "86400", Workflow: "arn", EventBus: "bus",
	}
}

// What infrastructure renders is what a function loads.
func TestEnvironmentRoundTrip(t *testing.T) {
	want := reconcilerEnv()
	vars, err := Render[string](want)
	if err != nil {
		t.Fatal(err)
	}
	if names := slices.Sorted(maps.Keys(vars)); !slices.Equal(names, Names(want)) || len(names) != 7 {
		t.Errorf("rendered %q, the struct has %q", names, Names(want))
	}
	got, err := Load[ReconcilerEnv[string]](lookup(vars))
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestEnvironmentNames(t *testing.T) {
	common := []string{"DIP_CODE", "DIP_LAKE_BUCKET", "DIP_LEDGER_TABLE", "DIP_STACK"}
	for _, c := range []struct {
		env  any
		want []string
	}{
		{IntakeEnv[string]{}, []string{"DIP_CATALOG", "DIP_WORKFLOW"}},
		{SplitterEnv[string]{}, nil},
		{ReconcilerEnv[string]{}, []string{"DIP_CATALOG", "DIP_EVENT_BUS", "DIP_SIGNING_KEY"}},
		{SweeperEnv[string]{}, []string{"DIP_LANDING_BUCKET", "DIP_INTAKE_QUEUE", "DIP_GRACE_SECONDS",
			"DIP_HORIZON_SECONDS", "DIP_FULL_SECONDS", "DIP_WORKFLOW", "DIP_EVENT_BUS"}},
		{MaintenanceEnv[string]{}, []string{"DIP_MAINTENANCE", "DIP_NODE_GROUPS", "DIP_MAINTENANCE_SWITCH"}},
		{SegmentEnv[string]{}, []string{"DIP_SEGMENT"}},
		{ProcessorEnv[string]{}, []string{"DIP_SEGMENT", "DIP_CATALOG"}},
		{WitnessEnv[string]{}, []string{"DIP_SEGMENT", "DIP_STREAM"}},
		{CloserEnv[string]{}, []string{"DIP_SEGMENT", "DIP_CATALOG", "DIP_STREAM", "DIP_EVENT_BUS", "DIP_SIGNING_KEY"}},
		{RolloutEnv[string]{}, []string{"DIP_APPLICATION", "DIP_EVENT_BUS"}},
		{WorkerEnv[string]{}, []string{"DIP_SEGMENT", "DIP_QUEUE", "DIP_LEASE_SECONDS", "DIP_LOG_GROUP", "DIP_SLOTS",
			"DIP_GRACE_SECONDS"}},
		{RestageEnv[string]{}, []string{"DIP_CATALOG", "DIP_QUEUE", "DIP_LEASE_SECONDS", "DIP_LOG_GROUP"}},
		{GatewayFunctionEnv[string]{}, []string{"DIP_CATALOG", "DIP_LANDING_BUCKET"}},
		{GatewayEnv[string]{}, []string{"DIP_CATALOG", "DIP_LANDING_BUCKET", "DIP_TOKENS", "DIP_LOG_GROUP", "DIP_LISTEN",
			"DIP_BUFFER_MB", "DIP_GRACE_SECONDS"}},
	} {
		want := slices.Sorted(slices.Values(slices.Concat(common, c.want)))
		if got := Names(c.env); !slices.Equal(got, want) {
			t.Errorf("%T: %q, want %q", c.env, got, want)
		}
	}
}

// Infrastructure fills the structs with values that are nil until set.
func TestRenderNamesEveryFieldThatIsUnset(t *testing.T) {
	type input interface{ value() }
	_, err := Render[input](SplitterEnv[input]{})
	if err == nil {
		t.Fatal("an empty environment was rendered")
	}
	for _, name := range Names(SplitterEnv[string]{}) {
		if !strings.Contains(err.Error(), name+" (contract.SplitterEnv[") {
			t.Errorf("the error does not name %s and its struct: %v", name, err)
		}
	}
	env := reconcilerEnv()
	env.EventBus = ""
	_, err = Render[string](env)
	if err == nil || !strings.Contains(err.Error(), "DIP_EVENT_BUS") || strings.Contains(err.Error(), "DIP_STACK") {
		t.Errorf("want DIP_EVENT_BUS alone: %v", err)
	}
}

func TestLoadNamesEveryProblemAtOnce(t *testing.T) {
	vars, err := Render[string](sweeperEnv())
	if err != nil {
		t.Fatal(err)
	}
	delete(vars, "DIP_STACK")
	vars["DIP_LEDGER_TABLE"] = ""
	vars["DIP_GRACE_SECONDS"] = "90s"
	_, err = Load[SweeperEnv[string]](lookup(vars))
	if err == nil {
		t.Fatal("a broken environment was loaded")
	}
	lines := strings.Split(err.Error(), "\n")
	want := []string{
		"environment variable DIP_STACK is not set",
		"environment variable DIP_LEDGER_TABLE is not set",
		`environment variable DIP_GRACE_SECONDS is "90s": want a whole number above zero`,
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got\n%s", err)
	}
}

func TestWholeNumbers(t *testing.T) {
	for value, want := range map[string]int{"1": 1, "900": 900, "": 0, "1.5": 0, "-1": -1, "1e3": 0, " 7": 0} {
		if got := Int(value); got != want {
			t.Errorf("Int(%q) = %d, want %d", value, got, want)
		}
	}
	for _, wrong := range []string{"-1", "0", "1.5", " 7", "99999999999999999999"} {
		vars, err := Render[string](sweeperEnv())
		if err != nil {
			t.Fatal(err)
		}
		vars["DIP_GRACE_SECONDS"] = wrong
		if _, err := Load[SweeperEnv[string]](lookup(vars)); err == nil {
			t.Errorf("%q was loaded as a whole number above zero", wrong)
		}
	}
}

// A gateway that is no pod has no log group.
func TestOptionalVariables(t *testing.T) {
	for _, group := range []string{"", "logs"} {
		want := GatewayEnv[string]{
			Common:  Common[string]{Stack: "dev", Code: "c0de", LedgerTable: "ledger", LakeBucket: "lake"},
			Catalog: "catalog/1.json", LandingBucket: "landing", Tokens: "arn", Listen: ":0", BufferMB: "1", GraceSeconds: "3",
			LogGroup: group,
		}
		vars, err := Render[string](want)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := vars["DIP_LOG_GROUP"]; got != group || ok != (group != "") {
			t.Errorf("rendered %q", vars)
		}
		if got, err := Load[GatewayEnv[string]](lookup(vars)); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
}
