package stream_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/components/policy"
	"dip/components/stream"
	"dip/config"
)

const (
	kinesisStream = "aws:kinesis/stream:Stream"
	key           = "aws:kms/key:Key"
	hour          = config.Duration(time.Hour)
	minute        = config.Duration(time.Minute)
)

func args() *stream.Args {
	return &stream.Args{Settings: config.Stream{
		Mode: config.StreamProvisioned, Shards: 3, Retention: 48 * hour, Parallelization: 1, BatchSize: 1, MaxRetries: 1,
		MaxRecordAge: hour, Interval: minute, Grace: minute, Due: 5 * minute,
	}}
}

func run(t *testing.T, a *stream.Args) (*componenttest.Recorder, *stream.Stream) {
	t.Helper()
	var made *stream.Stream
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) (err error) {
		made, err = stream.New(ctx, "readings", a)
		return err
	})
	return r, made
}

func TestStream(t *testing.T) {
	r, _ := run(t, args())
	want := []string{kinesisStream + "::readings-stream", "aws:kms/alias:Alias::readings-key-alias", key + "::readings-key"}
	if got := r.Children(stream.TypeToken, "readings"); !slices.Equal(got, want) {
		t.Errorf("children are %v, want %v", got, want)
	}
	s := r.Find(t, kinesisStream, "readings-stream")
	for key, want := range map[resource.PropertyKey]any{
		"streamModeDetails": map[string]any{"streamMode": "PROVISIONED"}, "shardCount": 3.0, "retentionPeriod": 48.0,
		"encryptionType": "KMS", "kmsKeyId": "arn:aws:kms:us-east-1:123456789012:key/readings-key",
		"enforceConsumerDeletion": false,
	} {
		if got := s.Inputs[key]; !got.DeepEquals(resource.NewPropertyValue(want)) {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
}

// Kinesis refuses to be told how many shards an on-demand stream has.
func TestOnDemandStreamHasNoNumberOfShards(t *testing.T) {
	a := args()
	a.Settings.Mode = config.StreamOnDemand
	r, _ := run(t, a)
	s := r.Find(t, kinesisStream, "readings-stream").Inputs
	if _, ok := s["shardCount"]; ok ||
		s["streamModeDetails"].ObjectValue()["streamMode"].StringValue() != "ON_DEMAND" {
		t.Errorf("the stream is %v", s)
	}
}

func TestRecordsAreProtectedOrDisposable(t *testing.T) {
	a := args()
	a.Settings.Protect = true
	r, _ := run(t, a)
	for _, token := range []string{kinesisStream + "::readings-stream", key + "::readings-key"} {
		kind, name, _ := strings.Cut(token, "::")
		if one := r.Find(t, kind, name); !one.Protect || !one.Retain {
			t.Errorf("%s: protect %v, retain %v", name, one.Protect, one.Retain)
		}
	}
	if days := r.Find(t, key, "readings-key").Inputs["deletionWindowInDays"].NumberValue(); days != 30 {
		t.Errorf("the key can be restored for %v days", days)
	}
	a = args()
	a.Disposable = true
	r, _ = run(t, a)
	s := r.Find(t, kinesisStream, "readings-stream")
	if s.Protect || s.Retain || !s.Inputs["enforceConsumerDeletion"].BoolValue() {
		t.Errorf("protect %v, retain %v, consumers %v", s.Protect, s.Retain, s.Inputs["enforceConsumerDeletion"])
	}
	if days := r.Find(t, key, "readings-key").Inputs["deletionWindowInDays"].NumberValue(); days != 7 {
		t.Errorf("the key of disposable records costs for %v days more", days)
	}
}

func TestExistingKey(t *testing.T) {
	a := args()
	a.Settings.KMSKey = "arn:aws:kms:us-east-1:123456789012:key/theirs"
	r, _ := run(t, a)
	if got := r.Children(stream.TypeToken, "readings"); len(got) != 1 {
		t.Errorf("children are %v", got)
	}
	if got := r.Find(t, kinesisStream, "readings-stream").Inputs["kmsKeyId"].StringValue(); got != a.Settings.KMSKey {
		t.Errorf("records are encrypted with %s", got)
	}
}

func TestFanOut(t *testing.T) {
	a := args()
	a.Settings.FanOut = true
	r, s := run(t, a)
	c := r.Find(t, "aws:kinesis/streamConsumer:StreamConsumer", "readings-consumer")
	if c.Inputs["streamArn"].StringValue() != "arn:aws:kinesis:us-east-1:123456789012:stream/readings-stream" ||
		s.Consumer == nil || c.Parent != stream.TypeToken+"::readings" {
		t.Errorf("%+v", c)
	}
	if _, s = run(t, args()); s.Consumer != nil {
		t.Error("a stream without fan-out has a consumer")
	}
}

// Each right names the stream, its consumer or its key, and nothing else.
func TestRights(t *testing.T) {
	const (
		of     = `"Resource":["arn:aws:kinesis:us-east-1:123456789012:stream/readings-stream"]`
		byKey  = `"Resource":["arn:aws:kms:us-east-1:123456789012:key/readings-key"]`
		reader = `"Resource":["arn:aws:kinesis:us-east-1:123456789012:stream/readings-stream/consumer/readings-consumer:1"]`
	)
	allow := func(resource string, actions ...string) string {
		return `{"Effect":"Allow","Action":["` + strings.Join(actions, `","`) + `"],` + resource + `}`
	}
	for name, c := range map[string]struct {
		of   func(*stream.Stream) []policy.Statement
		want []string
	}{
		"poll": {(*stream.Stream).Poll, []string{
			allow(of, "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords",
				"kinesis:GetShardIterator", "kinesis:ListShards"), allow(byKey, "kms:Decrypt")}},
		"subscribe": {(*stream.Stream).Subscribe, []string{
			allow(of, "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:ListShards"),
			allow(reader, "kinesis:SubscribeToShard"), allow(byKey, "kms:Decrypt")}},
		"mark": {(*stream.Stream).Mark, []string{
			allow(of, "kinesis:ListShards", "kinesis:DescribeStreamSummary", "kinesis:PutRecord"),
			allow(byKey, "kms:GenerateDataKey")}},
		"produce": {(*stream.Stream).Produce, []string{allow(of, "kinesis:PutRecords"), allow(byKey, "kms:GenerateDataKey")}},
	} {
		a := args()
		a.Settings.FanOut = true
		r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
			s, err := stream.New(ctx, "readings", a)
			if err != nil {
				return err
			}
			_, err = policy.Attach(ctx, s, "rights", pulumi.String("r"), c.of(s)...)
			return err
		})
		got := r.Find(t, "aws:iam/rolePolicy:RolePolicy", "readings-rights").Inputs["policy"].StringValue()
		if want := `{"Version":"2012-10-17","Statement":[` + strings.Join(c.want, ",") + `]}`; got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	componenttest.MustRefuse(t, "stream readings", func(ctx *pulumi.Context) error {
		a := args()
		a.Settings.Shards, a.Settings.Retention, a.Settings.Grace = 0, 23*hour, 0
		a.Settings.Protect, a.Disposable = true, true
		_, err := stream.New(ctx, "readings", a)
		return err
	}, "Settings.grace: ", "Settings.retention: 23h: want 24h to 8760h", "Settings.shards: 0: want 1 to 10000",
		"Disposable: a protected stream is not disposable")
}
