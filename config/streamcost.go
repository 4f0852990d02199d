package config

import "math"

// RecordCost is what a million records of 1 KB cost that arrive by stream, USD.
type RecordCost struct {
	OnDemand, Provisioned float64 // Kinesis, in one mode or the other
	Lambda                float64
	S3                    float64 // writes and reads; not what storage costs
	Ledger                float64 // DynamoDB
	Gateway               float64 // without the control plane of the cluster
}

// Together is the sum, with Kinesis in the cheaper mode.
func (c RecordCost) Together() float64 {
	return min(c.OnDemand, c.Provisioned) + c.Lambda + c.S3 + c.Ledger + c.Gateway
}

// What the model takes for granted.
const (
	// shardRecords is what a shard takes, records a second ("Kinesis Data Streams quotas"), and streamLoad how much of
	// it is used, so that peaks and uneven keys fit.
	shardRecords, streamLoad = 1000.0, 0.7
	// payloadRecords is how many records of 1 KB an invocation takes: 6 MB in base64 ("Lambda quotas").
	payloadRecords = 4400.0
	// invocationSeconds is what an invocation takes besides its records.
	invocationSeconds = 0.15
	// ackBytes are an acknowledgement's without the set of its records, setBytes that of a record in the set.
	ackBytes, setBytes, inlineBytes = 1500.0, 9.0, 64 << 10
	// gatewayRecords is what a vCPU of the gateway takes, records of 1 KB a second, at the load it is planned for.
	gatewayRecords = 20_000.0
	gatewayLeast   = 0.5 // vCPU: two pods
)

// CostOfRecords is what a million records of 1 KB cost in a segment with a stream, at a steady rate of records a second.
// Each record is read twice, by the witness and by the processor; each batch is one write to S3 and one to DynamoDB, by
// both of them. The closer runs every minute, and reads all of it once more.
func CostOfRecords(p Prices, s Stream, memoryMB int, arch Architecture, node string, vCPUs, rate float64) RecordCost {
	const million, gb = 1e6, 1e9 / 1024 // records
	seconds := million / rate
	hours := seconds / 3600
	shards := math.Ceil(rate / (shardRecords * streamLoad))
	onDemand, provisioned := s, s
	onDemand.Mode = StreamOnDemand
	provisioned.Mode, provisioned.Shards = StreamProvisioned, int(shards)
	window := max(1, float64(s.BatchingWindow.Seconds()))
	size := func(factor float64) float64 { // of a batch
		return max(1, min(float64(s.BatchSize), payloadRecords, rate/shards/factor*window))
	}
	witnessed, processed := million/size(1), million/size(float64(s.Parallelization))
	perRecord := 1024 / (MBPerSecond * float64(1<<20)) * memoryPerVCPU / float64(memoryMB) // seconds
	closings := seconds / 60
	intervals := max(seconds/float64(s.Interval.Seconds()), 0)
	gbs := float64(memoryMB) / 1024 * (invocationSeconds*(witnessed+processed+closings) + 3*million*perRecord)
	set := setBytes * size(float64(s.Parallelization))
	stored := 0.0 // sets that are objects
	if set > inlineBytes {
		set, stored = 0, processed
	}
	units := math.Ceil((ackBytes + set*4/3) / 1024)
	const perInterval = 8 // writes and reads of a certificate, its envelope, manifest and place in the chain
	vCPU := max(gatewayLeast, rate/gatewayRecords)
	transferred := million / gb
	return RecordCost{
		OnDemand:    hours*p.StreamHour(onDemand) + transferred*(p.KinesisGBIn+2*p.KinesisGBOut),
		Provisioned: hours*p.StreamHour(provisioned) + p.KinesisMillionPuts,
		Lambda:      gbs*p.LambdaGBSecond[arch] + (witnessed+processed+closings)/1e6*p.LambdaMillionRequests,
		S3: (witnessed+processed+stored+perInterval*intervals)/1e3*p.S3ThousandWrites +
			(witnessed+stored)/1e3*p.S3ThousandReads,
		Ledger: (witnessed+processed*units+perInterval*intervals)/1e6*p.DynamoMillionWrites +
			(2*witnessed+processed*units/4+perInterval*closings)/1e6*p.DynamoMillionReads,
		Gateway: hours*vCPU*p.InstanceHour[node]/vCPUs + hours*p.BalancerHour + transferred*p.BalancerUnitHour,
	}
}
