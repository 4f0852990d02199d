package simulate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"dip/config"
)

// Settings are those of a stack file by their paths, such as "loads.chunkMB".
type Settings map[string]any

// Parse gives the stack with some settings changed. The error says why the rules refuse it.
type Parse func(Settings) (*config.Stack, error)

// Change is a setting that gets another value.
type Change struct {
	Setting string `json:"setting"`
	From    int    `json:"from"`
	To      int    `json:"to"`
}

// Proposal is the cheapest settings found that keep every deadline, or those that miss the fewest.
type Proposal struct {
	Changes []Change `json:"changes"` // by setting; none: the settings are as good as any that were tried
	Before  *Result  `json:"before"`
	After   *Result  `json:"after"`
	// loads that are late even so, segments that are slower than before, and limits that the input exceeds
	Misses int     `json:"misses"`
	Limits []Limit `json:"limits"` // with the proposed settings, the tightest first
	Tried  int     `json:"tried"`  // settings that were simulated
}

// knob is a setting that the search turns.
type knob struct {
	setting string
	of      func(*config.Stack) int
	values  []int
	// more of it costs nothing by itself, and is never slower: it is only raised, since a lower one leaves less room for
	// what did not happen yet
	capacity bool
}

var (
	chunkSizes  = []int{16, 32, 64, 96, 128, 192, 256}
	memories    = []int{512, 1024, 1769}
	concurrency = []int{2, 5, 10, 20, 30, 50, 70, 100, 150, 200, 300, 400, 500, 700, 1000}
	podMaxima   = []int{2, 4, 8, 16, 32, 60, 100, 200}
)

// knobs of a stack. More memory than that of a whole vCPU makes a chunk no faster.
func knobs(s *config.Stack) []knob {
	all := []knob{{
		setting: "loads.chunkMB", of: func(s *config.Stack) int { return s.Loads.ChunkMB }, values: chunkSizes,
	}}
	for _, name := range s.FileNames() {
		all = append(all,
			knob{
				setting: "segments." + name + ".memoryMB", values: memories,
				of: func(s *config.Stack) int { return s.Segments[name].MemoryMB },
			},
			knob{
				setting: "segments." + name + ".concurrency", values: concurrency, capacity: true,
				of: func(s *config.Stack) int { return s.Segments[name].Concurrency },
			})
	}
	if s.Cluster.Enabled {
		group := s.Cluster.Workers.Group
		all = append(all,
			knob{
				setting: "cluster.workers.max", values: podMaxima, capacity: true,
				of: func(s *config.Stack) int { return s.Cluster.Workers.Max },
			},
			knob{
				setting: "nodeGroups." + group + ".max", values: podMaxima, capacity: true,
				of: func(s *config.Stack) int { return s.NodeGroups[group].Max },
			})
	}
	return all
}

// What a change has to be worth.
const (
	worth = 0.01 // less of the monthly cost is no reason to change a setting
	// how much longer than before the longest load of a segment without a deadline may take
	slower        = 1.1
	slowerSeconds = 5.0
	rounds        = 3   // of the search over all settings
	mostTries     = 400 // settings that are simulated
)

// search is a search in progress.
type search struct {
	parse  Parse
	run    func(*config.Stack) (*Result, error)
	limits func(*config.Stack) []Limit
	knobs  []knob
	stack  *config.Stack // with its present settings
	before *Result
	quota  int
	tried  map[string]*candidate
}

// candidate is settings that were tried.
type candidate struct {
	changed Settings
	result  *Result
	misses  int
}

// Propose searches, setting by setting, for the cheapest that keep every deadline. A segment without a deadline must
// not become more than a tenth slower than it is. Settings that the stack's rules or the account's quota refuse are
// skipped. Settings with which the input exceeds a limit count as missing a deadline: what is simulated is too short to
// show how queues grow.
func Propose(parse Parse, w Workload, paces map[string]Pace, m Model) (*Proposal, error) {
	stack, err := parse(nil)
	if err != nil {
		return nil, err
	}
	s := &search{
		parse: parse, stack: stack, knobs: knobs(stack), tried: map[string]*candidate{}, quota: m.Quota,
		run:    func(s *config.Stack) (*Result, error) { return Run(s, w, paces, m) },
		limits: func(s *config.Stack) []Limit { return Limits(s, w, paces, m) },
	}
	if s.before, err = s.run(stack); err != nil {
		return nil, err
	}
	best := &candidate{changed: Settings{}, result: s.before, misses: s.misses(stack, s.before)}
	s.tried[best.changed.key()] = best
	if best.misses > 0 {
		best = s.repair(best)
	}
	for range rounds {
		last := best
		for _, k := range s.knobs {
			for _, v := range k.values {
				if v == best.value(k, s.stack) || k.capacity && v < k.of(s.stack) {
					continue
				}
				if c := s.try(best.changed.with(k.setting, v)); c != nil {
					if !k.capacity && c.misses > best.misses {
						c = s.repair(c)
					}
					if c.better(best) {
						best = c
					}
				}
			}
		}
		if best == last {
			break
		}
	}
	return s.proposal(best)
}

// repair raises what only limits, value by value, as long as that makes fewer loads late.
func (s *search) repair(c *candidate) *candidate {
	for _, k := range s.knobs {
		for _, v := range k.values {
			if c.misses == 0 {
				return c
			}
			if !k.capacity || v <= c.value(k, s.stack) {
				continue
			}
			if more := s.try(c.changed.with(k.setting, v)); more != nil && more.misses < c.misses {
				c = more
			}
		}
	}
	return c
}

// try simulates settings, once. It is nil for those that are refused.
func (s *search) try(changed Settings) *candidate {
	key := changed.key()
	if c, ok := s.tried[key]; ok {
		return c
	}
	if len(s.tried) >= mostTries {
		return nil
	}
	s.tried[key] = nil
	stack, err := s.parse(changed)
	if err != nil || stack.ReserveConcurrency(s.quota) != nil {
		return nil
	}
	result, err := s.run(stack)
	if err != nil {
		return nil
	}
	c := &candidate{changed: changed, result: result, misses: s.misses(stack, result)}
	result.forget() // hundreds of results are kept
	s.tried[key] = c
	return c
}

// misses counts what a result does not keep.
func (s *search) misses(stack *config.Stack, r *Result) (n int) {
	for _, l := range s.limits(stack) {
		if l.overload() {
			n++
		}
	}
	for i, now := range r.Segments {
		n += now.Late
		if was := s.before.Segments[i]; now.Deadline == 0 && now.Longest > was.Longest*slower+slowerSeconds {
			n++
		}
	}
	return n
}

// value is what a setting has.
func (c *candidate) value(k knob, stack *config.Stack) int {
	if v, ok := c.changed[k.setting].(int); ok {
		return v
	}
	return k.of(stack)
}

// better says whether settings keep more, or the same for markedly less.
func (c *candidate) better(than *candidate) bool {
	if c.misses != than.misses {
		return c.misses < than.misses
	}
	return c.result.Cost.Total() < than.result.Cost.Total()*(1-worth)
}

// proposal simulates the best settings again, for what was forgotten.
func (s *search) proposal(best *candidate) (*Proposal, error) {
	p := &Proposal{Before: s.before, After: s.before, Misses: best.misses, Changes: []Change{}, Limits: s.limits(s.stack)}
	for _, c := range s.tried {
		if c != nil {
			p.Tried++
		}
	}
	for _, k := range s.knobs {
		if to, ok := best.changed[k.setting].(int); ok && to != k.of(s.stack) {
			p.Changes = append(p.Changes, Change{k.setting, k.of(s.stack), to})
		}
	}
	slices.SortFunc(p.Changes, func(a, b Change) int { return strings.Compare(a.Setting, b.Setting) })
	if len(p.Changes) == 0 {
		return p, nil
	}
	changed, err := s.parse(best.changed)
	if err != nil {
		return nil, err
	}
	p.Limits = s.limits(changed)
	p.After, err = s.run(changed)
	return p, err
}

// with is the settings with another value of one.
func (s Settings) with(setting string, value int) Settings {
	changed := maps.Clone(s)
	if changed == nil {
		changed = Settings{}
	}
	changed[setting] = value
	return changed
}

func (s Settings) key() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintf(&b, "%s=%v ", name, s[name])
	}
	return b.String()
}
