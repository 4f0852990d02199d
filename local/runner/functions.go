package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// latest is the version that follows each update of the function.
const latest = "$LATEST"

// version is one immutable state of a function: a published version, or the current state of $LATEST.
type version struct {
	function, number string
	codeSha256       string
	handler, runtime string
	role             string // ARN
	timeout          time.Duration
	memoryMB         int
	env              map[string]string
	deadLetterARN    string
}

// key distinguishes versions whose instances must not be mixed: $LATEST before and after an update share a number.
func (v *version) key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\x00%s\x00%s\x00%s\x00%s\x00%s\x00%d", v.function, v.number, v.codeSha256, v.handler, v.role,
		v.timeout, v.memoryMB)
	for _, name := range slices.Sorted(maps.Keys(v.env)) {
		fmt.Fprintf(&b, "\x00%s=%s", name, v.env[name])
	}
	return b.String()
}

// alias is a name for a version, with the share of invocations that go to another one.
type alias struct {
	version string
	weights map[string]float64
}

// asyncConfig configures failed asynchronous invocations of one qualifier.
type asyncConfig struct {
	retries              int
	maxAge               time.Duration
	onFailure, onSuccess string
}

type function struct {
	name     string
	versions map[string]*version
	aliases  map[string]alias
	async    map[string]asyncConfig
	// reserved concurrency; nil: the account's.
	reserved *int
}

// registry mirrors the functions of the emulator.
type registry struct {
	lambda    *lambda.Client
	mu        sync.RWMutex
	functions map[string]*function
	revision  int64
	// moved is closed and replaced when the revision moves.
	moved chan struct{}
	draws draws
}

func newRegistry(client *lambda.Client, seed uint64) *registry {
	return &registry{lambda: client, functions: map[string]*function{}, revision: -1, moved: make(chan struct{}),
		draws: draws{seed: seed, byAlias: map[string]*rand.Rand{}}}
}

// sync reads all functions; afterwards the mirror is at least as new as the revision.
func (g *registry) sync(ctx context.Context, revision int64) error {
	functions := map[string]*function{}
	pages := lambda.NewListFunctionsPaginator(g.lambda,
		&lambda.ListFunctionsInput{FunctionVersion: types.FunctionVersionAll})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list functions: %w", err)
		}
		for _, c := range page.Functions {
			f := functions[aws.ToString(c.FunctionName)]
			if f == nil {
				f = &function{name: aws.ToString(c.FunctionName), versions: map[string]*version{}}
				functions[f.name] = f
			}
			v := versionOf(c)
			f.versions[v.number] = v
		}
	}
	for _, f := range functions {
		err := g.details(ctx, f)
		var gone *types.ResourceNotFoundException
		if errors.As(err, &gone) { // deleted since the list
			delete(functions, f.name)
			continue
		}
		if err != nil {
			return fmt.Errorf("function %s: %w", f.name, err)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.functions, g.revision = functions, revision
	close(g.moved)
	g.moved = make(chan struct{})
	return nil
}

func versionOf(c types.FunctionConfiguration) *version {
	v := &version{
		function:   aws.ToString(c.FunctionName),
		number:     aws.ToString(c.Version),
		codeSha256: aws.ToString(c.CodeSha256),
		handler:    aws.ToString(c.Handler),
		runtime:    string(c.Runtime),
		role:       aws.ToString(c.Role),
		timeout:    time.Duration(aws.ToInt32(c.Timeout)) * time.Second,
		memoryMB:   int(aws.ToInt32(c.MemorySize)),
	}
	if c.Environment != nil {
		v.env = c.Environment.Variables
	}
	if c.DeadLetterConfig != nil {
		v.deadLetterARN = aws.ToString(c.DeadLetterConfig.TargetArn)
	}
	return v
}

// details reads what the list of functions omits: aliases, reserved concurrency, asynchronous settings.
func (g *registry) details(ctx context.Context, f *function) error {
	aliases, err := g.lambda.ListAliases(ctx, &lambda.ListAliasesInput{FunctionName: &f.name})
	if err != nil {
		return fmt.Errorf("list aliases: %w", err)
	}
	f.aliases = map[string]alias{}
	for _, a := range aliases.Aliases {
		parsed := alias{version: aws.ToString(a.FunctionVersion)}
		if a.RoutingConfig != nil {
			parsed.weights = a.RoutingConfig.AdditionalVersionWeights
		}
		f.aliases[aws.ToString(a.Name)] = parsed
	}
	concurrency, err := g.lambda.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: &f.name})
	if err != nil {
		return fmt.Errorf("read reserved concurrency: %w", err)
	}
	if concurrency.ReservedConcurrentExecutions != nil {
		f.reserved = aws.Int(int(*concurrency.ReservedConcurrentExecutions))
	}
	configs, err := g.lambda.ListFunctionEventInvokeConfigs(ctx,
		&lambda.ListFunctionEventInvokeConfigsInput{FunctionName: &f.name})
	if err != nil {
		return fmt.Errorf("list asynchronous settings: %w", err)
	}
	f.async = map[string]asyncConfig{}
	for _, c := range configs.FunctionEventInvokeConfigs {
		_, qualifier := splitName(aws.ToString(c.FunctionArn))
		f.async[cmp.Or(qualifier, latest)] = asyncConfigOf(c)
	}
	return nil
}

func asyncConfigOf(c types.FunctionEventInvokeConfig) asyncConfig {
	parsed := defaultAsync
	if c.MaximumRetryAttempts != nil {
		parsed.retries = int(*c.MaximumRetryAttempts)
	}
	if c.MaximumEventAgeInSeconds != nil {
		parsed.maxAge = time.Duration(*c.MaximumEventAgeInSeconds) * time.Second
	}
	if d := c.DestinationConfig; d != nil {
		if d.OnFailure != nil {
			parsed.onFailure = aws.ToString(d.OnFailure.Destination)
		}
		if d.OnSuccess != nil {
			parsed.onSuccess = aws.ToString(d.OnSuccess.Destination)
		}
	}
	return parsed
}

// waitFor returns when the mirror is at least as new as the revision.
func (g *registry) waitFor(ctx context.Context, revision int64) error {
	for {
		g.mu.RLock()
		current, moved := g.revision, g.moved
		g.mu.RUnlock()
		if current >= revision {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// errNoFunction reports a function, version or alias that does not exist.
var errNoFunction = errors.New("ResourceNotFoundException")

// target is what an invocation runs: a version, perhaps one of an alias's two, and the qualifier that named it.
type target struct {
	version   *version
	qualifier string
	async     asyncConfig
	reserved  *int
}

// resolve finds the version that a name or ARN with an optional qualifier runs now. A qualifier in the name wins.
func (g *registry) resolve(name, qualifier string) (target, error) {
	name, inName := splitName(name)
	if inName != "" {
		qualifier = inName
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	f := g.functions[name]
	if f == nil {
		return target{}, fmt.Errorf("%w: function %s", errNoFunction, name)
	}
	number := cmp.Or(qualifier, latest)
	if a, ok := f.aliases[qualifier]; ok {
		number = a.version
		if len(a.weights) > 0 {
			number = chooseVersion(a, g.draws.next(name+":"+qualifier))
		}
	}
	v := f.versions[number]
	if v == nil {
		return target{}, fmt.Errorf("%w: function %s:%s", errNoFunction, name, qualifier)
	}
	async, ok := f.async[cmp.Or(qualifier, latest)]
	if !ok {
		async = defaultAsync
	}
	return target{version: v, qualifier: qualifier, async: async, reserved: f.reserved}, nil
}

// current reports whether instances of this version may serve further invocations.
func (g *registry) current(v *version) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	f := g.functions[v.function]
	return f != nil && f.versions[v.number] != nil && f.versions[v.number].key() == v.key()
}

// chooseVersion picks the version of one invocation through an alias; draw is uniform in [0, 1).
func chooseVersion(a alias, draw float64) string {
	for _, number := range slices.Sorted(maps.Keys(a.weights)) {
		if draw < a.weights[number] {
			return number
		}
		draw -= a.weights[number]
	}
	return a.version
}

// draws are sequences of numbers in [0, 1), one an alias: which of an alias's versions the nth invocation runs depends
// on the seed alone, whatever other functions do.
type draws struct {
	seed    uint64
	mu      sync.Mutex
	byAlias map[string]*rand.Rand
}

func (d *draws) next(alias string) float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.byAlias[alias]
	if r == nil {
		h := fnv.New64a()
		h.Write([]byte(alias))
		r = rand.New(rand.NewPCG(d.seed, h.Sum64()))
		d.byAlias[alias] = r
	}
	return r.Float64()
}

// splitName splits a function's name, partial ARN or ARN into the name and the qualifier, if there is one.
func splitName(name string) (function, qualifier string) {
	if _, rest, ok := strings.Cut(name, ":function:"); ok {
		name = rest
	}
	function, qualifier, _ = strings.Cut(name, ":")
	return function, qualifier
}
