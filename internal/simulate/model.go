package simulate

import (
	"time"

	"dip/config"
)

// Model is what AWS and the pipeline do whatever the settings are. Times of the pipeline's own steps are those of a
// local stack, rounded up (docs/plan.md has what was measured); the others have their source beside them.
type Model struct {
	Seed uint64 // the same seed gives the same simulation

	// Cores of the one machine that all functions run on, whatever their memory is, as a local stack's do; 0: AWS, where
	// an environment has its own share.
	Cores int

	Quota  int // concurrent executions that the account allows, of all its functions
	Others int // of them, those of functions of other programs at their peak
	// concurrent batches with which a queue's mapping begins, and how many it adds a minute ("Scaling behavior for SQS
	// event source mappings")
	MappingStart, MappingPerMinute int
	// new environments of a function in ten seconds ("Lambda scaling behavior")
	Environments int
	ColdStart    time.Duration // of an environment, with its download
	KeepWarm     time.Duration // how long an idle environment stays; AWS promises none

	Intake  time.Duration // from the receipt to the first step of the workflow
	Step    time.Duration // a step of the workflow
	Write   time.Duration // the splitter's write of a chunk: a partition takes 1,000 a second
	Read    time.Duration // the reconciler's read of a chunk
	Certify time.Duration // certificate, signature and manifest

	NodeStart     time.Duration // from the scaler's request until pods run, with the pull of the image
	PodStart      time.Duration
	Interruptions float64 // of a spot node, an hour
	RestageRate   float64 // content that a restage job decompresses and stores on one vCPU, bytes a second

	// MostChunks is how many chunks of 64 MiB are simulated: of a workload with more, the busiest part.
	MostChunks int
}

// DefaultModel is the model with an account's default quotas. A spot node is taken to be interrupted every 100 hours:
// most types have less ("Spot Instance Advisor": under 5 to 20 % a month).
func DefaultModel() Model {
	return Model{
		Seed: 1, Quota: 1000, MappingStart: 5, MappingPerMinute: 300, Environments: 1000,
		ColdStart: 250 * time.Millisecond, KeepWarm: 5 * time.Minute,
		Intake: 600 * time.Millisecond, Step: 200 * time.Millisecond, Write: time.Millisecond,
		Read: 100 * time.Microsecond, Certify: 300 * time.Millisecond,
		NodeStart: 100 * time.Second, PodStart: 5 * time.Second, Interruptions: 0.01, RestageRate: 60e6,
		MostChunks: 30_000,
	}
}

// What the cluster does by the program's own constants.
const (
	poll       = 15 * time.Second  // KEDA's look at the queues: keda.PollSeconds of k8s
	idle       = 120 * time.Second // how long pods stay that are not needed: idleSeconds of k8s/worker
	scan       = time.Minute       // Escalator's own default
	spotNotice = 2 * time.Minute   // between a notice and the end of the node ("Spot Instance interruptions")
	// what nodes keep for the system and for pods of every node
	nodeMilliCPU, nodeMemory = 300, 0.15
)

// systemFunctions is what the functions without a segment take of the account's quota: intake, splitter, reconciler and
// sweeper (Stack.ReserveConcurrency).
const systemFunctions = config.IntakeConcurrency + 10 + 20 + 1

// horizon is when a simulation gives up: the work does not end.
const horizon = 400 * day
