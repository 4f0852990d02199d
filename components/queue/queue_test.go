package queue_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/components/policy"
	"dip/components/queue"
	"dip/config"
)

func minutes(n int) config.Duration { return config.Duration(n) * config.Duration(time.Minute) }

func args() *queue.Args {
	return &queue.Args{
		Settings: config.Queues{
			MaxReceives: 6, Retention: minutes(60), DeadLettersRetention: minutes(120), MaxAge: minutes(10),
		},
		Timeout: minutes(1), Window: minutes(1) / 12,
	}
}

func TestQueue(t *testing.T) {
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := queue.New(ctx, "q", args())
		return err
	})
	want := []string{
		"aws:sqs/queue:Queue::q-dead-letters",
		"aws:sqs/queue:Queue::q-queue",
		"aws:sqs/redriveAllowPolicy:RedriveAllowPolicy::q-redrive-allow",
		"aws:sqs/redrivePolicy:RedrivePolicy::q-redrive",
	}
	if got := r.Children(queue.TypeToken, "q"); !slices.Equal(got, want) {
		t.Errorf("children are %v, want %v", got, want)
	}
	main := r.Find(t, "aws:sqs/queue:Queue", "q-queue").Inputs
	for key, want := range map[string]float64{
		"visibilityTimeoutSeconds": 365, "messageRetentionSeconds": 3600, "receiveWaitTimeSeconds": 20,
	} {
		if got := main[resourceKey(key)].NumberValue(); got != want {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	dead := r.Find(t, "aws:sqs/queue:Queue", "q-dead-letters").Inputs
	if got := dead["messageRetentionSeconds"].NumberValue(); got != 7200 {
		t.Errorf("dead letters are kept %v s", got)
	}
	if !main["sqsManagedSseEnabled"].BoolValue() || !dead["sqsManagedSseEnabled"].BoolValue() {
		t.Error("a queue is not encrypted")
	}
	if _, ok := main["policy"]; ok {
		t.Error("a queue without a sender has a policy")
	}
	redrive := r.Find(t, "aws:sqs/redrivePolicy:RedrivePolicy", "q-redrive").Inputs["redrivePolicy"].StringValue()
	const target = `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:123456789012:q-dead-letters","maxReceiveCount":6}`
	if redrive != target {
		t.Errorf("redrive policy is %s, want %s", redrive, target)
	}
	allow := r.Find(t, "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "q-redrive-allow").Inputs
	if got, want := allow["redriveAllowPolicy"].StringValue(),
		`{"redrivePermission":"byQueue","sourceQueueArns":["arn:aws:sqs:us-east-1:123456789012:q-queue"]}`; got != want {
		t.Errorf("redrive allow policy is %s, want %s", got, want)
	}
	if got, want := allow["queueUrl"].StringValue(),
		"https://sqs.us-east-1.amazonaws.com/123456789012/q-dead-letters"; got != want {
		t.Errorf("redrive allow policy is of %s, want %s", got, want)
	}
}

// A worker extends its receives, and handing one back is not a failure.
func TestLeasedQueue(t *testing.T) {
	a := args()
	a.Timeout, a.Window, a.Lease = 0, 0, minutes(2)
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := queue.New(ctx, "q", a)
		return err
	})
	if got := r.Find(t, "aws:sqs/queue:Queue", "q-queue").Inputs["visibilityTimeoutSeconds"].NumberValue(); got != 120 {
		t.Errorf("a receive lasts %v s, want the lease", got)
	}
	redrive := r.Find(t, "aws:sqs/redrivePolicy:RedrivePolicy", "q-redrive").Inputs["redrivePolicy"].StringValue()
	if !strings.HasSuffix(redrive, `"maxReceiveCount":24}`) {
		t.Errorf("redrive policy is %s, want four times the receives", redrive)
	}
}

// Workers are scaled by KEDA, which asks for the length of their queue by rights of its own.
func TestOnlyAMappingMeasuresWhatItTakes(t *testing.T) {
	for want, rights := range map[string]func(q *queue.Queue) []policy.Statement{
		`"sqs:ReceiveMessage","sqs:DeleteMessage","sqs:GetQueueAttributes"`:      (*queue.Queue).Poll,
		`"sqs:ReceiveMessage","sqs:DeleteMessage","sqs:ChangeMessageVisibility"`: (*queue.Queue).Receive,
		`"sqs:GetQueueAttributes"`: (*queue.Queue).Measure,
	} {
		r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
			q, err := queue.New(ctx, "q", args())
			if err != nil {
				return err
			}
			_, err = policy.Attach(ctx, q, "rights", pulumi.String("r"), rights(q)...)
			return err
		})
		got := r.Find(t, "aws:iam/rolePolicy:RolePolicy", "q-rights").Inputs["policy"].StringValue()
		if !strings.Contains(got, `"Action":[`+want+`],"Resource":["arn:aws:sqs:us-east-1:123456789012:q-queue"]`) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestSenderMaySend(t *testing.T) {
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		a := args()
		a.Sender = &queue.Sender{Bucket: pulumi.String("arn:aws:s3:::landing"), Account: componenttest.Account}
		_, err := queue.New(ctx, "q", a)
		return err
	})
	got := r.Find(t, "aws:sqs/queue:Queue", "q-queue").Inputs["policy"].StringValue()
	want := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["s3.amazonaws.com"]},` +
		`"Action":["sqs:SendMessage"],"Resource":["*"],"Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:s3:::landing"},` +
		`"StringEquals":{"aws:SourceAccount":"123456789012"}}}]}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	same := args()
	same.Settings.DeadLettersRetention, same.Lease = same.Settings.Retention, minutes(1)
	for name, c := range map[string]struct {
		args *queue.Args
		want []string
	}{
		"nothing set": {
			&queue.Args{Sender: &queue.Sender{}, Settings: config.Queues{DeadLettersRetention: minutes(15 * 24 * 60)}},
			[]string{
				"Timeout, Lease: want one of them", "Settings.deadLettersRetention: 360h: want 1m to",
				"Settings.maxAge: 0s: want", "Settings.maxReceives: 0: want 5 to", "Settings.retention: 0s: want",
				"Sender.Bucket: missing", "Sender.Account: missing",
			},
		},
		"a timeout and a lease, and dead letters that expire first": {same, []string{
			"Timeout, Lease: want one of them", "Settings.deadLettersRetention: want more than Settings.retention",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			componenttest.MustRefuse(t, "queue q", func(ctx *pulumi.Context) error {
				_, err := queue.New(ctx, "q", c.args)
				return err
			}, c.want...)
		})
	}
}

func resourceKey(name string) resource.PropertyKey { return resource.PropertyKey(name) }
