package config

import (
	"fmt"
	"slices"

	"dip/contract"
)

// Alarm is one line of a stack's table of alarms, and all that is said of it anywhere: what is declared in AWS, what
// local mode evaluates, and what the runbook has to explain.
type Alarm struct {
	Name string // unique in the stack: what it watches, and what is wrong
	Page string // whoever is paged: a segment, or System

	Series []Series // one, or those of Math
	// Math is an expression over the IDs of Series; "" with one
	Math      string
	Operator  Operator
	Threshold float64
	Period    Duration // of a data point, whole minutes
	Of, At    int      // it fires when At of the last Of data points breach
	Missing   Missing  // what a data point counts as that is not there

	Reason  string // what it means, for whoever is paged
	Runbook string // heading of the runbook, as an anchor
	// Rollback says that a new version of the segment's function may set it off: it rolls the version back.
	Rollback bool
}

// System is the page of alarms that concern all segments.
const System = "system"

// Series is the data points of a metric.
type Series struct {
	ID        string // in Math: a lower-case letter first; "" without
	Namespace string
	Metric    string
	Statistic Statistic
	Of        Target
}

// Target is whose metric a series is.
type Target struct {
	Kind TargetKind
	Name string // "" of the workflow and of the cluster
}

// TargetKind is what a metric has as dimensions.
type TargetKind string

// The kinds of targets. Names are those of segments, queues, functions and node groups in the stack, such as
// "trips-workers".
const (
	OfSegment             TargetKind = "segment" // of the stack, as contract.Metric has it
	OfQueue               TargetKind = "queue"
	OfDeadLetters         TargetKind = "dead-letter queue"
	OfFunction            TargetKind = "function"
	OfFunctionDeadLetters TargetKind = "dead-letter queue of a function"
	OfWorkflow            TargetKind = "workflow"
	OfCluster             TargetKind = "cluster"
	OfNodeGroup           TargetKind = "node group"
	OfSpotNotices         TargetKind = "rule of spot notices"
	OfLedger              TargetKind = "ledger" // Name: of an index; "": the table
)

// Operator compares a data point with a threshold.
type Operator string

// The operators that the table uses, as CloudWatch calls them.
const (
	Above Operator = "GreaterThanThreshold"
	Below Operator = "LessThanThreshold"
)

// Missing is what a data point counts as that is not there.
type Missing string

// The ways to count that the table uses, as CloudWatch calls them.
const (
	NotBreaching Missing = "notBreaching"
	Breaching    Missing = "breaching"
)

// Statistic is how the values of a period make a data point.
type Statistic string

// The statistics that the table and graphs use, as CloudWatch calls them.
const (
	Sum     Statistic = "Sum"
	Minimum Statistic = "Minimum"
	Maximum Statistic = "Maximum"
	Average Statistic = "Average"
)

// ServiceMetrics are the metrics of AWS's services that alarms watch, by namespace. Sources: "Available CloudWatch
// metrics for Amazon SQS", "Types of metrics for Lambda functions" and "Monitoring Step Functions metrics using Amazon
// CloudWatch".
var ServiceMetrics = map[string][]string{
	QueueMetrics:    {queueDepth, QueueAge},
	FunctionMetrics: {functionErrors, FunctionThrottles, functionIteratorAge},
	workflowMetrics: {executionsFailed, executionsTimedOut, executionsAborted},
}

// ClusterMetrics are those of a cluster and its nodes. No cluster runs in local mode, and nobody publishes them there.
// Sources: "Basic metrics in Amazon CloudWatch" in the EKS User Guide, which clusters have from Kubernetes 1.28 on,
// "Amazon CloudWatch metrics for Amazon EC2 Auto Scaling" and "Monitoring Amazon EventBridge".
var ClusterMetrics = map[string][]string{
	clusterMetrics: {podsUnschedulable, podsPending},
	groupMetrics:   GroupMetrics,
	ruleMetrics:    {ruleInvocations},
}

// BilledMetrics are those that costs are computed from. Nothing is billed in local mode, and nobody publishes them
// there.
// Sources: "Types of metrics for Lambda functions" and "DynamoDB metrics and dimensions".
var BilledMetrics = map[string][]string{
	FunctionMetrics: {functionDuration, functionInvocations},
	ledgerMetrics:   {ledgerReads, ledgerWrites},
}

// GroupMetrics are the metrics of an Auto Scaling group's size. A group publishes them when asked to, at no charge, one
// of a managed node group by default ("Auto Scaling Group metrics collection enabled by default", document history of
// the EKS User Guide, June 2024).
var GroupMetrics = []string{groupRunning, groupCapacity, groupMaximum}

const (
	clusterMetrics    = "AWS/EKS"
	podsPending       = "scheduler_pending_pods"
	podsUnschedulable = "scheduler_pending_pods_UNSCHEDULABLE"

	groupMetrics  = "AWS/AutoScaling"
	groupRunning  = "GroupInServiceInstances"
	groupCapacity = "GroupDesiredCapacity"
	groupMaximum  = "GroupMaxSize"

	ruleMetrics     = "AWS/Events"
	ruleInvocations = "Invocations" // of a rule's targets: one for each event that matches

	ledgerMetrics = "AWS/DynamoDB"
	ledgerReads   = "ConsumedReadCapacityUnits"
	ledgerWrites  = "ConsumedWriteCapacityUnits"
)

// The namespace of queues, and the metric of how long the oldest message has waited, seconds.
const (
	QueueMetrics = "AWS/SQS"
	QueueAge     = "ApproximateAgeOfOldestMessage"
)

// The namespace of functions, and the metrics of the calls that Lambda refused and of how many run at once; without
// dimensions, the latter is of the account in the region.
const (
	FunctionMetrics     = "AWS/Lambda"
	FunctionThrottles   = "Throttles"
	FunctionConcurrency = "ConcurrentExecutions"
)

const (
	queueDepth = "ApproximateNumberOfMessagesVisible"

	functionErrors = "Errors"

	functionDuration    = "Duration" // of an invocation, milliseconds, without its environment's start
	functionInvocations = "Invocations"
	// of the last record of a batch when it is delivered, milliseconds
	functionIteratorAge = "IteratorAge"

	workflowMetrics    = "AWS/States"
	executionsFailed   = "ExecutionsFailed"
	executionsTimedOut = "ExecutionsTimedOut"
	executionsAborted  = "ExecutionsAborted"
)

// Pages lists who is paged: the segments in order, and System.
func (s *Stack) Pages() []string { return append(s.SegmentNames(), System) }

// AlarmsOf are the alarms of a page.
func AlarmsOf(alarms []Alarm, page string) []Alarm {
	return slices.DeleteFunc(slices.Clone(alarms), func(a Alarm) bool { return a.Page != page })
}

// Description is what whoever is paged reads of an alarm.
func (a Alarm) Description() string {
	return fmt.Sprintf("%s. See docs/runbook.md#%s", a.Reason, a.Runbook)
}

// Metrics is how many metrics an alarm watches: CloudWatch bills each.
func (a Alarm) Metrics() int { return len(a.Series) }

// own is a series of the pipeline's own metrics.
func own(id string, m contract.Metric, statistic Statistic, segment string) Series {
	return Series{
		ID: id, Namespace: contract.MetricNamespace, Metric: m.Name, Statistic: statistic, Of: Target{OfSegment, segment},
	}
}
