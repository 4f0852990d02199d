package simulate

import (
	"math"
	"slices"
	"time"

	"dip/config"
)

// group is a node group, scaled as Escalator does.
type group struct {
	heavy         *heavy
	name          string
	settings      config.NodeGroup
	index         uint64
	cpu, memory   int // what a node has for pods, thousandths of a vCPU and MiB
	nodes         []*node
	ordinal       uint64        // of the next node
	locked        time.Duration // when nodes were last added
	every         time.Duration // between two rounds
	scanning      bool
	most          int // nodes at the same time
	interruptions int
	spot, bought  time.Duration // node time, by how it was bought
}

// node is a node from its request to its removal.
type node struct {
	onDemand  bool
	ready     bool
	gone      bool
	tainted   bool
	taintedAt time.Duration
	began     time.Duration
	// what its pods request
	pods, cpu, memory int
}

// hold counts a pod that is placed on the node, release one that is gone.
func (n *node) hold(p *pool)    { n.pods, n.cpu, n.memory = n.pods+1, n.cpu+p.cpu, n.memory+p.memory }
func (n *node) release(p *pool) { n.pods, n.cpu, n.memory = n.pods-1, n.cpu-p.cpu, n.memory-p.memory }

// fits says whether a node has room for a pod of a pool.
func (g *group) fits(n *node, p *pool) bool {
	return n.ready && !n.tainted && n.cpu+p.cpu <= g.cpu && n.memory+p.memory <= g.memory
}

// start requests a node.
func (g *group) start(took time.Duration) {
	r := g.heavy.run
	onDemand := 0
	for _, n := range g.nodes {
		if n.onDemand {
			onDemand++
		}
	}
	n := &node{
		began: r.now, onDemand: g.settings.Capacity != config.Spot || onDemand < g.settings.OnDemandBase,
	}
	ordinal := g.ordinal
	g.ordinal++
	g.nodes = append(g.nodes, n)
	g.most = max(g.most, len(g.nodes))
	r.after(took, func() {
		n.ready = true
		g.place()
	})
	if n.onDemand || r.model.Interruptions <= 0 {
		return
	}
	// Interruptions come at a constant rate: the time to one is distributed exponentially.
	share := float64(hash(r.model.Seed, 1<<32+g.index, ordinal)>>11+1) / (1 << 53)
	life := -math.Log(share) / r.model.Interruptions * float64(time.Hour)
	if life < float64(horizon) {
		r.after(took+time.Duration(life), func() { g.interrupt(n) })
	}
}

// interrupt gives a spot node its notice. The Node Termination Handler drains it, and Auto Scaling replaces it once it
// is gone.
func (g *group) interrupt(n *node) {
	if n.gone || g.heavy.run.open == 0 { // nothing is left to be interrupted
		return
	}
	g.interruptions++
	n.ready = false
	for _, p := range g.heavy.pools {
		for _, d := range slices.Clone(p.pods) {
			if d.node == n {
				g.heavy.stop(d, time.Duration(g.heavy.run.stack.Cluster.Workers.Grace))
			}
		}
	}
	g.heavy.run.after(spotNotice, func() {
		if !n.gone {
			g.remove(n)
			g.start(g.heavy.run.model.NodeStart)
		}
	})
}

func (g *group) remove(n *node) {
	n.gone, n.ready = true, false
	g.bill(n, g.heavy.run.now)
	g.nodes = slices.DeleteFunc(g.nodes, func(other *node) bool { return other == n })
	for _, p := range g.heavy.pools {
		for _, d := range slices.Clone(p.pods) {
			if d.node == n {
				g.heavy.stop(d, 0)
			}
		}
	}
}

// bill counts the time of a node until then.
func (g *group) bill(n *node, until time.Duration) {
	if n.onDemand {
		g.bought += until - n.began
	} else {
		g.spot += until - n.began
	}
}

// place puts pending pods onto nodes that have room.
func (g *group) place() {
	for _, p := range g.heavy.pools {
		if p.group != g {
			continue
		}
		for _, d := range p.pods {
			if d.node == nil {
				g.assign(d)
			}
		}
	}
}

func (g *group) assign(d *pod) {
	for _, n := range g.nodes {
		if !g.fits(n, d.pool) {
			continue
		}
		d.node = n
		n.hold(d.pool)
		g.heavy.run.after(g.heavy.run.model.PodStart, func() {
			if d.node == n {
				d.ready = true
				g.heavy.serve(d)
			}
		})
		return
	}
}

// requests are those of the group's pods, as a number of nodes: of the resource that they need more nodes for.
func (g *group) requests() (nodes float64, pending bool) {
	cpu, memory := 0, 0
	for _, p := range g.heavy.pools {
		if p.group != g {
			continue
		}
		for _, d := range p.pods {
			cpu, memory, pending = cpu+p.cpu, memory+p.memory, pending || d.node == nil
		}
	}
	return max(float64(cpu)/float64(g.cpu), float64(memory)/float64(g.memory)), pending
}

// untainted counts the nodes that take pods or will.
func (g *group) untainted() (n int, starting bool) {
	for _, node := range g.nodes {
		if !node.tainted {
			n++
			starting = starting || !node.ready
		}
	}
	return n, starting
}

// unsettled says whether the next round may still change something.
func (g *group) unsettled() bool {
	n, starting := g.untainted()
	_, pending := g.requests()
	low := g.used() < float64(g.settings.Escalator.TaintUpperPercent) && n > g.least()
	return starting || n < len(g.nodes) || pending && len(g.nodes) < g.settings.Max || low
}

// used is the share of the untainted nodes that the pods request, percent.
func (g *group) used() float64 {
	requests, _ := g.requests()
	n, _ := g.untainted()
	switch {
	case requests == 0:
		return 0
	case n == 0:
		return math.Inf(1)
	}
	return 100 * requests / float64(n)
}

// least is how many nodes a round leaves untainted: enough to stay below the share at which it adds some.
func (g *group) least() int {
	requests, _ := g.requests()
	up := float64(g.settings.Escalator.ScaleUpPercent) / 100
	return min(max(g.settings.Min, int(math.Ceil(requests/up))), g.settings.Max)
}

// scan is one of Escalator's rounds. It is repeated while something is to do.
func (g *group) scan() {
	r, e := g.heavy.run, g.settings.Escalator
	_, pending := g.requests()
	n, starting := g.untainted()
	used := g.used()
	cooled := r.now-g.locked >= time.Duration(e.CoolDown)
	switch {
	case cooled && used > float64(e.ScaleUpPercent):
		g.grow(g.least() - n)
	case cooled && pending && !starting: // a pod fits onto no node, however low the share is
		g.grow(1)
	case used < float64(e.TaintLowerPercent):
		g.taint(min(e.FastRemoval, n-g.least()))
	case used < float64(e.TaintUpperPercent):
		g.taint(min(e.SlowRemoval, n-g.least()))
	}
	for _, n := range slices.Clone(g.nodes) {
		age := r.now - n.taintedAt
		if n.tainted && (n.pods == 0 && age >= time.Duration(e.SoftDeleteGrace) || age >= time.Duration(e.HardDeleteGrace)) {
			g.remove(n)
		}
	}
	g.place()
	g.scanning = g.heavy.polling || g.unsettled()
	if g.scanning {
		r.after(g.every, g.scan)
	}
}

// grow takes taints off, and requests the rest as far as the group's maximum allows.
func (g *group) grow(n int) {
	for _, node := range g.nodes {
		if n > 0 && node.tainted && node.ready {
			node.tainted = false
			n--
		}
	}
	for range min(n, g.settings.Max-len(g.nodes)) {
		g.start(g.heavy.run.model.NodeStart)
		g.locked = g.heavy.run.now
	}
}

// taint marks the oldest nodes: no pod is placed on them any more.
func (g *group) taint(n int) {
	for _, node := range g.nodes {
		if n > 0 && node.ready && !node.tainted {
			node.tainted, node.taintedAt = true, g.heavy.run.now
			n--
		}
	}
}
