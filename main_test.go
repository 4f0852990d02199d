package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"gopkg.in/yaml.v3"

	"dip/components/componenttest"
	"dip/config"
	"dip/contract"
	"dip/internal/build"
	"dip/k8s"
	"dip/k8s/k8stest"
)

// deploy runs the whole program as a stack.
func deploy(t *testing.T, environment config.Environment, change func(stack map[string]any)) (*componenttest.Recorder, error) {
	t.Helper()
	return run(t, environment, change, program)
}

// run runs a program as a stack, with the stack's own file, changed, and artifacts that are made up.
func run(t *testing.T, environment config.Environment, change func(stack map[string]any), program pulumi.RunFunc) (*componenttest.Recorder, error) {
	t.Helper()
	data, err := os.ReadFile("Pulumi." + string(environment) + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Config map[string]any }
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(file.Config[config.Key].(map[string]any))
	}
	object, err := json.Marshal(file.Config[config.Key])
	if err != nil {
		t.Fatal(err)
	}
	return componenttest.Run(string(environment), map[string]string{
		config.Key: string(object), config.ArtifactsKey: artifacts(t),
	}, program)
}

// artifacts are archives of every function, each with its name for a binary.
func artifacts(t *testing.T) string {
	t.Helper()
	names, err := build.Functions(".")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range names {
		archive, err := build.Pack([]byte(name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".zip"), archive, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	app := filepath.Join(dir, "image", "app")
	if err := os.MkdirAll(app, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, build.Restage) {
		if err := os.WriteFile(filepath.Join(app, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// mustDeployWith is deploy of a stack that is right with its change.
func mustDeployWith(t *testing.T, environment config.Environment, change func(stack map[string]any)) *componenttest.Recorder {
	t.Helper()
	r, err := deploy(t, environment, change)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// queueMode has the batch group scaled by the Cluster Autoscaler and drained from a queue.
func queueMode(stack map[string]any) {
	stack["cluster"] = map[string]any{"access": map[string]any{
		"ops": map[string]any{"principal": "arn:aws:iam::123456789012:role/ops", "policy": "admin", "namespaces": []string{k8s.Workloads}},
	}}
	stack["nodeGroups"] = map[string]any{
		"services": map[string]any{"labels": map[string]string{"team": "data"}},
		"batch":    map[string]any{"kind": "batch", "dedicated": true, "scaler": "clusterAutoscaler", "interruptions": "queue"},
	}
}

// mustDeploy is deploy of a stack that is right. The architecture is fixed: locally it is the host's.
func mustDeploy(t *testing.T, environment config.Environment) *componenttest.Recorder {
	t.Helper()
	return mustDeployWith(t, environment, func(stack map[string]any) { stack["architecture"] = "arm64" })
}

// Names of resources are what the engine knows them by: a changed line is a resource that is replaced.
func TestURNs(t *testing.T) {
	for _, e := range config.Environments {
		t.Run(string(e), func(t *testing.T) {
			var list bytes.Buffer
			for _, r := range mustDeploy(t, e).Resources() {
				fmt.Fprintf(&list, "%s > %s::%s", r.Parent, r.Type, r.Name)
				if r.Protect {
					list.WriteString(" protected")
				}
				if r.Retain {
					list.WriteString(" retained")
				}
				list.WriteByte('\n')
			}
			componenttest.Golden(t, "testdata/urns."+string(e)+".txt", list.Bytes())
		})
	}
}

// What the cluster's API server is asked for, object by object. The lab checks these files against a real one.
func TestManifests(t *testing.T) {
	for _, e := range config.Environments {
		t.Run(string(e), func(t *testing.T) {
			if text := k8stest.Manifest(t, mustDeploy(t, e)); len(text) > 0 {
				componenttest.Golden(t, "testdata/manifests/"+string(e)+".yaml", text)
			}
		})
	}
}

// Workers and jobs have the code of the image, functions that of their archives.
func TestImageNamesItsContent(t *testing.T) {
	r := mustDeploy(t, config.Dev)
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
	if len(codes) != 3 {
		t.Errorf("%d fingerprints, want one for each of 3 programs: %v", len(codes), codes)
	}
}

// What every role may do, statement by statement. A changed line is a changed right.
func TestRights(t *testing.T) {
	type statement struct {
		Effect           string
		Principal        json.RawMessage
		Action, Resource []string
		Condition        json.RawMessage
	}
	var list bytes.Buffer
	for _, r := range mustDeploy(t, config.Prod).Resources() {
		text := ""
		for _, key := range []string{"policy", "assumeRolePolicy"} {
			if v, ok := r.Inputs.Mappable()[key].(string); ok {
				text = v
			}
		}
		if text == "" {
			continue
		}
		var document struct{ Statement []statement }
		if err := json.Unmarshal([]byte(text), &document); err != nil {
			t.Fatalf("%s: %v", r.Name, err)
		}
		if len(document.Statement) == 0 {
			continue // another kind of policy
		}
		fmt.Fprintf(&list, "%s\n", r.Name)
		for _, s := range document.Statement {
			fmt.Fprintf(&list, "  %s %s %s\n    on %s\n", s.Effect, strings.Join(s.Action, " "), s.Principal, strings.Join(s.Resource, " "))
			if s.Condition != nil {
				fmt.Fprintf(&list, "    if %s\n", s.Condition)
			}
			for _, action := range s.Action {
				if s.Effect == "Allow" && strings.Contains(action, "*") {
					t.Errorf("%s allows %s", r.Name, action)
				}
			}
		}
	}
	componenttest.Golden(t, "testdata/rights.txt", list.Bytes())
}

// What the program asks of the AWS plugin, whose name table must have all of it.
func TestUsedProperties(t *testing.T) {
	used := map[string]map[string]bool{}
	everything := func(stack map[string]any) {
		stack["lake"] = map[string]any{"intelligentTiering": map[string]any{"archiveDays": 90, "deepArchiveDays": 180}}
		stack["alarmTopics"] = []string{"arn:aws:sns:us-east-1:123456789012:ops"}
		stack["functions"] = map[string]any{"intake": map[string]any{"reservedConcurrency": 10}}
	}
	recorded := []*componenttest.Recorder{mustDeployWith(t, config.Prod, queueMode)}
	for _, e := range config.Environments {
		recorded = append(recorded, mustDeployWith(t, e, everything))
	}
	for _, r := range recorded {
		for _, resource := range r.Resources() {
			if !strings.HasPrefix(resource.Type, "aws:") {
				continue
			}
			if used[resource.Type] == nil {
				used[resource.Type] = map[string]bool{}
			}
			for key := range resource.Inputs {
				used[resource.Type][string(key)] = true
			}
		}
	}
	sorted := map[string][]string{}
	for token, properties := range used {
		sorted[token] = slices.Sorted(maps.Keys(properties))
	}
	data, err := json.MarshalIndent(sorted, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	componenttest.Golden(t, "components/componenttest/testdata/used.json", append(data, '\n'))
}

func TestEveryTaggableResourceIsTagged(t *testing.T) {
	for _, r := range mustDeploy(t, config.Prod).Resources() {
		tags, ok := r.Inputs.Mappable()["tags"].(map[string]any)
		if ok && (tags["dip:stack"] != "prod" || tags["dip:environment"] != "prod") {
			t.Errorf("%s is tagged %v", r.Name, tags)
		}
		if r.Type == "aws:s3/bucketV2:BucketV2" && !ok {
			t.Errorf("%s is not tagged", r.Name)
		}
	}
}

// A segment's function runs the code and has the fingerprint of its own package.
func TestFunctionsRunTheirOwnCode(t *testing.T) {
	codes := map[string]string{}
	for _, r := range mustDeploy(t, config.Local).Resources() {
		if r.Type != "aws:lambda/function:Function" {
			continue
		}
		name := strings.TrimSuffix(r.Name, "-function")
		if got := filepath.Base(r.Inputs["code"].ArchiveValue().Path); got != name+".zip" {
			t.Errorf("%s runs %s", name, got)
		}
		variables := r.Inputs["environment"].ObjectValue()["variables"].ObjectValue()
		codes[variables["DIP_CODE"].StringValue()] = name
	}
	if len(codes) != 7 {
		t.Errorf("%d fingerprints, want one for each of 7 functions: %v", len(codes), codes)
	}
}

func TestOutputs(t *testing.T) {
	var outputs map[string]any
	_, err := run(t, config.Local, nil, func(ctx *pulumi.Context) error {
		s, err := declare(ctx)
		if err != nil {
			return err
		}
		all, err := s.outputs()
		if err != nil {
			return err
		}
		ctx.Export("all", all.ToMapOutput().ApplyT(func(v map[string]any) int { outputs = v; return len(v) }))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(outputs)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var o contract.StackOutputs[string]
	if err := decoder.Decode(&o); err != nil {
		t.Fatal(err)
	}
	if o.LandingBucket != "landing-bucket" || o.Region != componenttest.Region || !strings.HasPrefix(o.Catalog, contract.CatalogPrefix) {
		t.Errorf("outputs are %+v", o)
	}
	if got := o.Segments["trips"].Function; got != "arn:aws:lambda:us-east-1:123456789012:function:trips-function:live" {
		t.Errorf("trips is called by %s", got)
	}
	if len(o.Functions) != 4 || len(o.Segments) != 3 {
		t.Errorf("%d functions and %d segments", len(o.Functions), len(o.Segments))
	}
}

func TestBadConfigRegistersNothing(t *testing.T) {
	r, err := deploy(t, config.Dev, func(stack map[string]any) {
		stack["ladning"] = map[string]any{}
		stack["segments"].(map[string]any)["trips"] = map[string]any{"partition": map[string]any{"field": "pickup"}, "concurrency": 1}
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		"Pulumi.dev.yaml, dip:stack:", "ladning: unknown; did you mean landing?", "segments.trips.concurrency: 1: want 2 to 1000",
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
	r, err := deploy(t, config.Dev, func(stack map[string]any) { stack["network"] = map[string]any{"availabilityZones": 6} })
	const want = "network.availabilityZones: 6: us-east-1 has 5 that EKS can use"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	if got := r.Resources(); len(got) != 0 {
		t.Errorf("registered %v", got)
	}
}

// Chunks and restages reach the queues that workers and jobs may take from.
func TestHeavyLane(t *testing.T) {
	r := mustDeploy(t, config.Dev)
	var c contract.Catalog
	if err := json.Unmarshal([]byte(r.Find(t, "aws:s3/bucketObjectv2:BucketObjectv2", "catalog-object").Inputs["content"].StringValue()), &c); err != nil {
		t.Fatal(err)
	}
	if s := c.Segments["trips"]; !strings.HasSuffix(c.Restage, "/restage-queue") || !strings.HasSuffix(s.Workers, "/trips-workers-queue") ||
		s.Lane != contract.Functions || s.FunctionMB < 1000 {
		t.Errorf("catalog has restage %s and trips %+v", c.Restage, s)
	}
	const token = "aws:iam/rolePolicy:RolePolicy"
	sends := r.Find(t, token, "reconciler-policy").Inputs["policy"].StringValue()
	jobs := r.Find(t, token, "restage-policy").Inputs["policy"].StringValue()
	for _, queue := range []string{"trips-queue", "trips-workers-queue", "events-workers-queue"} {
		if !strings.Contains(sends, ":"+queue+`"`) || !strings.Contains(jobs, ":"+queue+`"`) {
			t.Errorf("the reconciler or the restage job may not send to %s", queue)
		}
	}
	if !strings.Contains(sends, `:restage-queue"`) {
		t.Error("the reconciler may not ask for a restage")
	}
	// Its age counts while the job works.
	if got := r.Find(t, "aws:cloudwatch/metricAlarm:MetricAlarm", "restage-age-alarm").Inputs["threshold"].NumberValue(); got != 13*3600 {
		t.Errorf("a restage is late after %v s", got)
	}
	worker := r.Find(t, token, "worker-trips-policy").Inputs["policy"].StringValue()
	for _, want := range []string{":trips-workers-queue", "/staging/trips/*", "/data/trips/*"} {
		if !strings.Contains(worker, want) {
			t.Errorf("the worker has no right on %s: %s", want, worker)
		}
	}
	if strings.Contains(worker, "events") {
		t.Errorf("the worker has rights of another segment: %s", worker)
	}
}

func TestMissingConfigAndArtifacts(t *testing.T) {
	if _, err := componenttest.Run("qa", nil, program); err == nil || !strings.Contains(err.Error(), "Pulumi.qa.yaml has no dip:stack") {
		t.Errorf("no config: %v", err)
	}
	r, err := componenttest.Run("local", map[string]string{
		config.Key:          `{"environment": "local", "segments": {"trips": {}}}`,
		config.ArtifactsKey: filepath.Join(t.TempDir(), "none"),
	}, program)
	if err == nil || strings.Count(err.Error(), "is not built: run `go run ./cmd/build") != 5 || !strings.Contains(err.Error(), "--arch "+runtime.GOARCH) {
		t.Errorf("no artifacts: %v", err)
	}
	if got := r.Resources(); len(got) != 0 {
		t.Errorf("registered %v", got)
	}
}
