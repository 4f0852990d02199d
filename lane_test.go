package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dip/components/componenttest"
	"dip/config"
	"dip/contract"
	"dip/stack/stacktest"
)

const rolePolicy = "aws:iam/rolePolicy:RolePolicy"

// The gateway's pods write to their own log group, and nowhere else: without it, what they said is gone with them.
func TestTheGatewaysPodsKeepTheirLog(t *testing.T) {
	r := deployWith(t, config.Prod, behindBalancer)
	group := r.Find(t, "aws:cloudwatch/logGroup:LogGroup", "gateway-logs").Inputs["retentionInDays"].NumberValue()
	if want := stacktest.Settings(t, config.Prod, onARM).Cluster.LogDays; int(group) != want {
		t.Errorf("their log is kept for %v days, want %d", group, want)
	}
	var document struct {
		Statement []struct{ Action, Resource []string }
	}
	text := r.Find(t, rolePolicy, "gateway-policy").Inputs["policy"].StringValue()
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	var logs [][]string
	for _, s := range document.Statement {
		if strings.HasPrefix(s.Action[0], "logs:") {
			logs = append(logs, s.Action, s.Resource)
		}
	}
	want := [][]string{{"logs:CreateLogStream", "logs:PutLogEvents"},
		{"arn:aws:logs:us-east-1:123456789012:log-group:gateway-logs:*"}}
	if !reflect.DeepEqual(logs, want) {
		t.Errorf("their rights on logs are %q, want %q", logs, want)
	}
}

// Chunks and restages reach the queues that workers and jobs may take from.
func TestHeavyLane(t *testing.T) {
	r, settings := deploy(t, config.Dev), stacktest.Settings(t, config.Dev, onARM)
	var c contract.Catalog
	object := r.Find(t, "aws:s3/bucketObjectv2:BucketObjectv2", "catalog-object")
	if err := json.Unmarshal([]byte(object.Inputs["content"].StringValue()), &c); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(c.Restage, "/restage-queue") {
		t.Errorf("catalog has restage queue %s", c.Restage)
	}
	sends := r.Find(t, rolePolicy, "reconciler-policy").Inputs["policy"].StringValue()
	jobs := r.Find(t, rolePolicy, "restage-policy").Inputs["policy"].StringValue()
	if !strings.Contains(sends, `:restage-queue"`) {
		t.Error("the reconciler may not ask for a restage")
	}
	for _, name := range settings.FileNames() {
		if got := c.Segments[name].Loads; got != settings.Catalog(name).Loads || got.ChunkBytes == 0 {
			t.Errorf("catalog has loads of %s as %+v", name, got)
		}
		if got := c.Segments[name].Workers; !strings.HasSuffix(got, "/"+name+"-workers-queue") {
			t.Errorf("catalog has workers' queue %s of %s", got, name)
		}
		for _, queue := range []string{name + "-queue", name + "-workers-queue"} {
			if !strings.Contains(sends, ":"+queue+`"`) || !strings.Contains(jobs, ":"+queue+`"`) {
				t.Errorf("the reconciler or the restage job may not send to %s", queue)
			}
		}
		worker := r.Find(t, rolePolicy, "worker-"+name+"-policy").Inputs["policy"].StringValue()
		for _, want := range []string{":" + name + "-workers-queue", "/staging/" + name + "/*", "/data/" + name + "/*"} {
			if !strings.Contains(worker, want) {
				t.Errorf("the worker of %s has no right on %s", name, want)
			}
		}
		for _, other := range settings.FileNames() {
			if other != name && strings.Contains(worker, "/"+other+"/") {
				t.Errorf("the worker of %s has rights of %s", name, other)
			}
		}
	}
	// A message's age counts while the job works.
	late := r.Find(t, "aws:cloudwatch/metricAlarm:MetricAlarm", "operations-restage-age").Inputs["threshold"].NumberValue()
	if want := (settings.Queues.MaxAge + settings.Cluster.Restage.Deadline).Seconds(); int(late) != want {
		t.Errorf("a restage is late after %v s, want %d s", late, want)
	}
}

// What runs on the cluster waits for its rights, its namespace, nodes, and for KEDA, which must be gone after it.
func TestWorkloadsWaitForWhatTheyNeed(t *testing.T) {
	r, settings := deploy(t, config.Dev), stacktest.Settings(t, config.Dev, onARM)
	nodes := []string{"batch-group", "services-group"}
	platform := append(slices.Clone(nodes), "tenancy-dip", "keda-release", "keda-authentication")
	waits := func(token, name string, want ...string) {
		t.Helper()
		after := r.Find(t, token, name).After
		for _, other := range want {
			if !slices.Contains(after, other) {
				t.Errorf("%s does not wait for %s: %q", name, other, after)
			}
		}
	}
	for _, segment := range settings.FileNames() {
		name := "worker-" + segment
		want := append(slices.Clone(platform), name+"-policy", name+"-association")
		waits("kubernetes:apps/v1:Deployment", name+"-deployment", want...)
		waits("kubernetes:keda.sh/v1alpha1:ScaledObject", name+"-scaling", want...)
	}
	jobs := append(slices.Clone(platform), "restage-policy", "restage-association")
	waits("kubernetes:keda.sh/v1alpha1:ScaledJob", "restage-jobs", jobs...)
	waits("kubernetes:helm.sh/v3:Release", "keda-release", append(nodes, "tenancy-keda", "keda-operator-policy")...)
	waits("aws:eks/addon:Addon", "cluster-coredns", nodes...)
}

// Restaged pieces do not stay for ever, and only stacks that restage have such a rule.
func TestStagedPiecesExpire(t *testing.T) {
	for environment, want := range map[config.Environment]bool{config.Dev: true, config.Local: false} {
		rules := fmt.Sprint(lifecycle(t, deploy(t, environment)))
		days := fmt.Sprintf("days:%d", stacktest.Settings(t, environment, onARM).Cluster.Restage.KeepDays)
		if got := strings.Contains(rules, "prefix:"+contract.StagingPrefix); got != want {
			t.Errorf("%s: staged pieces expire: %v, want %v", environment, got, want)
		}
		if want && !strings.Contains(rules, "expiration:map["+days+"]") {
			t.Errorf("%s: want %s in %s", environment, days, rules)
		}
	}
}

func lifecycle(t *testing.T, r *componenttest.Recorder) any {
	t.Helper()
	const token = "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2"
	return r.Find(t, token, "lake-lifecycle").Inputs.Mappable()["rules"]
}
