package local

import (
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"dip/config"
)

func TestMergeKeepsWhatTheTopDoesNotName(t *testing.T) {
	base := map[string]any{"a": 1, "o": map[string]any{"x": 1, "deep": map[string]any{"p": 1}}, "list": []any{1, 2},
		"kind": map[string]any{"y": 1}}
	top := map[string]any{"b": 2, "o": map[string]any{"deep": map[string]any{"q": 2}}, "list": []any{3}, "kind": "text"}
	want := map[string]any{
		"a": 1, "b": 2, "o": map[string]any{"x": 1, "deep": map[string]any{"p": 1, "q": 2}}, "list": []any{3}, "kind": "text",
	}
	if got := merge(base, top); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if _, changed := base["o"].(map[string]any)["deep"].(map[string]any)["q"]; changed {
		t.Error("the base was changed")
	}
	if got := merge(nil, top); !reflect.DeepEqual(got, top) {
		t.Errorf("on top of nothing: %v", got)
	}
}

// Every stack of the checkout runs here: its functions are built for this machine, and its settings say so.
func TestStacksOfTheCheckout(t *testing.T) {
	for stack, cluster := range map[string]bool{"local": false, "dev": true, "staging": true, "prod": true} {
		settings := map[string]any{"tags": map[string]any{"owner": "test"}}
		if cluster { // what each team must say of its own
			settings["cluster"] = map[string]any{"privateAccess": true, "digestsOnly": false}
		}
		o, err := Options{
			Root: "..", Stack: stack, StateDir: t.TempDir(), Settings: map[string]any{config.Key: settings},
		}.resolve()
		if err != nil {
			t.Fatal(err)
		}
		c, err := stackConfig(o.Root, o.Stack, o.settings())
		if err != nil {
			t.Fatal(err)
		}
		object := c[config.Key].(map[string]any)
		if object["architecture"] != runtime.GOARCH || object["environment"] != stack || object["tags"] == nil ||
			c["aws:region"] != Region {
			t.Errorf("%s: %v", stack, c)
		}
		if got, err := hasCluster(o.Root, stack, c); err != nil || got != cluster {
			t.Errorf("%s has a cluster: %v, %v", stack, got, err)
		}
		object["segments"] = "none"
		if _, err := hasCluster(o.Root, stack, c); err == nil || !strings.Contains(err.Error(), "Pulumi."+stack+".yaml") ||
			!strings.Contains(err.Error(), "segments") {
			t.Errorf("an invalid setting: %v", err)
		}
	}
}

func TestStacksShareWhatIsBuilt(t *testing.T) {
	t.Setenv("DIP_CACHE", t.TempDir())
	local, err := Options{Root: ".."}.resolve()
	if err != nil {
		t.Fatal(err)
	}
	dev, err := Options{Root: "..", Stack: "dev"}.resolve()
	if err != nil {
		t.Fatal(err)
	}
	if local.Stack != StackName || local.artifacts() != dev.artifacts() || local.StateDir == dev.StateDir {
		t.Errorf("%+v, %+v", local, dev)
	}
}

func TestEngineEnvironment(t *testing.T) {
	e := &engine{
		place: place(t.TempDir()), daemon: Daemon{Endpoint: "http://127.0.0.1:1"},
		tools: Toolchain{Env: map[string]string{"PATH": "/tools"}}, env: map[string]string{"DIP_CHARTS": "/charts"},
	}
	got := e.environment()
	for _, want := range []string{"AWS_ENDPOINT_URL=http://127.0.0.1:1", "PATH=/tools", "DIP_CHARTS=/charts",
		"PULUMI_BACKEND_URL=file://" + filepath.ToSlash(e.place.backend())} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s in %v", want, got)
		}
	}
}

func TestChanges(t *testing.T) {
	for _, c := range []struct {
		changes Changes
		any     bool
		text    string
	}{
		{nil, false, "0 resources: no change"},
		{Changes{"same": 7, "read": 1, "refresh": 1}, false, "9 resources: no change"},
		{Changes{"same": 7, "create": 2, "replace": 1}, true, "10 resources: 2 created, 1 replaced"},
		{Changes{"update": 1, "delete": 3}, true, "4 resources: 1 updated, 3 deleted"},
	} {
		if c.changes.Any() != c.any || c.changes.String() != c.text {
			t.Errorf("%v: %v, %q", c.changes, c.changes.Any(), c.changes)
		}
	}
}
