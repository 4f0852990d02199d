package contract

// SystemFunctions are the functions that every stack has, StreamFunctions those of each segment whose records arrive by
// stream. All other folders of lambdas but Gateway, RolloutFunction and Maintenance are segments.
var (
	SystemFunctions = []string{"intake", "splitter", "reconciler", "sweeper"}
	StreamFunctions = []string{Witness, Closer}
)

// Maintenance is the name of the function that maintains the node groups, in a stack that has it.
const Maintenance = "maintenance"

// Gateway is the name of the gateway: of its program in the image, and of its function in a stack that has one.
const Gateway = "gateway"

// RolloutFunction is the name of the function that starts rollouts and judges them, in a stack with segments whose
// records arrive as files.
const RolloutFunction = "rollout"

// LiveAlias is the alias under which every function is called.
const LiveAlias = "live"

// The functions of a stream, beside the segment's own, which processes the records.
const (
	Witness = "witness" // archives all records in order
	Closer  = "closer"  // closes and certifies the intervals
)

// StreamFunction is the name of one of a segment's StreamFunctions in its stack.
func StreamFunction(segment, function string) string { return segment + "-" + function }
