package contract

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
)

// StackOutputs are a stack's outputs. T is a Pulumi input on the infrastructure side and string for their readers.
type StackOutputs[T any] struct {
	Region            T                            `json:"region"`
	LandingBucket     T                            `json:"landingBucket"`
	LakeBucket        T                            `json:"lakeBucket"`
	LedgerTable       T                            `json:"ledgerTable"`
	Catalog           T                            `json:"catalog"`           // key in the lake bucket
	IntakeQueue       T                            `json:"intakeQueue"`       // URL
	IntakeDeadLetters T                            `json:"intakeDeadLetters"` // URL
	Workflow          T                            `json:"workflow"`          // ARN of the alias
	EventBus          T                            `json:"eventBus"`          // name
	SigningKey        T                            `json:"signingKey"`        // ARN of the key that signs certificates
	AlarmTopic        T                            `json:"alarmTopic"`        // ARN; receives alarms, failed loads and rollouts
	Dashboard         *T                           `json:"dashboard"`         // name; nil in a stack without
	Functions         map[string]T                 `json:"functions"`         // ARN of the alias, by name
	Backup            *BackupOutputs[T]            `json:"backup"`            // nil in a stack without backups
	Cluster           *ClusterOutputs[T]           `json:"cluster"`           // nil in a stack without a cluster
	Gateway           *GatewayOutputs[T]           `json:"gateway"`           // nil in a stack without a gateway
	Maintenance       *MaintenanceOutputs[T]       `json:"maintenance"`       // nil in a stack without maintenance
	Segments          map[string]SegmentOutputs[T] `json:"segments"`          // by name
}

// BackupOutputs are a stack's outputs for its backups.
type BackupOutputs[T any] struct {
	Vault T `json:"vault"` // name
	Role  T `json:"role"`  // ARN; restores, too
}

// SegmentOutputs are a stack's outputs for a segment.
type SegmentOutputs[T any] struct {
	*QueueOutputs[T]                   // of its chunks; nil for a segment whose records arrive by stream
	Function         T                 `json:"function"` // ARN of the alias
	Workers          *QueueOutputs[T]  `json:"workers"`  // nil without workers
	Stream           *StreamOutputs[T] `json:"stream"`   // nil for a segment whose records arrive as files
	// Rollouts is the name of the CodeDeploy deployment group; nil for a segment whose records arrive by stream
	Rollouts *T `json:"rollouts"`
}

// StreamOutputs are a stack's outputs for a segment whose records arrive by stream.
type StreamOutputs[T any] struct {
	Name    T `json:"name"`    // of the Kinesis stream
	Witness T `json:"witness"` // ARN of the function's alias
	Closer  T `json:"closer"`  // ARN of the function's alias
}

// GatewayOutputs are a stack's outputs for its gateway.
type GatewayOutputs[T any] struct {
	URL T `json:"url"`
	// ARN of the secret with the producers and the hashes of their tokens; nil: it takes requests signed for Lambda
	Tokens *T `json:"tokens"`
	// DNS name of the load balancer; nil for a function
	Balancer *T `json:"balancer"`
}

// MaintenanceOutputs are a stack's outputs for its maintenance.
type MaintenanceOutputs[T any] struct {
	Function T `json:"function"` // ARN of the alias
	Switch   T `json:"switch"`   // name of the SSM parameter with a MaintenanceSwitch
}

// QueueOutputs are a stack's outputs for a queue.
type QueueOutputs[T any] struct {
	Queue       T `json:"queue"`       // URL
	DeadLetters T `json:"deadLetters"` // URL
}

// ClusterOutputs are a stack's outputs for its cluster.
type ClusterOutputs[T any] struct {
	Name       T                          `json:"name"`
	Kubeconfig T                          `json:"kubeconfig"` // JSON
	Namespace  T                          `json:"namespace"`  // of the workers and jobs
	Image      T                          `json:"image"`      // of workers and restage jobs, with its tag
	Restage    QueueOutputs[T]            `json:"restage"`
	NodeGroups map[string]GroupOutputs[T] `json:"nodeGroups"` // by name
}

// GroupOutputs are a stack's outputs for a node group.
type GroupOutputs[T any] struct {
	AutoScalingGroup  T `json:"autoScalingGroup"`  // name
	SpotCapacityPools T `json:"spotCapacityPools"` // availability zones x instance types; "0" for on-demand
}

// Outputs turns outputs into nested maps by their JSON names, whose leaves are values of T. The error names every
// field that is unset.
func Outputs[T any](o StackOutputs[T]) (map[string]any, error) {
	var missing []error
	tree := outputs[T]("", reflect.ValueOf(o), &missing)
	return tree.(map[string]any), errors.Join(missing...)
}

func outputs[T any](path string, v reflect.Value, missing *[]error) any {
	if v.Type() == reflect.TypeFor[T]() {
		if v.IsZero() {
			*missing = append(*missing, fmt.Errorf("stack output%s is not set", path))
			return nil
		}
		return v.Interface()
	}
	tree := map[string]any{}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		return outputs[T](path, v.Elem(), missing)
	}
	if v.Kind() == reflect.Map {
		for entries := v.MapRange(); entries.Next(); {
			name := entries.Key().String()
			tree[name] = outputs[T](path+" "+name, entries.Value(), missing)
		}
		return tree
	}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Anonymous {
			if inner, ok := outputs[T](path, v.Field(i), missing).(map[string]any); ok {
				maps.Copy(tree, inner)
			}
			continue
		}
		name := field.Tag.Get("json")
		if branch := outputs[T](path+" "+name, v.Field(i), missing); branch != nil {
			tree[name] = branch
		}
	}
	return tree
}
