package config

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestInstanceSize(t *testing.T) {
	for name, want := range map[string]Size{
		"m7g.large": {2, 8, ARM64}, "m7gd.large": {2, 8, ARM64}, "c7gn.xlarge": {4, 8, ARM64}, "m7g.medium": {1, 4, ARM64},
		"m6i.large": {2, 8, AMD64}, "c5.9xlarge": {36, 72, AMD64}, "r6a.2xlarge": {8, 64, AMD64},
		"c7i-flex.large": {2, 4, AMD64},
	} {
		if got, err := InstanceSize(name); err != nil || got != want {
			t.Errorf("%s: %v %v, want %v", name, got, err, want)
		}
	}
	for _, name := range []string{"", "m7g", "t3.large", "m4.large", "c5n.large", "m7g.metal", "m7g.1xlarge",
		"m7g.0xlarge", "x2gd.large", "M7g.large"} {
		if got, err := InstanceSize(name); err == nil {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestAddressPlan(t *testing.T) {
	plan, err := PlanAddresses("10.20.0.0/16", 24, 20)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, id := range []string{"use1-az1", "use1-az2", "use1-az4", "use1-az8"} {
		got = append(got, plan.Private(Zone{ID: id}).String(), plan.Public(Zone{ID: id}).String())
	}
	want := "10.20.0.0/20 10.20.128.0/24 10.20.16.0/20 10.20.129.0/24 10.20.48.0/20 10.20.131.0/24 10.20.112.0/20 " +
		"10.20.135.0/24"
	if strings.Join(got, " ") != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, c := range []struct{ cidr, want string }{
		{"10.20.0.0/17", "want /16"}, {"10.20.1.0/16", "is not an IPv4 block"}, {"10.0.0.0/8", "AWS takes /16 to /28"},
		{"fd00::/64", "is not an IPv4 block"},
	} {
		if _, err := PlanAddresses(c.cidr, 24, 20); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.cidr, err, c.want)
		}
	}
}

// Whatever plan is accepted, its blocks lie in the network, on their boundaries, and none overlaps another.
func TestAddressPlansNeverOverlap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	for range 3000 {
		cidr := fmt.Sprintf("10.0.0.0/%d", 16+random.IntN(13))
		public, private := 16+random.IntN(13), 16+random.IntN(13)
		plan, err := PlanAddresses(cidr, public, private)
		if err != nil {
			continue
		}
		accepted++
		vpc, _ := parsePrefix(cidr)
		var blocks []string
		for slot := range zoneSlots {
			z := Zone{ID: fmt.Sprintf("x-az%d", slot+1)}
			for _, b := range []string{plan.Private(z).String(), plan.Public(z).String()} {
				p, err := parsePrefix(b)
				if err != nil || !vpc.Contains(p.Addr()) || p.Bits() < vpc.Bits() {
					t.Fatalf("%s %d %d: block %s: %v", cidr, public, private, b, err)
				}
				for _, o := range blocks {
					if other, _ := parsePrefix(o); other.Overlaps(p) {
						t.Fatalf("%s %d %d: %s overlaps %s", cidr, public, private, b, o)
					}
				}
				blocks = append(blocks, b)
			}
		}
	}
	if accepted < 100 {
		t.Errorf("only %d plans were accepted", accepted)
	}
}

func zones(ids ...string) (list []Zone) {
	for _, id := range ids {
		list = append(list, Zone{Name: "name of " + id, ID: id})
	}
	return list
}

func TestChooseZones(t *testing.T) {
	all := zones("use1-az6", "use1-az1", "use1-az3", "use1-az2", "use1-az5", "use1-az4", "use1-bos1-az1x")
	chosen, err := ChooseZones("us-east-1", all, 4)
	if err != nil || !slices.Equal(chosen, zones("use1-az1", "use1-az2", "use1-az4", "use1-az5")) {
		t.Errorf("%v %v", chosen, err)
	}
	_, err = ChooseZones("eu-west-1", zones("euw1-az1", "euw1-az2", "euw1-az3"), 4)
	if err == nil || err.Error() != "network.availabilityZones: 4: eu-west-1 has 3 that EKS can use; choose one of "+
		"ap-northeast-2, us-east-1, us-west-2" {
		t.Errorf("too few: %v", err)
	}
	if _, err = ChooseZones("us-east-1", all, 6); err == nil || !strings.Contains(err.Error(), "lower it") {
		t.Errorf("more than there are anywhere: %v", err)
	}
}

func TestFunctionMB(t *testing.T) {
	for _, c := range []struct {
		memoryMB int
		timeout  Duration
		want     int
	}{
		{1769, minutes(5), 2500}, // 100 s at 25 MiB/s
		{10240, minutes(5), 2500},
		{512, seconds(30), 72},
		{1769, minutes(15), 7500},
	} {
		s := Segment{Function: Function{MemoryMB: c.memoryMB, Timeout: c.timeout}}
		if got := s.FunctionMB(); got != c.want {
			t.Errorf("%d MiB, %s: %d, want %d", c.memoryMB, c.timeout, got, c.want)
		}
	}
	for _, e := range Environments {
		s := mustParse(t, stack(string(e), "", ""))
		if got := s.Segments["trips"].FunctionMB(); got < s.Loads.ChunkMB {
			t.Errorf("%s: a function may take %d MiB, and chunks have %d: all would run on the cluster", e, got, s.Loads.ChunkMB)
		}
	}
}

func mustParse(t *testing.T, text string) *Stack {
	t.Helper()
	s, err := parse(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPlatformDefaults(t *testing.T) {
	for _, e := range []Environment{Dev, Staging, Prod} {
		s := mustParse(t, `{"environment": "`+string(e)+`", "segments": {"trips": {}}}`)
		if g := s.NodeGroups["batch"]; g.Scaler != EscalatorScaler || g.Interruptions != ByIMDS || !g.Dedicated ||
			g.Min != 0 {
			t.Errorf("%s: batch is %+v", e, g)
		}
		if s.Cluster.AddOns["vpc-cni"] != DefaultAddOn || Minor(s.Cluster.Autoscaler) != s.Cluster.Version {
			t.Errorf("%s: %+v", e, s.Cluster)
		}
	}
	if prod := mustParse(t, stack("prod", "", "")).NodeGroups["base"]; prod.Capacity != OnDemand || prod.Min != 1 {
		t.Errorf("all of prod's controllers are on spot: %+v", prod)
	}
	for _, e := range []Environment{Local, Small} {
		if s := mustParse(t, stack(string(e), "", "")); s.Cluster.Enabled || len(s.NodeGroups) > 0 {
			t.Errorf("%s has a cluster: %+v", e, s.NodeGroups)
		}
	}
	s := mustParse(t, `{"environment": "dev", "architecture": "amd64", "segments": {"trips": {}}, "nodeGroups": `+
		`{"services": {"min": 1}, "batch": {"kind": "batch", "dedicated": true}}}`)
	if got := s.NodeGroups["batch"].InstanceTypes[0]; got != "c7i.xlarge" {
		t.Errorf("types do not follow the architecture: %s", got)
	}
}

// Every rule about the cluster, with its message. Each case is one wrong setting in a stack that is right.
func TestPlatformRules(t *testing.T) {
	const batch = `"nodeGroups": {"services": {"min": 1}, "batch": {"kind": "batch", "dedicated": true%s}}`
	for _, c := range []struct{ name, settings, want string }{
		{"fewer than four zones", `"network": {"availabilityZones": 3}`,
			"network.availabilityZones: 3: want 4 to 8; regions with at least 4 that EKS can use: ap-northeast-2, us-east-1, " +
				"us-west-2"},
		{"existing VPC's id", `"network": {"vpc": "mine", "privateSubnets": ["subnet-01234561", "subnet-01234562", ` +
			`"subnet-01234563", "subnet-01234564"]}`, `network.vpc: "mine" is not the id of a VPC`},
		{"existing VPC with three zones", `"network": {"vpc": "vpc-01234567", "privateSubnets": ["subnet-01234561", ` +
			`"subnet-01234562", "subnet-01234563"]}`,
			"network.privateSubnets: 3: an existing VPC needs at least 4, one a zone"},
		{"subnet twice", `"network": {"vpc": "vpc-01234567", "privateSubnets": ["subnet-01234561", "subnet-01234562", ` +
			`"subnet-01234563", "subnet-01234561"]}`, "network.privateSubnets[3]: subnet-01234561 is listed twice"},
		{"subnet's id", `"network": {"vpc": "vpc-01234567", "privateSubnets": ["subnet-01234561", "subnet-01234562", ` +
			`"subnet-01234563", "subnet-01234564"], "publicSubnets": ["a"]}`,
			`network.publicSubnets[0]: "a" is not the id of a subnet`},
		{"subnets without their VPC", `"network": {"privateSubnets": ["subnet-01234561"]}`,
			"network.privateSubnets: only an existing VPC has them: set network.vpc"},
		{"block too small", `"network": {"cidr": "10.0.0.0/20"}`,
			"network.cidr: 10.0.0.0/20 is too small for 8 private /20 and public /24 subnets: want /16, or smaller subnets"},
		{"endpoint that is a gateway's", `"network": {"endpoints": ["s3"]}`,
			`network.endpoints[0]: "s3" always has a gateway endpoint`},
		{"endpoint twice", `"network": {"endpoints": ["sqs", "sqs"]}`, "network.endpoints[1]: \"sqs\" is listed twice"},
		{"endpoint's name", `"network": {"endpoints": ["com/sqs"]}`,
			"network.endpoints[0]: \"com/sqs\": want the service part"},
		{"days of flow logs", `"network": {"flowLogDays": 2}`, "network.flowLogDays: 2: CloudWatch keeps logs for one of"},
		{"unsupported Kubernetes", `"cluster": {"version": "1.21"}`,
			`cluster.version: "1.21": want a version that EKS supports and this project knows: 1.33, 1.34, 1.35, 1.36`},
		{"autoscaler of another minor", `"cluster": {"autoscaler": "v1.33.0"}`,
			"cluster.autoscaler: v1.33.0: want the minor of cluster.version, 1.36"},
		{"cluster that nobody reaches", `"cluster": {"privateAccess": false}`,
			"cluster.publicCidrs: none: the cluster's endpoint is private, so that the first up fails at the first Kubernetes " +
				"object, and destroy too, unless the deployer is connected to the VPC: want the addresses from which you deploy, " +
				"such as 203.0.113.7/32, or cluster.privateAccess: true"},
		{"public endpoint for everyone", `"cluster": {"publicCidrs": ["0.0.0.0/0"]}`,
			"cluster.publicCidrs[0]: \"0.0.0.0/0\": want a block of known addresses"},
		{"days of control-plane logs", `"cluster": {"logDays": 2}`, "cluster.logDays: 2: CloudWatch keeps"},
		{"add-on without a version", `"cluster": {"addOns": {"coredns": ""}}`,
			`cluster.addOns.coredns: "": want default, or a version such as v1.20.4-eksbuild.1`},
		{"version that is none of an add-on", `"cluster": {"addOns": {"coredns": "1.12.3"}}`,
			`cluster.addOns.coredns: "1.12.3": want default, or a version`},
		{"unknown image", `"cluster": {"images": {"nginx": "a/b@sha256:0"}}`,
			"cluster.images.nginx: unknown image; known are autoscaler, escalator, keda, kedaMetrics, kedaWebhooks, " +
				"terminationHandler"},
		{"image by tag", `"cluster": {"images": {"escalator": "ghcr.io/atlassian/escalator:v1.15.0"}}`,
			`cluster.images.escalator: "ghcr.io/atlassian/escalator:v1.15.0": want registry/path@sha256:<64 hex digits>`},
		{"key of volumes", `"cluster": {"volumeKey": "alias/mine"}`,
			`cluster.volumeKey: "alias/mine" is not the ARN of a KMS key`},
		{"principal twice", `"cluster": {"access": {"a": {"principal": "arn:aws:iam::123456789012:role/x", "policy": ` +
			`"view"}, "b": {"principal": "arn:aws:iam::123456789012:role/x", "policy": "edit"}}}`,
			"cluster.access.b.principal: arn:aws:iam::123456789012:role/x has the entry a already"},
		{"no node for the scalers", `"nodeGroups": {"services": {}, "batch": {"kind": "batch", "dedicated": true}}`,
			"nodeGroups.services.min: 0: the scalers themselves, CoreDNS and KEDA run on groups that are not dedicated; " +
				"without a node there, nothing is left that would add one: want at least 1"},
		{"no node for the scalers at night", `"nodeGroups": {"services": {"min": 2, "windows": [` +
			`{"name": "day", "start": "0 6 * * *", "min": 2}, {"name": "night", "start": "0 20 * * *"}]}, ` +
			`"batch": {"kind": "batch", "dedicated": true}}`,
			"nodeGroups.services.windows[1].min: 0: the scalers themselves"},
		{"no group for the scalers", `"nodeGroups": {"services": {"min": 1, "dedicated": true}, "batch": {"kind": "batch", ` +
			`"dedicated": true}}`, "nodeGroups: all are dedicated: the scalers themselves"},
		{"access for nobody", `"cluster": {"access": {"ops": {"principal": "ops", "policy": "view"}}}`,
			"cluster.access.ops.principal: \"ops\" is not the ARN"},
		{"unknown access policy",
			`"cluster": {"access": {"ops": {"principal": "arn:aws:iam::123456789012:role/ops", "policy": "root"}}}`,
			"cluster.access.ops.policy: \"root\": want one of admin, clusterAdmin, edit, view"},
		{"cluster admin of a namespace",
			`"cluster": {"access": {"ops": {"principal": "arn:aws:iam::123456789012:role/ops", "policy": "clusterAdmin", ` +
				`"namespaces": ["x"]}}}`, "cluster.access.ops.namespaces: clusterAdmin is for the whole cluster"},
		{"name of an access entry",
			`"cluster": {"access": {"Ops": {"principal": "arn:aws:iam::123456789012:role/ops", "policy": "view"}}}`,
			"cluster.access.Ops: want a name"},
		{"budget that is never satisfied", `"cluster": {"workers": {"maxUnavailablePercent": 0}}`,
			"cluster.workers.maxUnavailablePercent: 0: want 1 to 100; a disruption budget of less than 1 % can never be " +
				"satisfied, and no node could be drained"},
		{"grace longer than the notice", `"cluster": {"workers": {"grace": "2m"}}`,
			"cluster.workers.grace: 2m: want 10s to 1m30s"},
		{"workers' group", `"cluster": {"workers": {"group": "gpu"}}`,
			`cluster.workers.group: "gpu": want one of the node groups, batch, services`},
		{"restage's group", `"cluster": {"restage": {"group": "gpu"}}`,
			`cluster.restage.group: "gpu": want one of the node groups, batch, services`},
		{"restage longer than SQS waits", `"cluster": {"restage": {"deadline": "13h"}}`,
			"cluster.restage.deadline: 13h: want 10m to 12h"},
		{"pieces that are gone too early", `"cluster": {"restage": {"keepDays": 3}}`,
			"cluster.restage.keepDays: 3: a piece would expire before the message that needs it, which waits up to " +
				"queues.retention, 240h"},
		{"pod larger than a node", `"cluster": {"workers": {"milliCPU": 4000}}`,
			"cluster.workers.group: 4000 mCPU and 1536 MiB do not fit onto a node of batch (4 vCPU, 8 GiB, arm64)"},
		{"memory for records", `"cluster": {"workers": {"slots": 16}}`,
			"cluster.workers.memoryMB: 1536: 16 slots hold records of segments.trips.maxRecordMB, 16 MiB, a few times over: " +
				"want 2048"},
		{"min above max", `"cluster": {"workers": {"min": 9}}`, "cluster.workers.min: 9: want 0 to 8"},
		{"unequal sizes", fmt.Sprintf(batch, `, "instanceTypes": ["c7g.xlarge", "c6g.2xlarge"], "minCapacityPools": 1`),
			"nodeGroups.batch.instanceTypes[1]: c6g.2xlarge (8 vCPU, 16 GiB, arm64) differs in size from c7g.xlarge (4 vCPU, " +
				"8 GiB, arm64)"},
		{"wrong architecture", fmt.Sprintf(batch, `, "instanceTypes": ["c7i.xlarge"], "minCapacityPools": 1`),
			"nodeGroups.batch.instanceTypes[0]: c7i.xlarge is amd64, the stack's architecture is arm64"},
		{"type twice", fmt.Sprintf(batch, `, "instanceTypes": ["c7g.xlarge", "c7g.xlarge"], "minCapacityPools": 1`),
			"nodeGroups.batch.instanceTypes[1]: c7g.xlarge is listed twice"},
		{"unknown type", fmt.Sprintf(batch, `, "instanceTypes": ["t3.large"], "minCapacityPools": 1`),
			`nodeGroups.batch.instanceTypes[0]: "t3.large": want a c, m or r type`},
		{"no types", fmt.Sprintf(batch, `, "instanceTypes": []`), "nodeGroups.batch.instanceTypes: none"},
		{"too few pools", fmt.Sprintf(batch, `, "instanceTypes": ["c7g.xlarge", "c6g.xlarge"]`),
			"nodeGroups.batch.instanceTypes: 4 zones x 2 types are 8 spot capacity pools, below " +
				"nodeGroups.batch.minCapacityPools, 12"},
		{"escalator on a managed group",
			`"nodeGroups": {"services": {"min": 1, "scaler": "escalator"}, "batch": {"kind": "batch", "dedicated": true}}`,
			"nodeGroups.services.scaler: escalator needs a self-managed group"},
		{"handler on a managed group",
			`"nodeGroups": {"services": {"min": 1, "interruptions": "imds"}, "batch": {"kind": "batch", "dedicated": true}}`,
			"nodeGroups.services.interruptions: imds: EKS drains managed groups itself"},
		{"nobody drains", fmt.Sprintf(batch, `, "interruptions": "managed"`),
			"nodeGroups.batch.interruptions: managed: EKS does not drain self-managed groups"},
		{"hooks on an escalator group", fmt.Sprintf(batch, `, "interruptions": "queue"`),
			"nodeGroups.batch.interruptions: queue mode needs termination hooks"},
		{"both modes of the handler",
			`"nodeGroups": {"services": {"min": 1}, "batch": {"kind": "batch", "dedicated": true}, "other": {"kind": "batch", ` +
				`"scaler": "clusterAutoscaler", "interruptions": "queue"}}`, "nodeGroups.other.interruptions: queue, but batch " +
				"has imds: the termination handler's modes cannot be installed together"},
		{"escalator group for everyone", `"nodeGroups": {"services": {"min": 1}, "batch": {"kind": "batch"}}`,
			"nodeGroups.batch.dedicated: false: Escalator does not count the pods of others"},
		{"thresholds", fmt.Sprintf(batch, `, "escalator": {"taintUpperPercent": 80}`),
			"nodeGroups.batch.escalator: want taintLowerPercent < taintUpperPercent < scaleUpPercent, have 10, 80, 70"},
		{"hard below soft", `"cluster": {"restage": {"deadline": "10m"}}, ` + fmt.Sprintf(batch,
			`, "escalator": {"softDeleteGrace": "20m", "hardDeleteGrace": "16m"}`),
			"nodeGroups.batch.escalator.hardDeleteGrace: 16m: want more than nodeGroups.batch.escalator.softDeleteGrace, 20m"},
		{"hard below the longest job", fmt.Sprintf(batch, `, "escalator": {"hardDeleteGrace": "12h"}`),
			"nodeGroups.batch.escalator.hardDeleteGrace: 12h: a node is removed after it, whatever runs there: want more than " +
				"the longest job, cluster.restage.deadline, 12h"},
		{"hard below a worker's chunk",
			`"cluster": {"restage": {"group": "services"}}, ` + fmt.Sprintf(batch, `, "escalator": {"hardDeleteGrace": "15m"}`),
			"nodeGroups.batch.escalator.hardDeleteGrace: 15m: a node is removed after it, whatever runs there: want more than " +
				"the longest job, loads.dueAfter, 15m"},
		{"removal rates", fmt.Sprintf(batch, `, "escalator": {"fastRemoval": 0}`),
			"nodeGroups.batch.escalator.fastRemoval: 0: want 1 to 1000"},
		{"slower than slow", fmt.Sprintf(batch, `, "escalator": {"slowRemoval": 3}`),
			"nodeGroups.batch.escalator.fastRemoval: 2: want at least nodeGroups.batch.escalator.slowRemoval, 3"},
		{"base of a managed group",
			`"nodeGroups": {"services": {"min": 1, "onDemandBase": 1}, "batch": {"kind": "batch", "dedicated": true}}`,
			"nodeGroups.services.onDemandBase: only a batch group on spot can mix"},
		{"min above the group's max", fmt.Sprintf(batch, `, "min": 9`), "nodeGroups.batch.min: 9: want 0 to 4"},
		{"disk", fmt.Sprintf(batch, `, "diskGB": 8`), "nodeGroups.batch.diskGB: 8: want 20"},
		{"group's name", `"nodeGroups": {"services": {"min": 1}, "batch": {"kind": "batch", "dedicated": true}, "GPU": {}}`,
			"nodeGroups.GPU: want a name"},
		{"window's time", fmt.Sprintf(batch, `, "windows": [{"name": "peak", "start": "7:00"}]`),
			`nodeGroups.batch.windows[0].start: "7:00": want five fields`},
		{"window's zone", fmt.Sprintf(batch, `, "windows": [{"name": "peak", "start": "0 7 * * *", "timeZone": "Berlin"}]`),
			`nodeGroups.batch.windows[0].timeZone: "Berlin": want an IANA time zone`},
		{"window twice", fmt.Sprintf(batch,
			`, "windows": [{"name": "a", "start": "0 7 * * *"}, {"name": "b", "start": "0 7 * * *"}]`),
			"nodeGroups.batch.windows[1].start: \"0 7 * * *\": another window starts at the same time"},
		{"window's name twice",
			fmt.Sprintf(batch, `, "windows": [{"name": "a", "start": "0 7 * * *"}, {"name": "a", "start": "0 8 * * *"}]`),
			`nodeGroups.batch.windows[1].name: "a" is listed twice`},
		{"window's name", fmt.Sprintf(batch, `, "windows": [{"name": "A", "start": "0 7 * * *"}]`),
			`nodeGroups.batch.windows[0].name: "A": want lower-case`},
		{"window's minimum", fmt.Sprintf(batch, `, "windows": [{"name": "a", "start": "0 7 * * *", "min": 9}]`),
			"nodeGroups.batch.windows[0].min: 9: want 0 to 4"},
		{"window's maximum", fmt.Sprintf(batch, `, "windows": [{"name": "a", "start": "0 7 * * *", "max": 9}]`),
			"nodeGroups.batch.windows[0].max: 9 is above nodeGroups.batch.max, 4"},
		{"lane without a cluster", `"cluster": {"enabled": false}, "segments": {"trips": {"lane": "workers"}}`,
			"segments.trips.lane: workers run on the cluster, but cluster.enabled is false"},
		{"unknown lane", `"segments": {"trips": {"lane": "gpu"}}`, `segments.trips.lane: "gpu": want one of`},
	} {
		if !strings.Contains(c.settings, `"segments"`) {
			c.settings += `, "segments": {"trips": {}}`
		}
		_, err := parse(t, `{"environment": "dev", `+c.settings+`}`)
		if err == nil {
			t.Errorf("%s: accepted", c.name)
			continue
		}
		if lines := strings.Split(err.Error(), "\n"); len(lines) != 1 || !strings.HasPrefix(lines[0], c.want) {
			t.Errorf("%s:\n got %s\nwant %s", c.name, err, c.want)
		}
	}
}
