package stack

import (
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/function"
	"dip/components/policy"
	"dip/components/schedule"
	"dip/components/stream"
	"dip/config"
	"dip/contract"
)

// Streams is what takes the records of streams, by segment. It is empty in a stack whose segments all take files.
type Streams struct {
	ByName map[string]*StreamLane
}

// StreamLane is a segment's stream and the functions that turn its records into certified intervals.
type StreamLane struct {
	*stream.Stream

	Processor *function.Function // the segment's own: makes outputs, several batches of a shard at once
	Witness   *function.Function // archives all records in order
	Closer    *function.Function // closes and certifies the intervals
}

// NewStreams declares the functions of each stream: stream -> processor, and stream -> witness; a schedule calls the
// closer. It admits those that certify, the reconciler among them, to the key that signs certificates.
func NewStreams(ctx *pulumi.Context, s *Setup, st *Storage, segments *Segments, loads *Loads) (*Streams, error) {
	all := &Streams{ByName: map[string]*StreamLane{}}
	signers := []pulumi.StringInput{loads.Reconciler.RoleARN}
	for _, name := range s.StreamNames() {
		made, err := newStreamLane(ctx, s, st, segments, name)
		if err != nil {
			return nil, err
		}
		all.ByName[name], signers = made, append(signers, made.Closer.RoleARN)
	}
	return all, st.Signer.Admit(ctx, signers...)
}

func newStreamLane(
	ctx *pulumi.Context, s *Setup, st *Storage, segments *Segments, name string,
) (lane *StreamLane, err error) {
	lane = &StreamLane{Stream: segments.Streams[name]}
	if lane.Processor, err = newProcessor(ctx, s, st, segments, lane.Stream, name); err != nil {
		return nil, err
	}
	if lane.Witness, err = newWitness(ctx, s, st, lane.Stream, name); err != nil {
		return nil, err
	}
	lane.Closer, err = newCloser(ctx, s, st, segments, lane.Stream, name)
	return lane, err
}

func newProcessor(
	ctx *pulumi.Context, s *Setup, st *Storage, segments *Segments, from *stream.Stream, name string,
) (*function.Function, error) {
	settings := s.Segments[name]
	code, read := s.functions[programOf(settings)], from.Poll()
	if settings.Stream.FanOut {
		read = from.Subscribe()
	}
	processor, err := function.New(ctx, name, &function.Args{
		Settings: settings.Function, Architecture: s.Architecture, Tracing: s.Tracing, Artifact: code,
		Env: contract.ProcessorEnv[pulumi.StringInput]{
			SegmentEnv: contract.SegmentEnv[pulumi.StringInput]{Common: st.common(s, code.Code), Segment: pulumi.String(name)},
			Catalog:    segments.Catalog.Key,
		},
		Allow: policy.All(read, st.processRecords(name), st.Ledger.Allow("GetItem", "PutItem"),
			st.Lake.Receive(contract.SetAsidePrefix)),
	})
	if err != nil {
		return nil, err
	}
	return processor, processor.Read(ctx, from, function.Records{
		Size: settings.Stream.BatchSize, Window: settings.Stream.BatchingWindow, Factor: settings.Stream.Parallelization,
		Retries: settings.Stream.MaxRetries, Age: settings.Stream.MaxRecordAge, FanOut: settings.Stream.FanOut,
		SetAside: st.Lake.ARN,
	})
}

// processRecords is what makes outputs of a stream's records may do besides taking them.
func (st *Storage) processRecords(segment string) []policy.Statement {
	return policy.All(st.Lake.Read(contract.CatalogPrefix), st.Lake.Write(contract.DataPrefix+segment+"/",
		contract.QuarantinePrefix+segment+"/", contract.CoverPrefix+segment+"/"))
}

func newWitness(
	ctx *pulumi.Context, s *Setup, st *Storage, from *stream.Stream, name string,
) (*function.Function, error) {
	code := s.functions[contract.Witness]
	witness, err := function.New(ctx, contract.StreamFunction(name, contract.Witness), &function.Args{
		Settings: s.Functions.Witness, Architecture: s.Architecture, Tracing: s.Tracing, Artifact: code,
		Env: contract.WitnessEnv[pulumi.StringInput]{
			Common: st.common(s, code.Code), Segment: pulumi.String(name), Stream: from.Name,
		},
		Allow: policy.All(from.Poll(), st.Lake.Write(contract.ArchivePrefix+name+"/"),
			st.Ledger.Allow("GetItem", "PutItem", "Query")),
	})
	if err != nil {
		return nil, err
	}
	return witness, witness.Read(ctx, from, function.Records{
		Size: maxBatch, Window: s.Segments[name].Stream.BatchingWindow, Factor: 1,
	})
}

// maxBatch is the most records of a batch ("Lambda parameters for Amazon Kinesis Data Streams event source mappings").
const maxBatch = 10_000

// closeEvery is how often intervals are closed: the shortest rate of a schedule.
const closeEvery = config.Duration(time.Minute)

func newCloser(
	ctx *pulumi.Context, s *Setup, st *Storage, segments *Segments, of *stream.Stream, name string,
) (*function.Function, error) {
	code, own := s.functions[contract.Closer], name+"/"
	closer, err := function.New(ctx, contract.StreamFunction(name, contract.Closer), &function.Args{
		Settings: s.Functions.Closer, Architecture: s.Architecture, Tracing: s.Tracing, Artifact: code,
		Env: contract.CloserEnv[pulumi.StringInput]{
			Common: st.common(s, code.Code), Segment: pulumi.String(name), Catalog: segments.Catalog.Key, Stream: of.Name,
			EventBus: st.Bus.Name, SigningKey: st.Signer.ARN,
		},
		Allow: policy.All(of.Mark(), st.processRecords(name), st.Lake.Read(contract.ArchivePrefix+own),
			st.Lake.Write(contract.CertificatePrefix+own, contract.ManifestPrefix+own),
			st.Ledger.Allow("GetItem", "PutItem", "Query", "UpdateItem"), st.Bus.Put(), st.Signer.Sign()),
	})
	if err != nil {
		return nil, err
	}
	_, err = schedule.New(ctx, contract.StreamFunction(name, "close"), &schedule.Args{
		Rate: closeEvery, Function: closer, Account: s.Account,
	})
	return closer, err
}
