package docs

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"dip/config"
)

var update = flag.Bool("update", false, "write docs/costs.md")

// stackOf are the settings of one of the repository's stacks, with what its file leaves to whoever deploys.
func stackOf(t *testing.T, e config.Environment) *config.Stack {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "Pulumi."+string(e)+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Config map[string]any }
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	settings := file.Config[config.Key].(map[string]any)
	settings["cluster"] = map[string]any{"privateAccess": true, "digestsOnly": false}
	object, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	s, err := config.Parse(object, config.Options{Files: os.DirFS(root)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// counts are the resources of a stack, by type, as its golden lists them.
func counts(t *testing.T, e config.Environment) map[string]int {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "testdata", "urns."+string(e)+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]int{}
	for line := range strings.Lines(string(data)) {
		_, resource, _ := strings.Cut(line, " > ")
		kind, _, _ := strings.Cut(resource, "::")
		all[kind]++
	}
	return all
}

// cost is one line of a bill, USD.
type cost struct {
	item   string
	amount float64
}

// idle is what a stack costs a month while nothing lands.
func idle(t *testing.T, e config.Environment) []cost {
	t.Helper()
	s, n, p := stackOf(t, e), counts(t, e), config.ListPrices()
	gateways, zones := float64(n["aws:ec2/natGateway:NatGateway"]), float64(s.Network.AvailabilityZones)
	nodes, volumes := 0.0, 0.0
	for _, g := range s.NodeGroups {
		least := g.Min
		for _, w := range g.Windows {
			least = max(least, w.Min)
		}
		price, ok := p.InstanceHour[g.InstanceTypes[0]]
		if !ok {
			t.Fatalf("no price of %s", g.InstanceTypes[0])
		}
		if g.Capacity == config.Spot {
			price *= p.SpotShare
		}
		nodes += float64(least) * price * config.HoursPerMonth
		volumes += float64(least*g.DiskGB) * p.VolumeGBMonth
	}
	streams := 0.0
	for _, name := range s.StreamNames() {
		streams += p.StreamHour(s.Segments[name].Stream)
	}
	watched := 0
	for _, a := range s.Alarms() {
		watched += a.Metrics()
	}
	return []cost{
		{"EKS control plane", float64(n["eks:index:Cluster"]) * p.ClusterHour * config.HoursPerMonth},
		{"NAT gateways, with their addresses", gateways * (p.NATHour + p.PublicAddressHour) * config.HoursPerMonth},
		{"interface endpoints", float64(len(s.Network.Endpoints)*n["eks:index:Cluster"]) * zones * p.EndpointZoneHour *
			config.HoursPerMonth},
		{"nodes, at the largest minimum of the windows", nodes},
		{"their volumes", volumes},
		{"Kinesis streams", streams * config.HoursPerMonth},
		{"KMS keys", float64(n["aws:kms/key:Key"]) * p.KeyMonth},
		{"gateway: load balancer and secret", float64(n["aws:lb/loadBalancer:LoadBalancer"])*p.BalancerHour*
			config.HoursPerMonth + float64(n["aws:secretsmanager/secret:Secret"])*p.SecretMonth},
		{"dashboard", float64(n["aws:cloudwatch/dashboard:Dashboard"]) * p.DashboardMonth},
		{"alarms", float64(watched)*p.AlarmMonth +
			float64(n["aws:cloudwatch/compositeAlarm:CompositeAlarm"])*p.CompositeMonth},
	}
}

// What a terabyte of plain text is taken to be.
const (
	terabyte      = 1e12
	loadBytes     = 10e9 // of one file
	rangeBytes    = 16 << 20
	chunkWrites   = 6 // of the ledger: planned, claimed, renewed, acknowledged, read back; rounded up
	chunkReads    = 6
	chunkRequests = 4 // of SQS: sent, received, deleted, empty receives
	loadSteps     = 60
	chunkOutputs  = 2 // Parquet, quarantine
)

// perTB is what a terabyte costs in a stack's functions, at the rate that config plans with.
func perTB(t *testing.T, e config.Environment) []cost {
	t.Helper()
	s, p := stackOf(t, e), config.ListPrices()
	segment := s.Segments["trips"]
	chunk := float64(s.Loads.ChunkMB << 20)
	chunks := terabyte / chunk
	seconds := config.Predict(s.Loads.ChunkMB, 1, segment.MemoryMB).Seconds() * chunks
	return []cost{
		{"Lambda, GB-seconds", seconds * float64(segment.MemoryMB) / 1024 * p.LambdaGBSecond[s.Architecture]},
		{"Lambda, requests", chunks / 1e6 * p.LambdaMillionRequests},
		{"S3, ranged reads", chunks * max(1, chunk/rangeBytes) / 1e3 * p.S3ThousandReads},
		{"S3, writes", chunks * chunkOutputs / 1e3 * p.S3ThousandWrites},
		{"DynamoDB", chunks/1e6*chunkWrites*p.DynamoMillionWrites + chunks/1e6*chunkReads*p.DynamoMillionReads},
		{"SQS", chunks / 1e6 * chunkRequests * p.SQSMillionRequests},
		{"Step Functions", terabyte / loadBytes * loadSteps / 1e3 * p.StepThousandTransitions},
	}
}

// onWorkers is what a terabyte costs on spot nodes of a stack's batch group, fully used.
func onWorkers(t *testing.T, e config.Environment) float64 {
	t.Helper()
	s, p := stackOf(t, e), config.ListPrices()
	g := s.NodeGroups[s.Cluster.Workers.Group]
	size, err := config.InstanceSize(g.InstanceTypes[0])
	if err != nil {
		t.Fatal(err)
	}
	hours := terabyte / float64(1<<20) / (config.MBPerSecond * float64(size.VCPU)) / 3600
	return hours * p.InstanceHour[g.InstanceTypes[0]] * p.SpotShare
}

var hosted = []config.Environment{config.Small, config.Dev, config.Staging, config.Prod}

// table is one of costs, by environment, with a sum.
func table(t *testing.T, title string, of func(*testing.T, config.Environment) []cost, format string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "| %s |", title)
	columns, rows := map[config.Environment][]cost{}, 0
	for _, e := range hosted {
		fmt.Fprintf(&text, " %s |", e)
		columns[e] = of(t, e)
		rows = len(columns[e])
	}
	text.WriteString("\n|---|" + strings.Repeat("--:|", len(hosted)) + "\n")
	for i := range rows {
		fmt.Fprintf(&text, "| %s |", columns[config.Small][i].item)
		for _, e := range hosted {
			if c := columns[e][i].amount; c == 0 {
				text.WriteString(" - |")
			} else {
				fmt.Fprintf(&text, " "+format+" |", c)
			}
		}
		text.WriteByte('\n')
	}
	text.WriteString("| **together** |")
	for _, e := range hosted {
		fmt.Fprintf(&text, " **"+format+"** |", total(columns[e]))
	}
	return text.String()
}

func total(costs []cost) (sum float64) {
	for _, c := range costs {
		sum += c.amount
	}
	return sum
}

func costsPage(t *testing.T) []byte {
	t.Helper()
	p := config.ListPrices()
	var page bytes.Buffer
	heading := func(text string) { page.WriteString(text + "\n\n") }
	paragraph := func(format string, args ...any) { page.WriteString(wrapped(fmt.Sprintf(format, args...)) + "\n\n") }
	heading("<!-- Generated by `go test ./docs -run Costs -update`. Do not edit. -->\n# Costs")
	paragraph("List prices of %s, looked up on %s, USD, without free tiers, discounts and taxes; all of them are in "+
		"[config/prices.json](../config/prices.json). The tables are computed from the stacks' settings and from the "+
		"resources that they declare.", p.Region, p.Date)
	heading("## Idle")
	paragraph("A month of %d hours in which nothing lands.", config.HoursPerMonth)
	heading(table(t, "USD a month", idle, "%.2f"))
	paragraph("Spot is taken to cost %.0f %% of on-demand; it changes by the hour. `small` has no network and no "+
		"cluster: what it costs at rest is its keys and alarms, and the storage of what you keep (S3 Standard: $%.3f a GB "+
		"and month). Not in the table: logs ($%.2f a GB), flow logs among them, and traffic through NAT gateways ($%.3f a "+
		"GB): images of a new node, a few hundred MB. Data does not take that way: S3 and DynamoDB have gateway "+
		"endpoints, which are free. Nor are [backups](backups.md), of staging and prod: $%.2f a GB and month of objects, "+
		"of which small ones count as 128 KB, and $%.2f of the ledger.", 100*p.SpotShare, p.S3GBMonth, p.LogGB, p.NATGB,
		p.BackupBucketGBMonth, p.BackupTableGBMonth)
	paragraph("What to turn off first: interface endpoints (`network.endpoints: []`) keep traffic off the internet, and "+
		"cost more than they save unless much is pulled or logged; `network.nat: single` is one gateway instead of one a "+
		"zone. A cluster whose version has left standard support costs $%.0f a month more; the preview says so. "+
		"`budgetUSD` has AWS tell `alarmEmails` before a month costs more than you want.",
		(p.ClusterExtendedHour-p.ClusterHour)*config.HoursPerMonth)
	heading("## A terabyte")
	paragraph("A terabyte of plain text, in files of %.0f GB, processed by functions.", loadBytes/1e9)
	heading(table(t, "USD a TB", perTB, "%.3f"))
	var workers []string
	for _, e := range hosted[1:] {
		workers = append(workers, fmt.Sprintf("$%.2f in %s", onWorkers(t, e), e))
	}
	paragraph("Lambda is computed with the rate that the settings plan with, %d MiB/s a vCPU; [measured]"+
		"(../README.md#speed) is several times that, and the bill as much lower. On workers, with spot nodes fully used: %s.",
		config.MBPerSecond, strings.Join(workers, ", "))
	heading("## Sources")
	page.WriteString("The price pages of AWS:\n\n- " + strings.Join(p.Sources, "\n- ") + "\n")
	return page.Bytes()
}

// wrapped breaks a paragraph into lines of at most 120 characters.
func wrapped(text string) string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > 120 {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return strings.Join(append(lines, line), "\n")
}

// The page says what the settings, the resources and the prices come to.
func TestCostsPageIsUpToDate(t *testing.T) {
	const page = "costs.md"
	now := costsPage(t)
	if *update {
		if err := os.WriteFile(page, now, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file, now) {
		t.Errorf("docs/%s is not what the settings come to: run `go test ./docs -run Costs -update`", page)
	}
}

// The README names the idle cost of each environment.
func TestReadmeNamesTheIdleCosts(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range hosted {
		if want := fmt.Sprintf("%s $%.0f", e, total(idle(t, e))); !strings.Contains(string(text), want) {
			t.Errorf("the README does not say %q", want)
		}
	}
}

// What `dip plan` counts from the settings is what the declared resources come to.
func TestIdleCostsFollowFromTheSettings(t *testing.T) {
	for _, e := range hosted {
		sum := 0.0
		for _, c := range stackOf(t, e).IdleCosts(config.ListPrices()) {
			sum += c.Amount
		}
		if want := total(idle(t, e)); math.Abs(sum-want) > 0.005 {
			t.Errorf("%s: the settings come to $%.2f, the resources to $%.2f", e, sum, want)
		}
	}
}

// A small stack has nothing that costs by the hour.
func TestSmallHasNoNetworkAndNoCluster(t *testing.T) {
	for _, kind := range slices.Sorted(maps.Keys(counts(t, config.Small))) {
		if strings.HasPrefix(kind, "aws:ec2/") || strings.HasPrefix(kind, "eks:") || strings.HasPrefix(kind, "kubernetes:") {
			t.Errorf("small declares %s", kind)
		}
	}
}
