package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/config"
	"dip/contract"
	"dip/k8s"
	"dip/k8s/k8stest"
	"dip/stack/stacktest"
)

// Names of resources are what the engine knows them by: a changed line is a resource that is replaced.
func TestURNs(t *testing.T) {
	for _, e := range config.Environments {
		t.Run(string(e), func(t *testing.T) {
			var list bytes.Buffer
			for _, r := range deploy(t, e).Resources() {
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

// What each resource depends on, and what AWS is asked for: rights, sizes, names of what it reads.
func TestResources(t *testing.T) {
	for _, e := range config.Environments {
		t.Run(string(e), func(t *testing.T) {
			componenttest.Golden(t, "testdata/resources."+string(e)+".yaml", deploy(t, e).Report(t, inManifest))
		})
	}
}

// inManifest says whether the inputs of a resource are in the golden files of manifests or of KEDA's release.
func inManifest(r componenttest.Resource) bool { return strings.HasPrefix(r.Type, "kubernetes:") }

// What changes in prod where settings differ that no stack of this repository has.
func TestResourcesOfOtherSettings(t *testing.T) {
	base := deploy(t, config.Prod)
	for name, change := range map[string]func(map[string]any){"queue-mode": queueMode, "options": options, "stream": byStream} {
		t.Run(name, func(t *testing.T) {
			changed := deployWith(t, config.Prod, change)
			text := append(changed.Changes(t, base, inManifest), k8stest.Changes(t, changed, base)...)
			componenttest.Golden(t, "testdata/prod-"+name+".yaml", text)
		})
	}
}

// What changes where the gateway is not a function, but pods behind a load balancer.
func TestResourcesOfTheGateway(t *testing.T) {
	base, changed := deployWith(t, config.Prod, byStream), deployWith(t, config.Prod, behindBalancer)
	text := append(changed.Changes(t, base, inManifest), k8stest.Changes(t, changed, base)...)
	componenttest.Golden(t, "testdata/prod-gateway.yaml", text)
}

// byStream has a segment whose records arrive by a stream that is read with enhanced fan-out.
func byStream(settings map[string]any) {
	settings["segments"].(map[string]any)["readings"] = map[string]any{
		"arrival": "stream", "encoding": "ndjson", "stream": map[string]any{"fanOut": true, "archiveDays": 400},
	}
}

// behindBalancer has the gateway on the cluster, which the stack "stream" has as a function.
func behindBalancer(settings map[string]any) {
	byStream(settings)
	settings["gateway"] = map[string]any{
		"certificate": "arn:aws:acm:us-east-1:123456789012:certificate/1", "host": "ingest.example.com",
	}
}

// queueMode has the batch group scaled by the Cluster Autoscaler and drained from a queue, and restage jobs elsewhere.
func queueMode(settings map[string]any) {
	settings["cluster"] = map[string]any{
		"access": map[string]any{"ops": map[string]any{
			"principal": "arn:aws:iam::123456789012:role/ops", "policy": "admin", "namespaces": []string{k8s.Workloads},
		}},
		"restage": map[string]any{"group": "services"},
	}
	settings["nodeGroups"] = map[string]any{
		"services": map[string]any{"min": 1, "labels": map[string]string{"team": "data"}},
		"batch": map[string]any{
			"kind": "batch", "dedicated": true, "scaler": "clusterAutoscaler", "interruptions": "queue",
		},
	}
}

// options sets what is off by default.
func options(settings map[string]any) {
	settings["lake"] = map[string]any{"intelligentTiering": map[string]any{"archiveDays": 90, "deepArchiveDays": 180}}
	settings["alarmTopics"] = []string{"arn:aws:sns:us-east-1:123456789012:ops"}
	settings["alarmEmails"], settings["alarmWebhooks"] = []string{"ops@example.com"}, []string{"https://example.com/ops"}
	settings["segments"].(map[string]any)["trips"].(map[string]any)["deadline"] = "30m"
	settings["backup"] = map[string]any{
		"lock": map[string]any{"mode": "compliance"}, "copyTo": "arn:aws:backup:eu-west-1:123456789012:backup-vault:dip",
	}
	settings["functions"] = map[string]any{"intake": map[string]any{"reservedConcurrency": 10}}
	settings["cluster"] = map[string]any{
		"privateAccess": true, "volumeKey": "arn:aws:kms:us-east-1:123456789012:key/volumes",
	}
}

// demands is what an organization demands of all roles and names.
func demands(settings map[string]any) {
	settings["permissionsBoundary"] = "arn:aws:iam::123456789012:policy/boundary"
	settings["rolePath"], settings["namePrefix"] = "/pipelines/", "acme"
}

// Nothing is left out: each role has the boundary and the path, and each name that is chosen here the prefix.
func TestDemandsReachEverything(t *testing.T) {
	roles := 0
	for _, r := range deployWith(t, config.Prod, demands).Resources() {
		in := r.Inputs.Mappable()
		if r.Type == "aws:iam/role:Role" {
			roles++
			if in["permissionsBoundary"] != "arn:aws:iam::123456789012:policy/boundary" || in["path"] != "/pipelines/" {
				t.Errorf("role %s has boundary %v and path %v", r.Name, in["permissionsBoundary"], in["path"])
			}
		}
		if !strings.HasPrefix(r.Type, "aws:") || fixedNames[r.Type] {
			continue
		}
		for _, key := range []string{"name", "namePrefix", "bucketPrefix", "nodeGroupNamePrefix"} {
			if name, ok := in[key].(string); ok && !strings.HasPrefix(name, "acme") {
				t.Errorf("%s %s has %s %q", r.Type, r.Name, key, name)
			}
		}
	}
	if roles < 10 {
		t.Errorf("only %d roles", roles)
	}
}

// fixedNames are types whose names AWS prescribes, or that are known only below another resource.
var fixedNames = map[string]bool{
	"aws:cloudwatch/logGroup:LogGroup": true, "aws:lambda/alias:Alias": true, "aws:sfn/alias:Alias": true,
	"aws:kms/alias:Alias": true,
}

// What the cluster's API server is asked for, object by object. The lab checks these files against a real one.
func TestManifests(t *testing.T) {
	for _, e := range config.Environments {
		t.Run(string(e), func(t *testing.T) {
			if text := k8stest.Manifest(t, deploy(t, e)); len(text) > 0 {
				componenttest.Golden(t, "testdata/manifests/"+string(e)+".yaml", text)
			}
		})
	}
}

// No role may do everything that a service has.
func TestRightsAreNoWildcards(t *testing.T) {
	found := 0
	for _, r := range deploy(t, config.Prod).Resources() {
		text, ok := r.Inputs.Mappable()["policy"].(string)
		if !ok || !strings.Contains(text, `"Statement"`) {
			continue
		}
		var document struct {
			Statement []struct {
				Effect string
				Action []string
			}
		}
		if err := json.Unmarshal([]byte(text), &document); err != nil {
			t.Fatalf("%s: %v", r.Name, err)
		}
		for _, s := range document.Statement {
			found++
			if s.Effect == "Allow" && strings.Contains(strings.Join(s.Action, " "), "*") {
				t.Errorf("%s allows %s", r.Name, s.Action)
			}
		}
	}
	if found == 0 {
		t.Error("no statement found")
	}
}

// What the program asks of the AWS plugin, whose name table must have all of it.
func TestUsedProperties(t *testing.T) {
	recorded := []*componenttest.Recorder{
		deployWith(t, config.Prod, queueMode), deployWith(t, config.Prod, demands),
	}
	for _, e := range config.Environments {
		recorded = append(recorded, deployWith(t, e, options))
	}
	used := map[string]map[string]bool{}
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
	for _, r := range deploy(t, config.Prod).Resources() {
		tags, ok := r.Inputs.Mappable()["tags"].(map[string]any)
		if ok && (tags["dip:stack"] != "prod" || tags["dip:environment"] != "prod") {
			t.Errorf("%s is tagged %v", r.Name, tags)
		}
		if r.Type == "aws:s3/bucketV2:BucketV2" && !ok {
			t.Errorf("%s is not tagged", r.Name)
		}
	}
}

// The outputs of a stack, in the form in which the data plane reads them.
func TestOutputs(t *testing.T) {
	for _, e := range config.Environments {
		t.Run(string(e), func(t *testing.T) {
			_, exported := outputs(t, e)
			data, err := json.MarshalIndent(exported, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			decoder := json.NewDecoder(bytes.NewReader(data))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(new(contract.StackOutputs[string])); err != nil {
				t.Fatal(err)
			}
			componenttest.Golden(t, "testdata/outputs."+string(e)+".json", append(data, '\n'))
		})
	}
}

// outputs runs the program of a stack, and returns what it exports.
func outputs(t *testing.T, e config.Environment) (r *componenttest.Recorder, exported map[string]any) {
	t.Helper()
	r, err := stacktest.Run(t, e, onARM, func(ctx *pulumi.Context) error {
		all, err := declare(ctx, stacktest.Today)
		if err != nil {
			return err
		}
		ctx.Export("all", all.ToMapOutput().ApplyT(func(v map[string]any) int { exported = v; return len(v) }))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r, exported
}
