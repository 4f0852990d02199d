package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Environment is what a stack is for. It decides the defaults.
type Environment string

// The environments.
const (
	Local   Environment = "local" // this machine
	Small   Environment = "small" // no cluster, no network: functions alone, and data that is kept
	Dev     Environment = "dev"
	Staging Environment = "staging"
	Prod    Environment = "prod"
)

// Environments lists them.
var Environments = []Environment{Local, Small, Dev, Staging, Prod}

// UnmarshalText accepts the names of the environments.
func (e *Environment) UnmarshalText(text []byte) error { return oneOf(e, text, Environments) }

// Disposable says whether the environment's data may be deleted with the stack.
func (e Environment) Disposable() bool { return e == Local || e == Dev }

// Architecture is an instruction set, with its Go name.
type Architecture string

// The architectures that Lambda has.
const (
	ARM64 Architecture = "arm64"
	AMD64 Architecture = "amd64"
)

// Architectures lists them.
var Architectures = []Architecture{ARM64, AMD64}

// UnmarshalText accepts the names of the architectures.
func (a *Architecture) UnmarshalText(text []byte) error { return oneOf(a, text, Architectures) }

// Lambda is the architecture's name in Lambda.
func (a Architecture) Lambda() string {
	if a == AMD64 {
		return "x86_64"
	}
	return string(a)
}

// By is the step of a partition.
type By string

// The steps. All but ByValue need a date.
const (
	ByValue By = "value"
	ByDay   By = "day"
	ByMonth By = "month"
	ByYear  By = "year"
)

// Steps lists them.
var Steps = []By{ByValue, ByDay, ByMonth, ByYear}

// UnmarshalText accepts the names of the steps.
func (b *By) UnmarshalText(text []byte) error { return oneOf(b, text, Steps) }

// NAT is how private subnets reach the internet.
type NAT string

// The ways: one gateway for all zones, or one per zone, which survives the loss of a zone and saves traffic between
// them.
const (
	SingleNAT  NAT = "single"
	PerZoneNAT NAT = "perZone"
)

// NATs lists them.
var NATs = []NAT{SingleNAT, PerZoneNAT}

// UnmarshalText accepts the names of the ways.
func (n *NAT) UnmarshalText(text []byte) error { return oneOf(n, text, NATs) }

// LockMode is who may take the lock off a vault of backups.
type LockMode string

// The modes: there is no lock; whoever has the right; nobody.
const (
	NoLock         LockMode = "none"
	GovernanceLock LockMode = "governance"
	ComplianceLock LockMode = "compliance"
)

// LockModes lists them.
var LockModes = []LockMode{NoLock, GovernanceLock, ComplianceLock}

// UnmarshalText accepts the names of the modes.
func (m *LockMode) UnmarshalText(text []byte) error { return oneOf(m, text, LockModes) }

// Weekday is a day of the week.
type Weekday string

// Weekdays lists them, in the order of time.Weekday.
var Weekdays = []Weekday{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// UnmarshalText accepts the names of the days.
func (d *Weekday) UnmarshalText(text []byte) error { return oneOf(d, text, Weekdays) }

func (d Weekday) weekday() time.Weekday { return time.Weekday(slices.Index(Weekdays, d)) }

// Kind is who manages a node group.
type Kind string

// The kinds: EKS, or an Auto Scaling group of our own.
const (
	Managed Kind = "managed"
	Batch   Kind = "batch"
)

// Kinds lists them.
var Kinds = []Kind{Managed, Batch}

// UnmarshalText accepts the names of the kinds.
func (k *Kind) UnmarshalText(text []byte) error { return oneOf(k, text, Kinds) }

// Capacity is how nodes are bought.
type Capacity string

// The ways to buy.
const (
	Spot     Capacity = "spot"
	OnDemand Capacity = "onDemand"
)

// Capacities lists them.
var Capacities = []Capacity{Spot, OnDemand}

// UnmarshalText accepts the names of the ways to buy.
func (c *Capacity) UnmarshalText(text []byte) error { return oneOf(c, text, Capacities) }

// Scaler is who sets a node group's desired size.
type Scaler string

// The scalers.
const (
	ClusterAutoscaler Scaler = "clusterAutoscaler"
	EscalatorScaler   Scaler = "escalator"
)

// Scalers lists them.
var Scalers = []Scaler{ClusterAutoscaler, EscalatorScaler}

// UnmarshalText accepts the names of the scalers.
func (s *Scaler) UnmarshalText(text []byte) error { return oneOf(s, text, Scalers) }

// Interruptions is who drains a node that is about to be removed.
type Interruptions string

// The ways: EKS itself (managed groups), or the Node Termination Handler, which learns of it from the node's metadata
// or from a queue.
const (
	ByEKS   Interruptions = "managed"
	ByIMDS  Interruptions = "imds"
	ByQueue Interruptions = "queue"
)

// InterruptionModes lists them.
var InterruptionModes = []Interruptions{ByEKS, ByIMDS, ByQueue}

// UnmarshalText accepts the names of the ways.
func (i *Interruptions) UnmarshalText(text []byte) error { return oneOf(i, text, InterruptionModes) }

// Duration is a span of time, written as in Go: "90s", "15m", "96h".
type Duration time.Duration

// UnmarshalText accepts what time.ParseDuration does, in whole seconds and not negative: the services have no
// smaller unit.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf(`%q is not a duration such as "90s" or "15m"`, text)
	}
	if v < 0 || v%time.Second != 0 {
		return fmt.Errorf("%q: want whole seconds, not negative", text)
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes the duration as in Go.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d Duration) String() string {
	s := time.Duration(d).String()
	for _, zero := range []string{"m0s", "h0m"} { // 15m0s is 15m
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}

// Seconds is the duration in seconds.
func (d Duration) Seconds() int { return int(time.Duration(d) / time.Second) }

func seconds(n int) Duration { return Duration(n) * Duration(time.Second) }
func minutes(n int) Duration { return Duration(n) * Duration(time.Minute) }
func hours(n int) Duration   { return Duration(n) * Duration(time.Hour) }

func oneOf[T ~string](value *T, text []byte, known []T) error {
	if !slices.Contains(known, T(text)) {
		return fmt.Errorf("%q: want one of %s", text, join(known))
	}
	*value = T(text)
	return nil
}

func join[T ~string](list []T) string {
	words := make([]string, len(list))
	for i, v := range list {
		words[i] = string(v)
	}
	return strings.Join(words, ", ")
}
