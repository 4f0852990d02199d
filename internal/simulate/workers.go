package simulate

import (
	"fmt"
	"slices"
	"time"

	"dip/config"
)

// heavy is the heavy lane: the pods that process what does not fit into a function, and the nodes that they run on.
type heavy struct {
	run     *run
	groups  []*group
	pools   []*pool
	workers map[string]*pool // by segment
	restage *pool
	polling bool // the scalers look, because something is to do
}

// pool is pods of one kind, scaled by the length of their queue: a segment's workers, or the restage jobs.
type pool struct {
	group         *group
	queue         queue
	cpu, memory   int // request of a pod, thousandths of a vCPU and MiB
	slots, perPod int
	min, max      int
	took          func(task) time.Duration
	done          func(task)
	pods          []*pod
	needed        time.Duration // when as many pods as there are were last needed
	busy          time.Duration // of all slots, with what was handed back
	handedBack    int
}

// pod is a pod of a pool; node is nil as long as it is pending.
type pod struct {
	pool  *pool
	node  *node
	ready bool
	work  []*attempt
}

// attempt is work on a task that may be cut off.
type attempt struct {
	task  task
	began time.Duration
	ends  time.Duration
	over  bool
}

// newHeavy is the heavy lane of a stack, at rest. A stack without a cluster has none: nothing is sent to it.
func newHeavy(r *run) (*heavy, error) {
	h := &heavy{run: r, workers: map[string]*pool{}}
	if !r.stack.Cluster.Enabled {
		return h, nil
	}
	w, restage := r.stack.Cluster.Workers, r.stack.Cluster.Restage
	for _, name := range r.stack.FileNames() {
		share := WorkerShare(w)
		p := &pool{
			cpu: w.MilliCPU, memory: w.MemoryMB, slots: w.Slots, perPod: w.ChunksPerPod, min: w.Min, max: w.Max,
			took: func(t task) time.Duration {
				return r.paces[name].draw(r.model.Seed, t.load.index, t.index, t.load.size(t.index), share)
			},
			done: r.acknowledge,
		}
		h.workers[name] = p
		if err := h.add(p, w.Group); err != nil {
			return nil, err
		}
	}
	h.restage = &pool{
		cpu: restage.MilliCPU, memory: restage.MemoryMB, slots: 1, perPod: 1, max: restage.Max,
		took: func(t task) time.Duration {
			return seconds(float64(t.load.size(t.index)) / r.model.RestageRate / restageShare(restage))
		},
		done: r.staged,
	}
	if err := h.add(h.restage, restage.Group); err != nil {
		return nil, err
	}
	for _, g := range h.groups {
		for range g.settings.Min {
			g.start(0)
		}
	}
	h.rouse()
	return h, nil
}

// add puts a pool into its node group. The error says that a node is too small for a pod.
func (h *heavy) add(p *pool, name string) error {
	i := slices.IndexFunc(h.groups, func(g *group) bool { return g.name == name })
	if i < 0 {
		settings := h.run.stack.NodeGroups[name]
		size, err := config.InstanceSize(settings.InstanceTypes[0])
		if err != nil {
			return fmt.Errorf("simulate: nodeGroups.%s: %w", name, err)
		}
		g := &group{
			heavy: h, name: name, settings: settings, index: uint64(len(h.groups)), locked: -day,
			cpu: size.VCPU*1000 - nodeMilliCPU, memory: int(float64(size.MemoryGiB<<10) * (1 - nodeMemory)),
		}
		i, h.groups = len(h.groups), append(h.groups, g)
	}
	p.group = h.groups[i]
	if p.cpu > p.group.cpu || p.memory > p.group.memory {
		return fmt.Errorf("simulate: nodeGroups.%s: a pod of %dm CPU and %d MiB does not fit onto its nodes, which have "+
			"room for %dm and %d MiB", name, p.cpu, p.memory, p.group.cpu, p.group.memory)
	}
	h.pools = append(h.pools, p)
	return nil
}

// feed gives a pool's tasks to free slots, and wakes the scalers.
func (h *heavy) feed(p *pool) {
	for _, d := range p.pods {
		h.serve(d)
	}
	h.rouse()
}

// serve gives a pod what it has free slots for.
func (h *heavy) serve(d *pod) {
	p := d.pool
	for d.ready && len(d.work) < p.slots && p.queue.len() > 0 {
		t := p.queue.pop(h.run.now)
		a := &attempt{task: t, began: h.run.now}
		took := p.took(t)
		a.ends = h.run.now + took
		d.work = append(d.work, a)
		h.run.after(took, func() { h.finish(d, a) })
	}
}

func (h *heavy) finish(d *pod, a *attempt) {
	if a.over { // it was handed back
		return
	}
	a.over = true
	d.pool.busy += a.ends - a.began
	d.pool.queue.times = append(d.pool.queue.times, (a.ends - a.began).Seconds())
	d.work = slices.DeleteFunc(d.work, func(other *attempt) bool { return other == a })
	d.pool.done(a.task)
	h.feed(d.pool)
}

// stop ends a pod: work that ends within its grace is finished, the rest is handed back at once.
func (h *heavy) stop(d *pod, grace time.Duration) {
	p := d.pool
	if d.node != nil {
		d.node.release(p)
	}
	d.ready, d.node = false, nil
	p.pods = slices.DeleteFunc(p.pods, func(other *pod) bool { return other == d })
	for _, a := range d.work {
		if a.ends <= h.run.now+grace {
			continue
		}
		a.over = true
		p.busy += h.run.now - a.began
		p.handedBack++
		p.queue.pushFront(task{a.task.load, a.task.index, h.run.now})
	}
	h.feed(p)
}

// rouse starts the scalers' looks if they are at rest.
func (h *heavy) rouse() {
	if h.polling {
		return
	}
	h.polling = true
	h.run.after(poll, h.pollQueues)
	for _, g := range h.groups {
		every := time.Duration(g.settings.Escalator.ScanInterval)
		if every == 0 {
			every = scan
		}
		g.every = every
		if !g.scanning {
			g.scanning = true
			h.run.after(every, g.scan)
		}
	}
}

// pollQueues is KEDA's look at all queues. It is repeated until nothing is left to do.
func (h *heavy) pollQueues() {
	active := false
	for _, p := range h.pools {
		active = h.scale(p) || active
	}
	for _, g := range h.groups {
		g.place()
		active = active || g.unsettled()
	}
	h.polling = active
	if active {
		h.run.after(poll, h.pollQueues)
	}
}

// scale sets a pool's number of pods. It says whether the pool has work or more pods than it keeps.
func (h *heavy) scale(p *pool) bool {
	work := p.queue.len()
	for _, d := range p.pods {
		work += len(d.work)
	}
	want := min(max((work+p.perPod-1)/p.perPod, p.min), p.max)
	if want >= len(p.pods) {
		p.needed = h.run.now
	}
	for len(p.pods) < want {
		p.pods = append(p.pods, &pod{pool: p})
	}
	if h.run.now-p.needed >= idle {
		for _, d := range slices.Clone(p.pods) {
			if len(p.pods) > want && len(d.work) == 0 {
				h.stop(d, 0)
			}
		}
	}
	return work > 0 || len(p.pods) > p.min
}
