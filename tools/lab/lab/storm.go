package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"dip/contract"
	"dip/internal/cli/screen"
	"dip/internal/sample"
	"dip/tools/lab/kubelet"
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

// storm compares a load on workers that nobody disturbs with one whose nodes are interrupted.
func (l *Lab) storm(ctx context.Context) ([]string, error) {
	warm, err := l.runLoad(ctx, "warm", 20, nil)
	if err != nil {
		return nil, err
	}
	calm, err := l.runLoad(ctx, "calm", 21, nil)
	if err != nil {
		return nil, err
	}
	s := &weather{lab: l}
	stormy, err := l.runLoad(ctx, "stormy", 22, s)
	if err != nil {
		return nil, err
	}
	report, err := s.report()
	if err != nil {
		return nil, err
	}
	return append([]string{
		fmt.Sprintf("the first load, from no worker at all: %d chunks certified after %s", warm.chunks, screen.Duration(warm.took)),
		fmt.Sprintf("calm:   %d chunks certified after %s, %d of them sent again", calm.chunks, screen.Duration(calm.took), calm.progress.Retried),
		fmt.Sprintf("stormy: %d chunks certified after %s (%+.0f %%), %d of them sent again", stormy.chunks, screen.Duration(stormy.took),
			100*(stormy.took.Seconds()/calm.took.Seconds()-1), stormy.progress.Retried),
	}, report...), nil
}

// runLoad lands a load and has it certified, in some weather.
func (l *Lab) runLoad(ctx context.Context, name string, seed uint64, s *weather) (outcome, error) {
	id, err := l.land(ctx, stormSegment+"/"+name+".csv", stormSegment, contract.Plain, sample.Options{Bytes: stormBytes, Seed: seed, BadShare: 0.001})
	if err != nil {
		return outcome{}, err
	}
	if s == nil {
		return l.certified(ctx, id, stormLoadLimit)
	}
	s.began = time.Now()
	blowing, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	group.Go(func() { s.err = s.blow(blowing) })
	group.Go(func() { s.watchBudget(blowing) })
	o, err := l.certified(ctx, id, stormLoadLimit)
	stop()
	group.Wait()
	return o, errors.Join(err, s.err)
}

// weather interrupts nodes.
type weather struct {
	lab   *Lab
	began time.Time
	hits  []hit
	err   error

	allowed int // how many workers the disruption budget has let go at once, at most
}

// hit is one interruption.
type hit struct {
	node, zone string
	at         time.Time // when the metadata told
	ends       time.Time // when the instance is terminated
}

// blow interrupts random nodes that have workers until there were enough or the context ends, and terminates their
// instances when the notice is over.
func (s *weather) blow(ctx context.Context) error {
	var endings sync.WaitGroup
	defer endings.Wait()
	failed := make(chan error, stormMost)
	for len(s.hits) < stormMost {
		select {
		case <-ctx.Done():
			return errors.Join(drain(failed)...)
		case <-time.After(stormEvery):
		}
		h, instance, err := s.strike(ctx)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if err != nil || h.node == "" {
			continue
		}
		s.hits = append(s.hits, h)
		endings.Go(func() {
			// An instance is taken away whether or not the load is over.
			time.Sleep(time.Until(h.ends))
			failed <- s.lab.Cluster.AWS.Query(context.WithoutCancel(ctx), "ec2", "TerminateInstances", map[string]string{"InstanceId.1": instance}, new(struct{}))
		})
	}
	endings.Wait()
	return errors.Join(drain(failed)...)
}

func drain(failed chan error) (errs []error) {
	for {
		select {
		case err := <-failed:
			errs = append(errs, err)
		default:
			return errs
		}
	}
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
		if !busy[n.Name] || n.Spec.Unschedulable || slices.ContainsFunc(s.hits, func(h hit) bool { return h.node == n.Name }) {
			continue
		}
		at := time.Now()
		ends, err := s.lab.Cluster.Metadata.Interrupt(ctx, n.Name, stormNotice)
		return hit{node: n.Name, zone: n.Labels[stormZone], at: at, ends: ends}, path.Base(n.Spec.ProviderID), err
	}
	return hit{}, "", nil
}

// watchBudget keeps the most that the workers' disruption budget would let go at once.
func (s *weather) watchBudget(ctx context.Context) {
	_ = await(ctx, time.Hour, "", func(ctx context.Context) (bool, error) {
		b, err := s.lab.Cluster.Client.PolicyV1().PodDisruptionBudgets(s.lab.Stack.Outputs.Cluster.Namespace).Get(ctx, stormBudget, metav1.GetOptions{})
		if err == nil {
			if n, err := intstr.GetScaledValueFromIntOrPercent(b.Spec.MaxUnavailable, int(b.Status.ExpectedPods), true); err == nil {
				s.allowed = max(s.allowed, n)
			}
		}
		return false, nil // what failed is asked again
	})
}

// report tells what became of each interrupted node.
func (s *weather) report() ([]string, error) {
	if len(s.hits) == 0 {
		return nil, errors.New("the load was over before a node was interrupted")
	}
	events := s.lab.Cluster.Containers.since(stormSegment, s.began)
	zones, lines, evicted := map[string]bool{}, []string{}, []kubelet.Event{}
	for _, h := range s.hits {
		zones[h.zone] = true
		ended, err := h.drained(events)
		if err != nil {
			return nil, err
		}
		evicted = append(evicted, ended...)
		took := time.Duration(0)
		for _, e := range ended {
			took = max(took, e.Time.Sub(h.at))
		}
		lines = append(lines, fmt.Sprintf("  %s in %s: %d workers gone within %s of a notice of %s",
			h.node, h.zone, len(ended), screen.Duration(took), screen.Duration(stormNotice)))
	}
	most := mostStopping(evicted)
	if most > s.allowed {
		return nil, fmt.Errorf("%d workers were evicted at once, and their disruption budget allows %d", most, s.allowed)
	}
	back, err := s.lab.handedBack(evicted)
	if err != nil {
		return nil, err
	}
	return append([]string{
		fmt.Sprintf("%d interruptions in %d zones; %d workers evicted, %d at once at most, and the disruption budget allows %d",
			len(s.hits), len(zones), len(evicted), most, s.allowed),
		fmt.Sprintf("these finished what they could and handed %d chunks back, which others then did", back),
	}, lines...), nil
}

// drained lists the ends of the workers on a node since its notice. One that did not end by itself, or not in time, is an
// error.
func (h hit) drained(events []kubelet.Event) (ended []kubelet.Event, err error) {
	for _, e := range events {
		switch {
		case e.Node != h.node || e.Kind == kubelet.Started || e.Time.Before(h.at):
		case e.Kind != kubelet.Terminated || e.ExitCode != 0:
			return nil, fmt.Errorf("worker %s on the interrupted node %s: %s with code %d", e.Pod, e.Node, e.Kind, e.ExitCode)
		case e.Time.After(h.ends):
			return nil, fmt.Errorf("worker %s ended %s after the notice of node %s was over", e.Pod, e.Time.Sub(h.ends), e.Node)
		default:
			ended = append(ended, e)
		}
	}
	return ended, nil
}

// handedBack counts what the logs of containers that have ended say was handed back.
func (l *Lab) handedBack(ended []kubelet.Event) (n int, err error) {
	for _, e := range ended {
		log, err := os.ReadFile(l.Cluster.Kubelet.LogFile(e.Namespace, e.Pod, e.Container))
		if err != nil {
			return 0, fmt.Errorf("read what worker %s did: %w", e.Pod, err)
		}
		n += bytes.Count(log, []byte(`"msg":"message handed back"`))
	}
	return n, nil
}

// mostStopping is how many containers were at once between being asked to end and their end.
func mostStopping(ended []kubelet.Event) (most int) {
	for _, at := range ended {
		asked, now := at.Time.Add(-at.Stopping), 0
		for _, e := range ended {
			if !e.Time.Add(-e.Stopping).After(asked) && e.Time.After(asked) {
				now++
			}
		}
		most = max(most, now)
	}
	return most
}
