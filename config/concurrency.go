package config

import (
	"fmt"
	"strings"

	"dip/contract"
)

// ConcurrencyQuota is the quota of Lambda's concurrent executions in Service Quotas: 1,000, in a new account it may be
// 10 ("Lambda quotas").
const ConcurrencyQuota = "L-B99A9384"

// unreserved is what Lambda keeps for functions that reserve nothing: it refuses reservations of more ("Configuring
// reserved concurrency for a function").
const unreserved = 100

// What the functions without a mapping run at once: each load takes a step now and then.
const (
	splitters   = 10
	reconcilers = 20
)

// ReserveConcurrency compares how many functions run at once at most with the quota of an account. Where there is
// room, the splitter and the reconciler reserve their part: when others use the rest up, loads go on. The error has the
// sum, and what to do.
func (s *Stack) ReserveConcurrency(quota int) error {
	sum, reserved, parts := 0, 0, []string(nil)
	add := func(name string, most int, f Function) {
		most = max(most, f.ReservedConcurrency)
		sum, reserved = sum+most, reserved+f.ReservedConcurrency
		parts = append(parts, fmt.Sprintf("%s %d", name, most))
	}
	for _, name := range s.FileNames() {
		add("segments."+name, s.Segments[name].Concurrency, s.Segments[name].Function)
	}
	for _, name := range s.StreamNames() {
		g := s.Segments[name]
		add("segments."+name, g.Stream.Shards*g.Stream.Parallelization, g.Function)
		add(contract.StreamFunction(name, contract.Witness), g.Stream.Shards, s.Functions.Witness)
		add(contract.StreamFunction(name, contract.Closer), 1, s.Functions.Closer)
	}
	add("intake", IntakeConcurrency, s.Functions.Intake)
	add("splitter", splitters, s.Functions.Splitter)
	add("reconciler", reconcilers, s.Functions.Reconciler)
	add("sweeper", 1, s.Functions.Sweeper)
	if n := len(s.FileNames()); n > 0 {
		add(contract.RolloutFunction, n, s.Functions.Rollout)
	}
	mend := "ask for more (Service Quotas, AWS Lambda, Concurrent executions, " + ConcurrencyQuota +
		"), or lower segments.<name>.concurrency"
	if len(s.StreamNames()) > 0 {
		mend += ", or shards or parallelization of segments.<name>.stream"
	}
	if sum > quota {
		return fmt.Errorf("segments.<name>.concurrency: up to %d functions run at once (%s), the account allows %d: %s", sum,
			strings.Join(parts, ", "), quota, mend)
	}
	if reserved > 0 && reserved+unreserved > quota {
		return fmt.Errorf("reservedConcurrency: %d are reserved in all, and Lambda leaves %d to other functions, but the "+
			"account allows %d: %s, or reserve less", reserved, unreserved, quota, mend)
	}
	f := &s.Functions
	room := quota - unreserved - sum // what others may still use
	for _, own := range []struct {
		function *Function
		most     int
	}{{&f.Splitter, splitters}, {&f.Reconciler, reconcilers}} {
		if own.function.ReservedConcurrency == 0 && room >= 0 {
			own.function.ReservedConcurrency = own.most
		}
	}
	return nil
}
