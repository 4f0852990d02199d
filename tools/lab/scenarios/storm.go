package scenarios

import (
	"context"
	"errors"
	"math/rand/v2"
	"path"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"dip/contract"
	"dip/internal/sample"
)

const (
	stormSegment   = "trips" // its chunks run on workers: see shortened
	stormBudget    = "worker-" + stormSegment
	stormBytes     = 400 << 20        // 400 chunks
	stormNotice    = 2 * time.Minute  // AWS's
	stormEvery     = 6 * time.Second  // from one interruption to the next
	stormMost      = 4                // interruptions
	stormLoadLimit = 12 * time.Minute // of a load
	stormZone      = "topology.kubernetes.io/zone"
)

// storm compares a load on undisturbed workers with one whose nodes are interrupted. The one before both
// starts with no worker at all.
func (l *Lab) storm(ctx context.Context) ([]string, error) {
	s := &weather{lab: l}
	var runs []run
	for i, r := range []run{{name: "first"}, {name: "calm"}, {name: "stormy", weather: s}} {
		var err error
		if r.outcome, err = l.runLoad(ctx, r.name, uint64(20+i), r.weather); err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	report, err := s.report()
	if err != nil {
		return nil, err
	}
	return append(compare(runs), report...), nil
}

// run is a load in some weather; nil: in none.
type run struct {
	name    string
	weather *weather
	outcome
}

// runLoad lands a load and has it certified, in some weather.
func (l *Lab) runLoad(ctx context.Context, name string, seed uint64, s *weather) (outcome, error) {
	id, err := l.land(ctx, stormSegment+"/"+name+".csv", stormSegment, contract.Plain,
		sample.Options{Bytes: stormBytes, Seed: seed, BadShare: 0.001})
	if err != nil {
		return outcome{}, err
	}
	if s == nil {
		return l.certified(ctx, id, stormLoadLimit)
	}
	blowing, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	group.Go(func() { s.err = s.blow(ctx, blowing) })
	group.Go(func() { s.watchBudget(blowing) })
	o, err := l.certified(ctx, id, stormLoadLimit)
	stop()
	group.Wait()
	return o, errors.Join(err, s.err)
}

// weather interrupts nodes.
type weather struct {
	lab  *Lab
	hits []hit
	err  error

	wanted int // most workers that the disruption budget has required
}

// hit is one interruption.
type hit struct {
	node, zone string
	at         time.Time // when the metadata announced it
	ends       time.Time // when the instance is terminated
}

// blow interrupts random nodes that have workers until there were enough or the load is over, and terminates their
// instances when the notice is, whether or not the load is.
func (s *weather) blow(ctx, load context.Context) error {
	endings, ctx := errgroup.WithContext(ctx)
	err := s.strikeOften(load, func(h hit, instance string) {
		endings.Go(func() error {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(time.Until(h.ends)):
			}
			return s.lab.Cluster.AWS.Query(ctx, "ec2", "TerminateInstances", map[string]string{"InstanceId.1": instance},
				new(struct{}))
		})
	})
	return errors.Join(err, endings.Wait())
}

func (s *weather) strikeOften(ctx context.Context, struck func(h hit, instance string)) error {
	ticker := time.NewTicker(stormEvery)
	defer ticker.Stop()
	for len(s.hits) < stormMost {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		h, instance, err := s.strike(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case h.node != "":
			s.hits = append(s.hits, h)
			struck(h, instance)
		}
	}
	return nil
}

// strike interrupts a node that has workers; none when there is no such node.
func (s *weather) strike(ctx context.Context) (hit, string, error) {
	nodes, err := s.lab.batchNodes(ctx)
	if err != nil {
		return hit{}, "", err
	}
	busy := map[string]bool{}
	for _, e := range running(s.lab.Cluster.Containers.since(stormSegment, time.Time{})) {
		busy[e.Node] = true
	}
	rand.Shuffle(len(nodes), func(i, k int) { nodes[i], nodes[k] = nodes[k], nodes[i] })
	for _, n := range nodes {
		if !busy[n.Name] || n.Spec.Unschedulable ||
			slices.ContainsFunc(s.hits, func(h hit) bool { return h.node == n.Name }) {
			continue
		}
		at := time.Now()
		ends, err := s.lab.Cluster.Metadata.Interrupt(ctx, n.Name, stormNotice)
		return hit{node: n.Name, zone: n.Labels[stormZone], at: at, ends: ends}, path.Base(n.Spec.ProviderID), err
	}
	return hit{}, "", nil
}

// watchBudget keeps the most workers that their disruption budget requires.
func (s *weather) watchBudget(ctx context.Context) {
	_ = await(ctx, time.Hour, "", func(ctx context.Context) (bool, error) {
		b, err := s.lab.Cluster.Client.PolicyV1().PodDisruptionBudgets(s.lab.Stack.Outputs.Cluster.Namespace).Get(ctx,
			stormBudget, metav1.GetOptions{})
		if err == nil {
			s.wanted = max(s.wanted, int(b.Status.DesiredHealthy))
		}
		return false, nil // a failed request is retried
	})
}
