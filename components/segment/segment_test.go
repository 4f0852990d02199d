package segment_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/artifact"
	"dip/components/componenttest"
	"dip/components/function"
	"dip/components/queue"
	"dip/components/segment"
	"dip/config"
	"dip/contract"
)

const second = config.Duration(time.Second)

func args() *segment.Args {
	return &segment.Args{
		Settings: config.Segment{
			Function: config.Function{MemoryMB: 512, Timeout: 30 * second, LogRetentionDays: 1, ReservedConcurrency: 8},
			Arrival:  config.ByFiles, Concurrency: 8, BatchSize: 2, BatchingWindow: 4 * second, MaxRecordMB: 1, MaxPartitions: 1,
		},
		Queues: config.Queues{
			MaxReceives: 5, Retention: 3600 * second, DeadLettersRetention: 7200 * second, MaxAge: 60 * second,
		},
		Architecture: config.AMD64,
		Artifact:     artifact.Artifact{Path: "trips.zip", Code: "c0de"},
		Common: contract.Common[pulumi.StringInput]{
			Stack: pulumi.String("test"), Code: pulumi.String("c0de"), LedgerTable: pulumi.String("t"),
			LakeBucket: pulumi.String("l"),
		},
	}
}

func TestSegment(t *testing.T) {
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := segment.New(ctx, "trips", args())
		return err
	})
	want := []string{function.TypeToken + "::trips", queue.TypeToken + "::trips"}
	if got := r.Children(segment.TypeToken, "trips"); !slices.Equal(got, want) {
		t.Errorf("children are %v, want %v", got, want)
	}
	if got := r.Children(function.TypeToken, "trips"); !slices.Contains(got,
		"aws:lambda/eventSourceMapping:EventSourceMapping::trips-mapping") {
		t.Errorf("the function's children are %v: it takes no chunks", got)
	}
	q := r.Find(t, "aws:sqs/queue:Queue", "trips-queue").Inputs
	if got := q["visibilityTimeoutSeconds"].NumberValue(); got != 6*30+4 {
		t.Errorf("visibility timeout is %v s, want six times the function's and the window", got)
	}
	m := r.Find(t, "aws:lambda/eventSourceMapping:EventSourceMapping", "trips-mapping").Inputs
	for key, want := range map[resource.PropertyKey]float64{"batchSize": 2, "maximumBatchingWindowInSeconds": 4} {
		if got := m[key].NumberValue(); got != want {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	if got := m["scalingConfig"].ObjectValue()["maximumConcurrency"].NumberValue(); got != 8 {
		t.Errorf("maximum concurrency is %v", got)
	}
	variables := r.Find(t, "aws:lambda/function:Function",
		"trips-function").Inputs["environment"].ObjectValue()["variables"].ObjectValue()
	if got := variables["DIP_SEGMENT"].StringValue(); got != "trips" {
		t.Errorf("the function works for segment %s", got)
	}
	p := r.Find(t, "aws:iam/rolePolicy:RolePolicy", "trips-policy").Inputs["policy"].StringValue()
	take := `{"Effect":"Allow","Action":["sqs:ReceiveMessage","sqs:DeleteMessage","sqs:GetQueueAttributes"],` +
		`"Resource":["arn:aws:sqs:us-east-1:123456789012:trips-queue"]}`
	if !strings.Contains(p, take) {
		t.Errorf("the function may not take its chunks: %s", p)
	}
}

func TestWorkersHaveAQueueOfTheirOwn(t *testing.T) {
	a := args()
	a.Lease = 60 * second
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		s, err := segment.New(ctx, "trips", a)
		if err == nil && len(s.Send()) != 2 {
			t.Errorf("to send chunks is %v, want both queues", s.Send())
		}
		return err
	})
	want := []string{function.TypeToken + "::trips", queue.TypeToken + "::trips", queue.TypeToken + "::trips-workers"}
	if got := r.Children(segment.TypeToken, "trips"); !slices.Equal(got, want) {
		t.Errorf("children are %v, want %v", got, want)
	}
	if got := r.Find(t, "aws:sqs/queue:Queue",
		"trips-workers-queue").Inputs["visibilityTimeoutSeconds"].NumberValue(); got != 60 {
		t.Errorf("a worker's receive lasts %v s", got)
	}
	p := r.Find(t, "aws:iam/rolePolicy:RolePolicy", "trips-policy").Inputs["policy"].StringValue()
	if strings.Contains(p, "trips-workers") {
		t.Errorf("the function may use the workers' queue: %s", p)
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	a := args()
	a.Settings.Concurrency, a.Settings.BatchSize, a.Queues.MaxReceives, a.Common.Stack = 1001, 0, 1, nil
	componenttest.MustRefuse(t, "segment trips", func(ctx *pulumi.Context) error {
		_, err := segment.New(ctx, "trips", a)
		return err
	},
		"Settings.batchSize: 0: want 1 to", "Settings.concurrency: 1001: want 2 to 1000",
		"Settings.concurrency: 1001, above Settings.reservedConcurrency, 8", "queue: Settings.maxReceives: 1: want 5 to",
		"function: Env: DIP_STACK ")
}
