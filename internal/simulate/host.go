package simulate

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// host is a machine whose cores all invocations share, as those of a local stack do: n of them on c cores have c/n of
// a core each, and never more than one.
type host struct {
	cores float64
	jobs  []*job
	at    time.Duration // until when the work of jobs is accounted for
	plan  int           // number of the plan for the next end; older ones do not apply
}

// job is work on a host.
type job struct {
	left time.Duration // on a whole core
	done func()
}

// spend runs a function's work of a known time, and then what follows.
func (r *run) spend(work time.Duration, done func()) {
	if r.host == nil {
		r.after(work, done)
		return
	}
	r.host.settle(r.now)
	r.host.jobs = append(r.host.jobs, &job{max(work, 0), done})
	r.planEnd()
}

// planEnd plans the end of the job that ends first if none comes or goes until then.
func (r *run) planEnd() {
	h := r.host
	h.plan++
	if len(h.jobs) == 0 {
		return
	}
	plan := h.plan
	first := slices.MinFunc(h.jobs, func(a, b *job) int { return cmp.Compare(a.left, b.left) })
	r.after(time.Duration(math.Ceil(float64(first.left)/h.rate(len(h.jobs)))), func() {
		if h.plan != plan {
			return
		}
		h.settle(r.now)
		var ended []*job
		h.jobs = slices.DeleteFunc(h.jobs, func(j *job) bool {
			if j.left <= 0 {
				ended = append(ended, j)
			}
			return j.left <= 0
		})
		for _, j := range ended {
			j.done()
		}
		r.planEnd()
	})
}

// settle accounts for the work that was done until now.
func (h *host) settle(now time.Duration) {
	did := time.Duration(math.Ceil(float64(now-h.at) * h.rate(len(h.jobs))))
	for _, j := range h.jobs {
		j.left -= did
	}
	h.at = now
}

// rate is the part of a core that each of n jobs has.
func (h *host) rate(n int) float64 { return min(1, h.cores/float64(max(n, 1))) }

// Period is a time in which something ran.
type Period struct{ Start, End time.Time }

// Shares is the part of a core that each period's work had on average, on a host with some cores that all share. A
// period without length has the whole one.
func Shares(periods []Period, cores int) []float64 {
	type edge struct {
		at    time.Time
		delta int
	}
	var edges []edge
	for _, p := range periods {
		edges = append(edges, edge{p.Start, 1}, edge{p.End, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int { return a.at.Compare(b.at) })
	h := host{cores: float64(cores)}
	had := map[time.Time]float64{} // seconds of a core that one period would have had by then
	n, sum := 0, 0.0
	for i, e := range edges {
		if i > 0 {
			sum += e.at.Sub(edges[i-1].at).Seconds() * h.rate(n)
		}
		had[e.at], n = sum, n+e.delta
	}
	shares := make([]float64, len(periods))
	for i, p := range periods {
		shares[i] = 1
		if took := p.End.Sub(p.Start).Seconds(); took > 0 {
			shares[i] = (had[p.End] - had[p.Start]) / took
		}
	}
	return shares
}
