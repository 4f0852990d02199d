package stack

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/catalog"
	"dip/components/policy"
	"dip/components/queue"
	"dip/components/segment"
	"dip/components/stream"
)

// Segments is the segments and the catalog that says how their loads are treated.
type Segments struct {
	ByName  map[string]*segment.Segment // whose records arrive as files
	Streams map[string]*stream.Stream   // of the others
	Catalog *catalog.Catalog
	// Heavy is the heavy lane. Nil: the stack has no cluster.
	Heavy *HeavyLane

	sendChunks   []policy.Statement
	sendRestages []policy.Statement
	measure      []policy.Statement // asks all these queues how many messages they hold
}

// HeavyLane is the queues that the cluster works off.
type HeavyLane struct {
	*heavy

	Restage *queue.Queue            // of inputs that cannot be split
	Workers map[string]*queue.Queue // of chunks, by segment
}

// NewSegments declares a queue and a function for each segment, or a stream, the queues of the heavy lane, and the catalog
// that names them all. The functions of a stream need the catalog: NewStreams declares them.
func NewSegments(ctx *pulumi.Context, s *Setup, st *Storage) (*Segments, error) {
	all := &Segments{ByName: map[string]*segment.Segment{}, Streams: map[string]*stream.Stream{}}
	published := &catalog.Args{Lake: st.Lake, Segments: map[string]catalog.Entry{}}
	for _, name := range s.FileNames() {
		made, err := newSegment(ctx, s, st, name)
		if err != nil {
			return nil, err
		}
		all.ByName[name] = made
		all.sendChunks = append(all.sendChunks, made.Send()...)
		all.measure = append(all.measure, made.Measure()...)
		published.Segments[name] = catalog.Entry{
			Segment: s.Catalog(name), Queue: made.Queue, Workers: made.Workers,
		}
	}
	for _, name := range s.StreamNames() {
		settings := s.Segments[name].Stream
		made, err := stream.New(ctx, name, &stream.Args{
			Settings: settings, Environment: s.Environment, Disposable: s.Environment.Disposable() && !settings.Protect,
		})
		if err != nil {
			return nil, err
		}
		all.Streams[name] = made
		published.Segments[name] = catalog.Entry{Segment: s.Catalog(name), Stream: made}
	}
	if s.heavy != nil {
		restage, err := newRestageQueue(ctx, s)
		if err != nil {
			return nil, err
		}
		all.Heavy = &HeavyLane{heavy: s.heavy, Restage: restage, Workers: map[string]*queue.Queue{}}
		for name, made := range all.ByName {
			all.Heavy.Workers[name] = made.Workers
		}
		all.sendRestages, published.Restage = restage.Send(), restage
		all.measure = append(all.measure, restage.Measure()...)
	}
	var err error
	all.Catalog, err = catalog.New(ctx, "catalog", published)
	return all, err
}

func newSegment(ctx *pulumi.Context, s *Setup, st *Storage, name string) (*segment.Segment, error) {
	settings := s.Segments[name]
	code := s.functions[programOf(settings)]
	return segment.New(ctx, name, &segment.Args{
		Settings: settings, Queues: s.Queues, Architecture: s.Architecture, Artifact: code,
		Common: st.common(s, code.Code), Allow: st.processChunks(name), Lease: s.lease, Tracing: s.Tracing,
	})
}

// newRestageQueue declares the queue of restages. A message stays in it while a job works on it.
func newRestageQueue(ctx *pulumi.Context, s *Setup) (*queue.Queue, error) {
	return queue.New(ctx, "restage", &queue.Args{Settings: s.Queues, Lease: s.Cluster.Restage.Lease})
}
