package stack

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/function"
	"dip/components/policy"
	"dip/components/queue"
	"dip/components/schedule"
	"dip/components/workflow"
	"dip/config"
	"dip/contract"
)

// Loads is what takes an input from its arrival to its certificate.
type Loads struct {
	IntakeQueue *queue.Queue // inputs that arrived
	Workflow    *workflow.Workflow
	// What the queue and the workflow call.
	Intake, Splitter, Reconciler, Sweeper *function.Function
}

// NewLoads declares the path of a load: landing bucket -> intake queue -> intake -> workflow: splitter, reconciler ->
// the segments' queues. The sweeper finds inputs whose event was lost, and loads whose workflow died.
func NewLoads(ctx *pulumi.Context, s *Setup, st *Storage, segments *Segments) (l *Loads, err error) {
	l = &Loads{}
	if l.Splitter, err = newSplitter(ctx, s, st); err != nil {
		return nil, err
	}
	if l.Reconciler, err = newReconciler(ctx, s, st, segments); err != nil {
		return nil, err
	}
	if l.Workflow, err = newWorkflow(ctx, s, l.Splitter, l.Reconciler); err != nil {
		return nil, err
	}
	if l.IntakeQueue, err = newIntakeQueue(ctx, s, st); err != nil {
		return nil, err
	}
	if l.Intake, err = newIntake(ctx, s, st, segments, l.Workflow, l.IntakeQueue); err != nil {
		return nil, err
	}
	l.Sweeper, err = newSweeper(ctx, s, st, l.Workflow, l.IntakeQueue)
	return l, err
}

// newFunction declares one of the functions that are not a segment's own. Its environment shares what common gives.
func (s *Setup) newFunction(
	ctx *pulumi.Context, name string, settings config.Function, args *function.Args,
) (*function.Function, error) {
	args.Settings, args.Architecture, args.Artifact, args.Tracing = settings, s.Architecture, s.functions[name], s.Tracing
	return function.New(ctx, name, args)
}

func newSplitter(ctx *pulumi.Context, s *Setup, st *Storage) (*function.Function, error) {
	return s.newFunction(ctx, "splitter", s.Functions.Splitter, &function.Args{
		Env: contract.SplitterEnv[pulumi.StringInput]{
			Common: st.common(s, s.functions["splitter"].Code),
		},
		Allow: policy.All(
			st.Landing.ReadVersions(""), st.Landing.ListVersions(), st.Lake.Read(contract.CatalogPrefix),
			st.Ledger.Allow("GetItem", "PutItem", "UpdateItem"),
		),
	})
}

func newReconciler(ctx *pulumi.Context, s *Setup, st *Storage, segments *Segments) (*function.Function, error) {
	return s.newFunction(ctx, "reconciler", s.Functions.Reconciler, &function.Args{
		Env: contract.ReconcilerEnv[pulumi.StringInput]{
			Common:  st.common(s, s.functions["reconciler"].Code),
			Catalog: segments.Catalog.Key, EventBus: st.Bus.Name, SigningKey: st.Signer.ARN,
		},
		Allow: policy.All(
			st.Lake.Write(contract.CertificatePrefix, contract.ManifestPrefix), st.Lake.Read(contract.CatalogPrefix),
			st.Ledger.Allow("GetItem", "Query", "UpdateItem"), st.Bus.Put(), segments.sendChunks, segments.sendRestages,
			segments.measure,
			st.Signer.Sign(),
		),
	})
}

func newWorkflow(ctx *pulumi.Context, s *Setup, splitter, reconciler *function.Function) (*workflow.Workflow, error) {
	return workflow.New(ctx, "load", &workflow.Args{
		Splitter: splitter, Reconciler: reconciler, LogRetentionDays: s.Functions.Reconciler.LogRetentionDays,
		Account: s.Account, Tracing: s.Tracing,
	})
}

func newIntakeQueue(ctx *pulumi.Context, s *Setup, st *Storage) (*queue.Queue, error) {
	arrivals, err := queue.New(ctx, "intake", &queue.Args{
		Settings: s.Queues, Timeout: s.Functions.Intake.Timeout,
		Sender: &queue.Sender{Bucket: st.Landing.ARN, Account: s.Account},
	})
	if err != nil {
		return nil, err
	}
	return arrivals, st.Landing.NotifyQueue(ctx, arrivals)
}

func newIntake(
	ctx *pulumi.Context, s *Setup, st *Storage, segments *Segments, loads *workflow.Workflow, arrivals *queue.Queue,
) (*function.Function, error) {
	intake, err := s.newFunction(ctx, "intake", s.Functions.Intake, &function.Args{
		Env: contract.IntakeEnv[pulumi.StringInput]{
			Common: st.common(s, s.functions["intake"].Code), Catalog: segments.Catalog.Key, Workflow: loads.ARN,
		},
		Allow: policy.All(
			arrivals.Poll(), st.Ledger.Allow("GetItem", "PutItem"), loads.Start(),
		),
	})
	if err != nil {
		return nil, err
	}
	return intake, intake.Take(ctx, arrivals, function.Batches{Size: 10, Concurrency: config.IntakeConcurrency})
}

func newSweeper(
	ctx *pulumi.Context, s *Setup, st *Storage, loads *workflow.Workflow, arrivals *queue.Queue,
) (*function.Function, error) {
	sweeper, err := s.newFunction(ctx, "sweeper", s.Functions.Sweeper, &function.Args{
		Env: contract.SweeperEnv[pulumi.StringInput]{
			Common:        st.common(s, s.functions["sweeper"].Code),
			LandingBucket: st.Landing.Name, IntakeQueue: arrivals.URL, GraceSeconds: number(s.Sweep.Grace.Seconds()),
			HorizonSeconds: number(s.Sweep.Horizon.Seconds()), FullSeconds: number(s.Sweep.Full.Seconds()),
			Workflow: loads.ARN, EventBus: st.Bus.Name,
		},
		Allow: policy.All(
			st.Landing.ListVersions(), st.Ledger.Allow("BatchGetItem", "UpdateItem"), st.Ledger.ListOpen(), arrivals.Send(),
			loads.Start(), loads.Describe(), st.Bus.Put(),
		),
		DeadLetters: s.Queues.DeadLettersRetention,
	})
	if err != nil {
		return nil, err
	}
	_, err = schedule.New(ctx, "sweep", &schedule.Args{Rate: s.Sweep.Rate, Function: sweeper, Account: s.Account})
	return sweeper, err
}
