package main

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/config"
	"dip/contract"
	"dip/k8s/k8stest"
	"dip/stack/stacktest"
)

// run is the program on the day of the tests.
func run(ctx *pulumi.Context) error { return program(ctx, stacktest.Today) }

// deployWith runs the whole program as a stack, with its own settings, changed.
func deployWith(
	t *testing.T, environment config.Environment, change func(settings map[string]any),
) *componenttest.Recorder {
	t.Helper()
	r, err := stacktest.Run(t, environment, change, run)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// onARM fixes the architecture, which locally is the host's.
func onARM(settings map[string]any) { settings["architecture"] = "arm64" }

func deploy(t *testing.T, environment config.Environment) *componenttest.Recorder {
	t.Helper()
	return deployWith(t, environment, onARM)
}

// Workers and jobs have the code of the image, functions that of their archives.
func TestImageNamesItsContent(t *testing.T) {
	r := deploy(t, config.Dev)
	images, codes := map[string]bool{}, map[string]bool{}
	for _, object := range k8stest.Objects(r) {
		text, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`"image":"([^"]*images-repository[^"]*)"`).FindAllSubmatch(text, -1) {
			images[string(found[1])] = true
		}
		for _, found := range regexp.MustCompile(`"DIP_CODE","value":"([0-9a-f]{16})"`).FindAllSubmatch(text, -1) {
			codes[string(found[1])] = true
		}
	}
	if len(images) != 1 || !regexp.MustCompile(`:[0-9a-f]{16}$`).MatchString(slices.Sorted(maps.Keys(images))[0]) {
		t.Errorf("images are %v, want one with the hash of its content", images)
	}
	if programs := len(packages(stacktest.Settings(t, config.Dev, nil))) + 1; len(codes) != programs {
		t.Errorf("%d fingerprints, want one for each of %d programs: %v", len(codes), programs, codes)
	}
}

// Before the image is pushed the program declares its repository alone, all of it below the target of that update, and
// names the same image as the whole program.
func TestRegistryOnly(t *testing.T) {
	_, all := outputs(t, config.Dev)
	t.Setenv(config.RegistryOnly, "true")
	r, only := outputs(t, config.Dev)
	want := map[string]any{"cluster": map[string]any{"image": all["cluster"].(map[string]any)["image"]}}
	if !reflect.DeepEqual(only, want) {
		t.Errorf("outputs are %v, want %v", only, want)
	}
	target := strings.Trim(config.RegistryTarget, "*")
	for _, c := range r.Resources() {
		if c.Type != target && !strings.HasPrefix(c.Parent, target+"::") {
			t.Errorf("declares %s %s, which is not a target", c.Type, c.Name)
		}
	}
	if len(r.Children(target, "images")) == 0 {
		t.Error("declares no repository")
	}
}

// packages are the packages of the segments.
func packages(s *config.Stack) map[string]bool {
	all := map[string]bool{}
	for _, name := range s.FileNames() {
		all[s.Segments[name].Package] = true
	}
	return all
}

// A segment's function runs the code and has the fingerprint of its own package.
func TestFunctionsRunTheirOwnCode(t *testing.T) {
	settings := stacktest.Settings(t, config.Local, nil)
	codes, names := map[string]string{}, []string{}
	for _, r := range deploy(t, config.Local).Resources() {
		if r.Type != "aws:lambda/function:Function" {
			continue
		}
		name := strings.TrimSuffix(r.Name, "-function")
		want := name
		if segment, ok := settings.Segments[name]; ok {
			want = filepath.Base(segment.Package)
		}
		for _, function := range contract.StreamFunctions {
			if strings.HasSuffix(name, "-"+function) {
				want = function
			}
		}
		if got := filepath.Base(r.Inputs["code"].ArchiveValue().Path); got != want+".zip" {
			t.Errorf("%s runs %s", name, got)
		}
		variables := r.Inputs["environment"].ObjectValue()["variables"].ObjectValue()
		code := variables["DIP_CODE"].StringValue()
		if other, ok := codes[code]; ok && other != want {
			t.Errorf("%s and %s have the same fingerprint", want, other)
		}
		codes[code], names = want, append(names, name)
	}
	want := slices.Concat(contract.SystemFunctions, settings.SegmentNames(),
		[]string{contract.RolloutFunction, contract.Maintenance})
	for _, name := range settings.StreamNames() {
		want = append(want, contract.StreamFunction(name, contract.Witness), contract.StreamFunction(name, contract.Closer))
	}
	slices.Sort(want)
	if !slices.Equal(slices.Sorted(slices.Values(names)), want) {
		t.Errorf("functions are %q, want %q", names, want)
	}
}

func TestBadConfigRegistersNothing(t *testing.T) {
	r, err := stacktest.Run(t, config.Dev, func(settings map[string]any) {
		settings["ladning"] = map[string]any{}
		settings["segments"].(map[string]any)["trips"] = map[string]any{
			"partition": map[string]any{"field": "pickup"}, "concurrency": 1,
		}
	}, run)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		"Pulumi.dev.yaml, dip:stack:", "ladning: unknown; did you mean landing?",
		"segments.trips.concurrency: 1: want 2 to 1000",
		"segments.trips.partition.field: the schema has no field pickup; did you mean pickup_at?",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	if got := r.Resources(); len(got) != 0 {
		t.Errorf("registered %v", got)
	}
}

// What only the region knows fails as early as what the config says.
func TestTooFewZonesRegisterNothing(t *testing.T) {
	r, err := stacktest.Run(t, config.Dev, func(settings map[string]any) {
		settings["network"] = map[string]any{"availabilityZones": 6}
	}, run)
	const want = "network.availabilityZones: 6: us-east-1 has 5 that EKS can use"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	if got := r.Resources(); len(got) != 0 {
		t.Errorf("registered %v", got)
	}
}
