package runner

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"dip/internal/child"
)

// idleLimit is how long an instance waits for another invocation before it is stopped.
const idleLimit = 5 * time.Minute

// accountConcurrency is Lambda's default limit of concurrent invocations per region.
const accountConcurrency = 1000

// errThrottled reports a function at the limit of its reserved concurrency, or of the account's.
var errThrottled = errors.New("TooManyRequestsException: Rate Exceeded")

// errClosed reports that the runner is stopping.
var errClosed = errors.New("the runner is stopping")

// Stats counts since the start of the runner.
type Stats struct {
	// Cold and Warm: invocations on a new and on a reused instance.
	Cold, Warm int64
	// Throttles are invocations that reserved concurrency rejected; Timeouts and Crashes ended an instance; Errors
	// are all failed invocations, including those two.
	Throttles, Timeouts, Crashes, Errors int64
}

// InstanceInfo describes a running instance.
type InstanceInfo struct {
	Function, Version string
	PID               int
	// RequestID of the running invocation; empty: the instance is idle.
	RequestID string
}

// pool owns all instances.
type pool struct {
	r *Runner

	mu        sync.Mutex
	idle      map[string][]*idleInstance
	instances map[*instance]struct{}
	busy      map[string]int
	busyAll   int
	stats     Stats
	closed    bool
	// starting counts instances between the decision to start and their entry in instances.
	starting sync.WaitGroup
}

type idleInstance struct {
	*instance
	expiry *time.Timer
}

func newPool(r *Runner) *pool {
	return &pool{r: r, idle: map[string][]*idleInstance{}, instances: map[*instance]struct{}{}, busy: map[string]int{}}
}

// outcome of an invocation that ran.
type outcome struct {
	result
	version   string
	requestID string
	logTail   []byte
}

// invoke runs one invocation on an idle instance of the target's version, or on a new one. Errors are errThrottled,
// errClosed, or an instance that could not be started; a function's own failure is an outcome with an error type.
func (p *pool) invoke(ctx context.Context, t target, payload []byte, requestID string) (outcome, error) {
	out, err := p.attempt(ctx, t, payload, requestID)
	p.r.measure(t.version.function, out, err)
	return out, err
}

func (p *pool) attempt(ctx context.Context, t target, payload []byte, requestID string) (outcome, error) {
	out := outcome{version: t.version.number, requestID: requestID}
	in, err := p.acquire(t)
	if err != nil {
		return out, err
	}
	defer p.release(t.version.function)
	cold := in == nil
	timeout := t.version.timeout
	if cold {
		begin := time.Now()
		in, err = p.start(ctx, t.version)
		var failedInit *initError
		switch {
		case errors.As(err, &failedInit):
			out.result = failedInit.result
			p.failedStart(t.version, out, errExit)
			return out, nil
		case errors.Is(err, errInitTimeout):
			out.result = failed(errTimeout,
				fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", requestID, timeout.Seconds()))
			p.failedStart(t.version, out, errTimeout)
			return out, nil
		case err != nil:
			return out, err
		}
		if took := time.Since(begin); took > initLimit {
			// The second start counts against the invocation's timeout.
			timeout = max(0, timeout-(took-initLimit))
		}
	}
	c := &call{id: requestID, arn: p.r.functionARN(t), payload: payload, deadline: time.Now().Add(timeout),
		results: make(chan result, 1)}
	in.current.Store(c)
	p.observe(Invocation{Function: t.version.function, Version: t.version.number, RequestID: c.id,
		PID: in.cmd.Process.Pid})
	in.platform("platform.start", c.id, map[string]string{"version": t.version.number})
	begin := time.Now()
	res, reusable := in.run(c)
	took := time.Since(begin)
	_, peak := memoryOf(in.cmd.Process.Pid)
	out.result, out.logTail = res, in.tail.take()
	p.report(in, c, res, took, peak, cold)
	p.observe(Invocation{Function: t.version.function, Version: t.version.number, RequestID: c.id,
		PID: in.cmd.Process.Pid, Ended: true, Error: res.errorType, Duration: took})
	if reusable {
		p.park(in)
	} else if !in.dead() {
		in.kill()
	}
	return out, nil
}

// acquire takes a slot under the concurrency limit and an idle instance; if that is nil, the caller starts one.
func (p *pool) acquire(t target) (*instance, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	name := t.version.function
	if p.busyAll >= accountConcurrency || t.reserved != nil && p.busy[name] >= *t.reserved {
		p.stats.Throttles++
		return nil, errThrottled
	}
	p.busy[name]++
	p.busyAll++
	key := t.version.key()
	for len(p.idle[key]) > 0 {
		last := len(p.idle[key]) - 1
		candidate := p.idle[key][last] // the one used last is the warmest
		p.idle[key] = p.idle[key][:last]
		if candidate.expiry.Stop() && !candidate.dead() {
			p.stats.Warm++
			return candidate.instance, nil
		}
	}
	p.stats.Cold++
	p.starting.Add(1)
	return nil, nil
}

func (p *pool) release(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy[name]--
	p.busyAll--
}

// start starts an instance. A start that times out is retried once with the function's timeout, as on Lambda.
func (p *pool) start(ctx context.Context, v *version) (*instance, error) {
	defer p.starting.Done()
	code, err := p.r.code.folder(ctx, v)
	if err != nil {
		return nil, err
	}
	log, err := p.r.logs.open(v.function)
	if err != nil {
		return nil, err
	}
	key, err := p.r.keys.of(ctx, v.role, sessionOf(v.function))
	if err != nil {
		return nil, err
	}
	s := settings{
		endpoint: p.r.opts.Endpoint, region: p.r.opts.Region, scratch: filepath.Join(p.r.opts.Dir, "instances"),
		key: key, observe: p.r.metrics.Line,
	}
	in, err := startInstance(ctx, v, code, s, log, initLimit)
	if errors.Is(err, errInitTimeout) {
		in, err = startInstance(ctx, v, code, s, log, v.timeout)
	}
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.instances[in] = struct{}{}
	go func() {
		<-in.exited
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.instances, in)
	}()
	if p.closed {
		go in.kill()
		return nil, errClosed
	}
	return in, nil
}

// park makes an instance available for the next invocation of its version, for a while.
func (p *pool) park(in *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || !p.r.registry.current(in.version) {
		go in.kill()
		return
	}
	key := in.version.key()
	parked := &idleInstance{instance: in}
	parked.expiry = time.AfterFunc(idleLimit, func() { p.expire(key, parked) })
	p.idle[key] = append(p.idle[key], parked)
}

func (p *pool) expire(key string, parked *idleInstance) {
	p.mu.Lock()
	p.idle[key] = slices.DeleteFunc(p.idle[key], func(other *idleInstance) bool { return other == parked })
	p.mu.Unlock()
	parked.kill()
}

// retireOutdated stops idle instances of versions that changed or were deleted; busy ones end with their invocation.
func (p *pool) retireOutdated() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, list := range p.idle {
		if len(list) > 0 && p.r.registry.current(list[0].version) {
			continue
		}
		for _, in := range list {
			if in.expiry.Stop() {
				go in.kill()
			}
		}
		delete(p.idle, key)
	}
}

// close kills all instances and returns when they have exited.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.starting.Wait()
	p.mu.Lock()
	var all []*instance
	for in := range p.instances {
		all = append(all, in)
	}
	p.mu.Unlock()
	for _, in := range all {
		in.kill()
	}
}

// failedStart accounts for an instance that never took a call.
func (p *pool) failedStart(v *version, out outcome, errorType string) {
	p.count(result{errorType: errorType})
	if log, err := p.r.logs.open(v.function); err == nil {
		log.write(logRecord{Type: "platform.initReport", Version: v.number, RequestID: out.requestID,
			Record: reportRecord{Status: "failure", Error: errorType}})
	}
	p.observe(Invocation{Function: v.function, Version: v.number, RequestID: out.requestID, Ended: true,
		Error: out.errorType})
}

// report writes the REPORT record of an invocation and counts it.
func (p *pool) report(in *instance, c *call, res result, took time.Duration, peakMB int, cold bool) {
	record := reportRecord{Status: "success", Error: res.errorType, Metrics: reportMetrics{
		DurationMs:       float64(took.Microseconds()) / 1000,
		BilledDurationMs: int64(math.Ceil(float64(took.Microseconds()) / 1000)),
		MemorySizeMB:     in.version.memoryMB,
		MaxMemoryUsedMB:  peakMB,
	}}
	if cold {
		record.Metrics.InitDurationMs = float64(in.init.Microseconds()) / 1000
	}
	switch res.errorType {
	case "":
	case errTimeout:
		record.Status = "timeout"
	case errUnhandled:
		record.Status = "error"
	default:
		record.Status = "failure"
	}
	in.platform("platform.report", c.id, record)
	p.count(res)
}

func (p *pool) count(res result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch res.errorType {
	case "":
		return
	case errTimeout:
		p.stats.Timeouts++
	case errExit:
		p.stats.Crashes++
	}
	p.stats.Errors++
}

func (p *pool) observe(i Invocation) {
	if p.r.opts.OnInvoke != nil {
		p.r.opts.OnInvoke(i)
	}
}

// Stats returns the counts so far.
func (r *Runner) Stats() Stats {
	r.pool.mu.Lock()
	defer r.pool.mu.Unlock()
	return r.pool.stats
}

// Instances lists the running instances.
func (r *Runner) Instances() []InstanceInfo {
	r.pool.mu.Lock()
	defer r.pool.mu.Unlock()
	var list []InstanceInfo
	for in := range r.pool.instances {
		info := InstanceInfo{Function: in.version.function, Version: in.version.number, PID: in.cmd.Process.Pid}
		if c := in.current.Load(); c != nil {
			info.RequestID = c.id
		}
		list = append(list, info)
	}
	return list
}

// Kill kills a busy instance of the function, as a crash of its machine would. It returns the process, or false if the
// function runs no invocation at the moment.
func (r *Runner) Kill(function string) (pid int, ok bool) {
	for _, in := range r.Instances() {
		if in.Function == function && in.RequestID != "" {
			return in.PID, child.Kill(in.PID) == nil
		}
	}
	return 0, false
}

// functionARN is the ARN that the invocation was requested with.
func (r *Runner) functionARN(t target) string {
	arn := fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", r.opts.Region, r.opts.AccountID, t.version.function)
	if t.qualifier != "" {
		arn += ":" + t.qualifier
	}
	return arn
}
