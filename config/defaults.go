package config

import (
	"runtime"

	"dip/contract"
)

// pick chooses by environment. Small is sized like dev.
func pick[T any](e Environment, local, dev, staging, prod T) T {
	switch e {
	case Dev, Small:
		return dev
	case Staging:
		return staging
	case Prod:
		return prod
	default:
		return local
	}
}

// defaults are a stack's settings before its object is laid over them.
func defaults(e Environment) *Stack {
	kept := !e.Disposable()
	bucket := Bucket{NoncurrentDays: pick(e, 1, 7, 30, 90), AbortUploadDays: pick(e, 1, 3, 7, 7), Protect: kept}
	function := func(memoryMB int, timeout Duration) Function {
		return Function{
			MemoryMB: memoryMB, Timeout: timeout, LogRetentionDays: logRetention(e),
			EphemeralMB: minEphemeralMB,
		}
	}
	s := &Stack{
		Environment:  e,
		Architecture: pick(e, Architecture(runtime.GOARCH), ARM64, ARM64, ARM64),
		Dashboard:    pick(e, true, false, true, true),
		Tracing:      pick(e, false, false, true, true),
		Landing:      bucket,
		Lake:         bucket,
		Ledger:       Ledger{PointInTimeRecovery: e == Prod, DeletionProtection: kept},
		Backup: Backup{
			Enabled: e == Staging || e == Prod, Schedule: "0 5 * * ? *", RetentionDays: pick(e, 7, 7, 7, 35),
			Continuous: e == Prod,
			Lock: VaultLock{
				Mode: pick(e, NoLock, NoLock, NoLock, GovernanceLock), MinDays: 7, MaxDays: 365, GraceDays: 30,
			},
		},
		Queues: Queues{
			// In AWS a throttled function uses receives up: 20 of six timeouts each are ten hours. What is really broken is
			// counted by the ledger.
			MaxReceives: pick(e, 5, 20, 20, 20), Retention: hours(240), DeadLettersRetention: hours(336),
			MaxAge: minutes(pick(e, 15, 60, 60, 30)),
		},
		Functions: Functions{
			Intake:   function(256, pick(e, seconds(20), seconds(60), seconds(60), seconds(60))),
			Splitter: function(512, pick(e, seconds(60), minutes(5), minutes(5), minutes(5))),
			// The certificate of the largest load, 10,000 chunks of 64 outputs, takes 750 MiB: BenchmarkLargestLoad of
			// internal/reconcile.
			Reconciler: function(pick(e, 512, 2048, 2048, 2048), pick(e, seconds(60), minutes(5), minutes(5), minutes(5))),
			Sweeper:    function(512, pick(e, seconds(60), minutes(15), minutes(15), minutes(15))),
			Witness:    function(512, seconds(60)),
			// It holds some 200 bytes a record of an interval (decision 15).
			Closer: function(pick(e, 512, 2048, 2048, 2048), pick(e, seconds(60), minutes(15), minutes(15), minutes(15))),
			// Its answer is late after an hour ("AppSpec 'hooks' section", CodeDeploy user guide).
			Rollout:     function(256, pick(e, minutes(5), minutes(15), minutes(15), minutes(15))),
			Maintenance: function(256, minutes(2)),
		},
		Rollout: Rollout{
			Strategy: pick(e, contract.AllAtOnce, contract.AllAtOnce, contract.Canary, contract.Linear),
			Percent:  10, Interval: minutes(pick(e, 1, 1, 10, 5)), Shadow: pick(e, 3, 3, 5, 10), QuarantineDrift: 0.05,
		},
		Loads: Loads{ChunkMB: pick(e, 16, 64, 128, 128), MaxAttempts: pick(e, 20, 5, 5, 5),
			MaxContentGB: pick(e, 100, 5000, 5000, 5000), MaxExpansion: 1100, MaxQuarantineMB: 256,
			SkipSame: true},
		Sweep: Sweep{Rate: minutes(pick(e, 1, 15, 15, 5)),
			Grace: pick(e, seconds(30), minutes(15), minutes(15), minutes(15)), Horizon: hours(48), Full: hours(24)},
	}
	s.platform()
	return s
}

func segmentDefaults(e Environment) Segment {
	return Segment{
		Encoding:      Encoding{Format: contract.CSV, Charset: contract.UTF8},
		MaxBadShare:   0.05,
		MaxRecordMB:   16,
		MaxPartitions: 64,
		Compression:   contract.Zstd3,
		Function: Function{
			MemoryMB: pick(e, 512, 1024, 1769, 1769), Timeout: pick(e, seconds(30), minutes(5), minutes(5), minutes(5)),
			LogRetentionDays: logRetention(e),
		},
		Arrival:   ByFiles,
		BatchSize: 1,
		Stream:    streamDefaults(e),
	}
}

func logRetention(e Environment) int { return pick(e, 1, 7, 30, 90) }

// derive fills in what depends on other settings.
func (s *Stack) derive() {
	longest := Duration(0)
	for name, segment := range s.Segments {
		if segment.Encoding.Format == contract.CSV {
			segment.Delimiter = orElse(segment.Delimiter, ",")
			if segment.Quote == nil {
				segment.Quote = new(`"`)
			}
			if segment.Header == nil {
				segment.Header = new(segment.Arrival == ByFiles)
			}
		}
		segment.Schema = orElse(segment.Schema, "schemas/"+name+".json")
		segment.Package = orElse(segment.Package, "lambdas/"+name)
		if segment.Partition.Field != "" {
			segment.Partition.By = orElse(segment.Partition.By, ByValue)
		}
		if segment.Arrival == ByFiles {
			longest = max(longest, segment.Timeout+segment.BatchingWindow)
		}
		if segment.EphemeralMB == 0 {
			segment.EphemeralMB = s.ephemeralMB(segment)
		}
		segment.Concurrency = orElse(segment.Concurrency, s.concurrencyOf(segment))
		s.Segments[name] = segment
	}
	s.derivePlatform()
	if s.Loads.DueAfter == 0 {
		s.Loads.DueAfter = max(longest+seconds(10), pick(s.Environment, 0, minutes(15), minutes(15), minutes(15)))
	}
}

// Bounds of a function's /tmp, MiB: 512 are free ("Configure ephemeral storage for Lambda functions").
const minEphemeralMB, maxEphemeralMB = 512, 10240

// ephemeralMB is the size of /tmp that holds what a segment's function spools: Parquet is hardly larger than the text
// that it was made of, which is at most what the function may take at once, and the quarantine has a limit.
func (s *Stack) ephemeralMB(g Segment) int {
	if g.Arrival == ByStream { // a batch has at most 6 MB ("Lambda quotas")
		return minEphemeralMB
	}
	return min(max(s.spoolMB(g), minEphemeralMB), maxEphemeralMB)
}

// spoolMB is the most that a chunk of a segment spools, MiB. Chunks of a batch are processed one after the other.
func (s *Stack) spoolMB(g Segment) int {
	largest := max(s.Loads.ChunkMB, g.FunctionMB())
	return largest + largest/4 + s.Loads.MaxQuarantineMB
}

// ScratchMB is the size of /tmp, MiB, of a worker of a segment, which spools a chunk for each of its slots.
func (s *Stack) ScratchMB(segment string) int {
	return max(minEphemeralMB, s.Cluster.Workers.Slots*s.spoolMB(s.Segments[segment]))
}

func orElse[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}
