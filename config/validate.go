package config

import (
	"fmt"
	"maps"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"dip/contract"
)

// What AWS allows, in addition to the limits of each setting. Sources: the developer guides of Lambda (memory; SQS
// event sources) and SQS (dead-letter queues), November 2026.
const (
	memoryPerVCPU = 1769 // MiB
	bigBatch      = 10   // a bigger batch needs a window
	maxReceives   = 1000

	// MaxChunkMB is the limit of loads.chunkMB, MiB: what has to fit all loads, whichever catalog they are pinned to, is
	// sized for it and for MaxRecordMB.
	MaxChunkMB = 256
	// MaxRecordMB is the limit of any segment's maxRecordMB, MiB.
	MaxRecordMB = 256

	// MBPerSecond is the rate at which a segment is assumed to read its input on one vCPU, MiB/s: parse, validate and
	// encode take a tenth of that; the rest is room for slow inputs and transfers.
	MBPerSecond = 25
	// IntakeConcurrency is how many batches of object events are processed concurrently.
	IntakeConcurrency = 10
)

var logRetentionDays = []int{
	1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
}

var (
	segmentName    = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)
	segmentPackage = regexp.MustCompile(`^lambdas/[a-z0-9][a-z0-9-]*$`)
	topicARN       = regexp.MustCompile(`^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:.+$`)
	policyARN      = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+$`)
	bucketName     = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	namePrefix     = regexp.MustCompile(`^[a-z][a-z0-9-]{0,10}[a-z0-9]$`)
	rolePath       = regexp.MustCompile(`^/([A-Za-z0-9._+=,@-]+/)+$`)
	restageName    = "restage"
)

// Visibility is the visibility timeout of a queue whose messages a function takes: six times the function's timeout
// and the batching window, so that the retries of a throttled batch do not overlap with its messages' return.
func Visibility(timeout, window Duration) Duration { return 6*timeout + window }

// LeasedReceives is the number of receives after which a message of a worker or a job becomes a dead letter: four times
// that of a function, because a message that is handed back when its node goes away has been received too, and a storm
// of interruptions is not the message's fault.
func LeasedReceives(receives int) int { return min(4*receives, maxReceives) }

// Predict is the assumed run time of a batch of chunks at MBPerSecond, with the share of a vCPU that the memory
// gives, at most one.
func Predict(chunkMB, batch, memoryMB int) time.Duration {
	return time.Duration(float64(chunkMB*batch) / (MBPerSecond * VCPU(memoryMB)) * float64(time.Second))
}

// VCPU is the share of a vCPU that a function's memory gives to the work on one chunk, at most one.
func VCPU(memoryMB int) float64 { return min(1, float64(memoryMB)/memoryPerVCPU) }

// sharedFunctions are the functions that are not a segment's own.
var sharedFunctions = slices.Concat(contract.SystemFunctions, contract.StreamFunctions,
	[]string{contract.RolloutFunction, contract.Maintenance})

func (s *Stack) validate(found *problems) {
	s.validateLimits(found)
	s.validateTags(found)
	s.Landing.validate("landing", found)
	s.Lake.validate("lake", found)
	s.validateBackup(found)
	s.validateQueues(found)
	shared := s.Functions
	for i, f := range []Function{shared.Intake, shared.Splitter, shared.Reconciler, shared.Sweeper, shared.Witness,
		shared.Closer, shared.Rollout, shared.Maintenance} {
		f.validateFunction("functions."+sharedFunctions[i], found)
	}
	if r := s.Functions.Intake.ReservedConcurrency; r > 0 && r < IntakeConcurrency {
		found.add("functions.intake.reservedConcurrency",
			"%d is below the %d batches that its queue hands out at once: throttles would burn receives", r, IntakeConcurrency)
	}
	s.validateLoads(found)
	if len(s.Segments) == 0 {
		found.add("segments", "missing; a stack needs at least one")
	}
	for _, name := range s.SegmentNames() {
		s.validateSegment(name, s.Segments[name], found)
	}
	s.validateRollout(found)
	s.validatePlatform(found)
	s.validateMaintenance(found)
	s.validateGateway(found)
	s.validateDashboard(found)
}

func (s *Stack) validateTags(found *problems) {
	for _, key := range slices.Sorted(maps.Keys(s.Tags)) {
		if key == "" || len(key) > 128 || strings.HasPrefix(key, "aws:") || strings.HasPrefix(key, "dip:") {
			found.add(below("tags", key), "want a key of 1 to 128 characters that does not begin with aws: or dip:")
		}
		if len(s.Tags[key]) > 256 {
			found.add(below("tags", key), "longer than 256 characters")
		}
	}
	if b := s.PermissionsBoundary; b != "" && !policyARN.MatchString(b) {
		found.add("permissionsBoundary", "%q is not the ARN of an IAM policy", b)
	}
	if p := s.NamePrefix; p != "" && !namePrefix.MatchString(p) {
		found.add("namePrefix", "%q: want 2 to 12 lower-case letters, digits and dashes, a letter first", p)
	}
	if p := s.RolePath; p != "" && !rolePath.MatchString(p) {
		found.add("rolePath", `%q: want a path that begins and ends with a slash, such as "/pipelines/"`, p)
	}
	s.validateAlarms(found)
}

// maxBudgetEmails is how many addresses a budget tells ("AWS Budgets quotas").
const maxBudgetEmails = 10

func (s *Stack) validateBudget(found *problems) {
	switch n := len(s.AlarmEmails); {
	case s.BudgetUSD == 0:
	case s.Environment == Local:
		found.add("budgetUSD", "local mode costs nothing, and has no AWS Budgets")
	case n == 0:
		found.add("budgetUSD", "%d, but alarmEmails is empty: a budget tells mail addresses", s.BudgetUSD)
	case n > maxBudgetEmails:
		found.add("budgetUSD", "%d, but a budget tells at most %d of alarmEmails, which has %d", s.BudgetUSD, maxBudgetEmails,
			n)
	}
}

// maxAlarmTopics is what an alarm's five actions leave beside the stack's own topic ("PutMetricAlarm" in the API
// reference of CloudWatch).
const maxAlarmTopics = 4

func (s *Stack) validateAlarms(found *problems) {
	s.validateBudget(found)
	for i, topic := range s.AlarmTopics {
		if !topicARN.MatchString(topic) {
			found.add(fmt.Sprintf("alarmTopics[%d]", i), "%q is not the ARN of an SNS topic", topic)
		}
	}
	if n := len(s.AlarmTopics); n > maxAlarmTopics {
		found.add("alarmTopics", "%d topics, want at most %d", n, maxAlarmTopics)
	}
	for i, address := range s.AlarmEmails {
		if parsed, err := mail.ParseAddress(address); err != nil || parsed.Address != address {
			found.add(fmt.Sprintf("alarmEmails[%d]", i), "%q is not a mail address such as ops@example.com", address)
		}
	}
	for i, endpoint := range s.AlarmWebhooks {
		if u, err := url.Parse(endpoint); err != nil || u.Scheme != "https" || u.Host == "" {
			found.add(fmt.Sprintf("alarmWebhooks[%d]", i), "%q is not an HTTPS URL", endpoint)
		}
	}
	for _, list := range []struct {
		name   string
		values []string
	}{{"alarmTopics", s.AlarmTopics}, {"alarmEmails", s.AlarmEmails}, {"alarmWebhooks", s.AlarmWebhooks}} {
		if sorted := slices.Sorted(slices.Values(list.values)); len(slices.Compact(sorted)) < len(list.values) {
			found.add(list.name, "a value is repeated")
		}
	}
}

func (b Bucket) validate(path string, found *problems) {
	if b.Name != "" && !bucketName.MatchString(b.Name) {
		found.add(path+".name", "%q is not the name of a bucket", b.Name)
	}
	if b.KMSKey != "" && !keyARN.MatchString(b.KMSKey) {
		found.add(path+".kmsKey", "%q is not the ARN of a KMS key", b.KMSKey)
	}
	if t := b.IntelligentTiering; t.ArchiveDays > 0 && t.DeepArchiveDays > 0 && t.DeepArchiveDays <= t.ArchiveDays {
		found.add(path+".intelligentTiering.deepArchiveDays", "%d: want more than %s.intelligentTiering.archiveDays, %d",
			t.DeepArchiveDays, path, t.ArchiveDays)
	}
}

func (s *Stack) validateQueues(found *problems) {
	q := s.Queues
	if q.DeadLettersRetention <= q.Retention {
		found.add("queues.deadLettersRetention",
			"%s: want more than queues.retention, %s: a dead letter's age counts from its first enqueueing",
			q.DeadLettersRetention, q.Retention)
	}
	type consumer struct {
		path       string
		visibility Duration
	}
	consumers := []consumer{{"functions.intake.timeout", Visibility(s.Functions.Intake.Timeout, 0)}}
	for _, name := range s.FileNames() {
		segment := s.Segments[name]
		consumers = append(consumers,
			consumer{"segments." + name + ".timeout", Visibility(segment.Timeout, segment.BatchingWindow)})
	}
	for _, c := range consumers {
		if all := Duration(q.MaxReceives) * c.visibility; q.Retention <= all {
			found.add("queues.retention",
				"%s: want more than %s, %d receives of %s each (6 x %s): a message would expire before it becomes a dead letter",
				q.Retention, all, q.MaxReceives, c.visibility, c.path)
		}
	}
}

func (f Function) validateFunction(path string, found *problems) {
	if !slices.Contains(logRetentionDays, f.LogRetentionDays) {
		found.add(path+".logRetentionDays", "%d: CloudWatch keeps logs for one of %v days", f.LogRetentionDays,
			logRetentionDays)
	}
}

func (s *Stack) validateLoads(found *problems) {
	for _, name := range s.FileNames() {
		segment := s.Segments[name]
		if busy := segment.Timeout + segment.BatchingWindow; s.Loads.DueAfter <= busy {
			found.add("loads.dueAfter",
				"%s: want more than %s, segments.%s.timeout with its batchingWindow: a chunk that is waiting would seem lost",
				s.Loads.DueAfter, busy, name)
		}
	}
	if r := s.Sweep.Rate; r%minutes(1) != 0 {
		found.add("sweep.rate", "%s: want whole minutes", r)
	}
	if w := s.Sweep; w.Horizon < w.Grace+w.Rate {
		found.add("sweep.horizon", "%s: want at least sweep.grace and sweep.rate together, %s: objects would never be seen",
			w.Horizon, w.Grace+w.Rate)
	}
}

func (s *Stack) validateSegment(name string, g Segment, found *problems) {
	path := "segments." + name
	if !segmentName.MatchString(name) {
		found.add(path, "want a name of lower-case letters, digits and dashes, at most 40, that does not begin with a dash")
	}
	switch {
	case slices.Contains(contract.SystemFunctions, name):
		found.add(path, "is the name of a function that every stack has; choose another")
	case name == restageName:
		found.add(path, "is the name of the restage job; choose another")
	case name == System, name == contract.NoSegment:
		found.add(path, "is the name under which alarms and metrics have what no segment has; choose another")
	case name == contract.Gateway:
		found.add(path, "is the name of the gateway; choose another")
	case name == contract.RolloutFunction:
		found.add(path, "is the name of the function of rollouts; choose another")
	case name == contract.Maintenance:
		found.add(path, "is the name of the function that maintains nodes; choose another")
	case slices.Contains(contract.StreamFunctions, name):
		found.add(path, "is the name of a function of streams; choose another")
	case strings.HasSuffix(name, "-"+contract.Witness), strings.HasSuffix(name, "-"+contract.Closer):
		found.add(path, "ends in the name of a function of streams; choose another")
	case strings.HasSuffix(name, "-workers"):
		found.add(path, "ends in -workers, which is reserved for workers' queues; choose another")
	}
	if err := g.Dialect().Validate(); err != nil {
		for _, line := range strings.Split(err.Error(), "\n") { // each begins with the name of its setting
			setting, why, _ := strings.Cut(line, ": ")
			found.add(path+"."+setting, "%s", why)
		}
	}
	if 8*g.MaxRecordMB > g.MemoryMB {
		found.add(path+".maxRecordMB",
			"%d: a record is held in memory a few times over: want at most an eighth of %s.memoryMB, %d",
			g.MaxRecordMB, path, g.MemoryMB)
	}
	if 4*g.MaxPartitions > g.MemoryMB && g.Partition.Field != "" {
		found.add(path+".maxPartitions", "%d: the outputs of a chunk are in memory together: want at most a quarter of "+
			"%s.memoryMB, %d", g.MaxPartitions, path, g.MemoryMB)
	}
	g.validateFunction(path, found)
	if g.Arrival == ByStream {
		g.validateStream(path, s.Environment, found)
	} else {
		g.validateQueue(path, s.Loads.ChunkMB, found)
		s.validateDeadline(path, g, found)
	}
	if !segmentPackage.MatchString(g.Package) {
		found.add(path+".package", "%q: want lambdas/<folder>", g.Package)
	} else if folder := strings.TrimPrefix(g.Package, "lambdas/"); folder == restageName ||
		folder == contract.Gateway || slices.Contains(sharedFunctions, folder) {
		found.add(path+".package", "%q is reserved; choose another", g.Package)
	}
}

func (g Segment) validateQueue(path string, chunkMB int, found *problems) {
	if r := g.ReservedConcurrency; r > 0 && g.Concurrency > r {
		found.add(path+".concurrency", "%d is above %s.reservedConcurrency, %d: throttles would burn receives", g.Concurrency,
			path, r)
	}
	if g.BatchSize > bigBatch && g.BatchingWindow == 0 {
		found.add(path+".batchingWindow", "a batch of more than %d needs a window of at least 1s", bigBatch)
	}
	if g.MemoryMB < 1 || g.BatchSize < 1 {
		return
	}
	if t := Predict(chunkMB, g.BatchSize, g.MemoryMB); 3*t > time.Duration(g.Timeout) {
		found.add(path+".timeout",
			"%s: want more than three times the predicted run time, %s (%d chunk of %d MiB at %d MiB/s a vCPU, %.2f of one "+
				"for %d MiB)",
			g.Timeout, t.Round(time.Millisecond), g.BatchSize, chunkMB, MBPerSecond, VCPU(g.MemoryMB), g.MemoryMB)
	}
}

// validateStream reports every problem of a segment whose records arrive by stream.
func (g Segment) validateStream(path string, e Environment, found *problems) {
	g.Stream.validate(path+".stream", e, found)
	if g.Encoding.Charset != contract.UTF8 {
		found.add(path+".encoding.charset", "%s: the records of a stream are utf-8", g.Encoding.Charset)
	}
	if r, most := g.ReservedConcurrency, g.Stream.Shards*g.Stream.Parallelization; r > 0 && r < most {
		found.add(path+".reservedConcurrency", "%d is below %d batches at once (%s.stream.shards x parallelization): the "+
			"stream would wait for functions", r, most, path)
	}
}

// FunctionMB is the most content, MiB, that a segment's function may take in one invocation: its predicted run time
// stays under a third of the timeout. Config rules keep ordinary chunks far below it; larger ones go to the heavy lane.
func (s Segment) FunctionMB() int {
	second := Predict(1, 1, s.MemoryMB)
	return int(time.Duration(s.Timeout) / 3 / second)
}

// within checks limits that depend on other settings.
func within(found *problems, path string, value, low, high int) {
	if value < low || value > high {
		found.add(path, "%d: want %d to %d", value, low, high)
	}
}
