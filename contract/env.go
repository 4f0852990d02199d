package contract

import (
	"errors"
	"fmt"
	"reflect"
	"sort"
	"strconv"
)

// Environment variables carry addresses and a program's own parameters: its slots, lease and grace period. How a load
// is processed is in the catalog that the load is pinned to (Loads): it keeps its rules while functions change.

// Common is the environment that every function shares. T is a Pulumi string input on the infrastructure side and
// string at run time; each field's tag names its variable.
type Common[T any] struct {
	Stack       T `env:"DIP_STACK"`        // name of the stack, for logs and events
	Code        T `env:"DIP_CODE"`         // fingerprint of the running binary, kept in every acknowledgement
	LedgerTable T `env:"DIP_LEDGER_TABLE"` // DynamoDB table name
	LakeBucket  T `env:"DIP_LAKE_BUCKET"`  // bucket of outputs, certificates and catalogs
}

// IntakeEnv is the intake function's environment.
type IntakeEnv[T any] struct {
	Common[T]
	Catalog  T `env:"DIP_CATALOG"`  // key in the lake bucket of the segment catalog that new loads are pinned to
	Workflow T `env:"DIP_WORKFLOW"` // ARN of the load workflow's alias
}

// SplitterEnv is the splitter function's environment.
type SplitterEnv[T any] struct {
	Common[T]
}

// ReconcilerEnv is the reconciler function's environment.
type ReconcilerEnv[T any] struct {
	Common[T]
	Catalog  T `env:"DIP_CATALOG"`   // key in the lake bucket of the catalog that knows the queues
	EventBus T `env:"DIP_EVENT_BUS"` // EventBridge bus that load events go to
	// ARN of the KMS key that signs certificates
	SigningKey T `env:"DIP_SIGNING_KEY"`
}

// SweeperEnv is the sweeper function's environment.
type SweeperEnv[T any] struct {
	Common[T]
	LandingBucket T `env:"DIP_LANDING_BUCKET"`
	IntakeQueue   T `env:"DIP_INTAKE_QUEUE"`             // URL of the intake queue
	GraceSeconds  T `env:"DIP_GRACE_SECONDS" kind:"int"` // the event of a younger object may still be in flight
	// older versions are compared by a full pass only
	HorizonSeconds T `env:"DIP_HORIZON_SECONDS" kind:"int"`
	FullSeconds    T `env:"DIP_FULL_SECONDS" kind:"int"` // between two full passes
	Workflow       T `env:"DIP_WORKFLOW"`                // ARN of the load workflow's alias
	EventBus       T `env:"DIP_EVENT_BUS"`               // EventBridge bus that load events go to
}

// MaintenanceEnv is the maintenance function's environment.
type MaintenanceEnv[T any] struct {
	Common[T]
	Plan       T `env:"DIP_MAINTENANCE"`        // JSON of a MaintenancePlan
	NodeGroups T `env:"DIP_NODE_GROUPS"`        // JSON of a list of MaintainedGroup
	Switch     T `env:"DIP_MAINTENANCE_SWITCH"` // name of the SSM parameter with a MaintenanceSwitch
}

// SegmentEnv is the environment of a segment's function.
type SegmentEnv[T any] struct {
	Common[T]
	Segment T `env:"DIP_SEGMENT"` // the segment whose chunks this function processes
}

// ProcessorEnv is the environment of a segment's function whose records arrive by stream.
type ProcessorEnv[T any] struct {
	SegmentEnv[T]
	Catalog T `env:"DIP_CATALOG"` // key in the lake bucket of the catalog by which records are processed
}

// WitnessEnv is the environment of a stream's witness.
type WitnessEnv[T any] struct {
	Common[T]
	Segment T `env:"DIP_SEGMENT"` // whose records it archives
	Stream  T `env:"DIP_STREAM"`  // name of the segment's Kinesis stream
}

// CloserEnv is the environment of a stream's closer.
type CloserEnv[T any] struct {
	Common[T]
	Segment  T `env:"DIP_SEGMENT"`   // whose intervals it closes
	Catalog  T `env:"DIP_CATALOG"`   // key in the lake bucket of the catalog that new intervals are pinned to
	Stream   T `env:"DIP_STREAM"`    // name of the segment's Kinesis stream
	EventBus T `env:"DIP_EVENT_BUS"` // EventBridge bus that events of intervals go to
	// ARN of the KMS key that signs certificates
	SigningKey T `env:"DIP_SIGNING_KEY"`
}

// RolloutEnv is the environment of the function that starts rollouts and judges them.
type RolloutEnv[T any] struct {
	Common[T]
	Application T `env:"DIP_APPLICATION"` // name of the CodeDeploy application of the segments' functions
	EventBus    T `env:"DIP_EVENT_BUS"`   // EventBridge bus that events of rollouts go to
}

// WorkerEnv is the environment of a segment's worker: the same binary as its function, run on the cluster.
type WorkerEnv[T any] struct {
	SegmentEnv[T]
	Queue T `env:"DIP_QUEUE"` // URL of the queue whose chunks it takes
	// another worker takes a chunk over after this long without a heartbeat
	LeaseSeconds T `env:"DIP_LEASE_SECONDS" kind:"int"`
	LogGroup     T `env:"DIP_LOG_GROUP"`                // of CloudWatch, that keeps what it writes
	Slots        T `env:"DIP_SLOTS" kind:"int"`         // chunks that it processes concurrently
	GraceSeconds T `env:"DIP_GRACE_SECONDS" kind:"int"` // from SIGTERM to SIGKILL: the pod's grace period
}

// RestageEnv is the environment of the restage job, which turns an input that cannot be split into one that is.
type RestageEnv[T any] struct {
	Common[T]
	Queue   T `env:"DIP_QUEUE"`   // URL of the restage queue
	Catalog T `env:"DIP_CATALOG"` // key in the lake bucket of the catalog that knows the queues
	// another job takes a restage over after this long without a heartbeat
	LeaseSeconds T `env:"DIP_LEASE_SECONDS" kind:"int"`
	LogGroup     T `env:"DIP_LOG_GROUP"` // of CloudWatch, that keeps what it writes
}

// GatewayEnv is the environment of the gateway, which takes records over HTTP and puts them into the segments' streams.
type GatewayEnv[T any] struct {
	Common[T]
	Catalog T `env:"DIP_CATALOG"` // key in the lake bucket of the catalog that knows the streams
	// bucket that whole loads are put into
	LandingBucket T `env:"DIP_LANDING_BUCKET"`
	Tokens        T `env:"DIP_TOKENS"` // ARN of the Secrets Manager secret with the producers and the hashes of their tokens
	// of CloudWatch, that keeps what it writes; "": nothing does but its output, where it is no pod
	LogGroup T `env:"DIP_LOG_GROUP" kind:"optional"`
	Listen   T `env:"DIP_LISTEN"` // address that it serves on, such as ":8080"
	// the most that bodies and unanswered records may take in memory, MiB
	BufferMB     T `env:"DIP_BUFFER_MB" kind:"int"`
	GraceSeconds T `env:"DIP_GRACE_SECONDS" kind:"int"` // from SIGTERM to SIGKILL: the pod's grace period
}

// GatewayFunctionEnv is the environment of the gateway as a function.
type GatewayFunctionEnv[T any] struct {
	Common[T]
	Catalog       T `env:"DIP_CATALOG"`        // key in the lake bucket of the catalog that knows the streams
	LandingBucket T `env:"DIP_LANDING_BUCKET"` // bucket that whole loads are put into
}

// Render lists an environment struct's variables by name, but for optional ones that are unset. The error names every
// other field that is unset (nil or zero).
func Render[T any](env any) (map[string]T, error) {
	vars := map[string]T{}
	var missing []error
	eachField(reflect.ValueOf(env), func(name, kind string, v reflect.Value) {
		if v.IsZero() {
			if kind == kindOptional {
				return
			}
			missing = append(missing, fmt.Errorf("%s (%T) is not set", name, env))
			return
		}
		vars[name] = v.Interface().(T)
	})
	return vars, errors.Join(missing...)
}

// Load fills an environment struct E of strings. The error names every variable that is missing or empty and not
// optional, or not a whole number above zero where it has to be one.
func Load[E any](lookup func(string) (string, bool)) (E, error) {
	var env E
	var wrong []error
	eachField(reflect.ValueOf(&env).Elem(), func(name, kind string, v reflect.Value) {
		s, ok := lookup(name)
		if !ok || s == "" {
			if kind == kindOptional {
				return
			}
			wrong = append(wrong, fmt.Errorf("environment variable %s is not set", name))
			return
		}
		if kind == kindInt && Int(s) <= 0 {
			wrong = append(wrong, fmt.Errorf("environment variable %s is %q: want a whole number above zero", name, s))
		}
		v.SetString(s)
	})
	return env, errors.Join(wrong...)
}

// Int is the value of a variable that Load has found to be a whole number above zero.
func Int(value string) int {
	n, err := strconv.Atoi(value)
	if err != nil {
		return 0
	}
	return n
}

// Names lists the variables of an environment struct, sorted.
func Names(env any) []string {
	var names []string
	eachField(reflect.ValueOf(env), func(name, _ string, _ reflect.Value) { names = append(names, name) })
	sort.Strings(names)
	return names
}

// Kinds of variables beside texts that have to be set.
const (
	kindInt      = "int"      // a whole number above zero
	kindOptional = "optional" // a text that may be missing
)

func eachField(v reflect.Value, visit func(name, kind string, v reflect.Value)) {
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		if name := tag.Get("env"); name != "" {
			visit(name, tag.Get("kind"), v.Field(i))
		} else {
			eachField(v.Field(i), visit)
		}
	}
}
