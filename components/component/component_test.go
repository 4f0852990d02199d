package component_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/componenttest"
)

const (
	token = "dip:mail:PigeonHole"
	queue = "aws:sqs/queue:Queue"
)

type args struct {
	bad  []string
	fail string // role of the child that cannot be declared
}

func (a *args) Validate() error {
	var found component.Problems
	for _, field := range a.bad {
		found.If(true, field, "%d, want more", 0)
	}
	found.If(false, "Right", "missing")
	return found.Err()
}

// pigeonHole has three children, which are declared in three steps.
type pigeonHole struct {
	pulumi.ResourceState

	taken []string
	asked int // how often its outputs were asked for
}

func (p *pigeonHole) Outputs() pulumi.Map {
	p.asked++
	return pulumi.Map{}
}

var errPigeon = errors.New("no pigeon")

func (p *pigeonHole) step(role string, opts ...pulumi.ResourceOption) func(*pulumi.Context, *args) error {
	return func(ctx *pulumi.Context, a *args) error {
		p.taken = append(p.taken, role)
		declare := sqs.NewQueue
		if a.fail != "" && role == a.fail {
			declare = func(*pulumi.Context, string, *sqs.QueueArgs, ...pulumi.ResourceOption) (*sqs.Queue, error) {
				return nil, errPigeon
			}
		}
		_, err := component.Child(ctx, p, role, declare, &sqs.QueueArgs{}, opts...)
		return err
	}
}

func run(a *args) (*pigeonHole, *componenttest.Recorder, error) {
	p := &pigeonHole{}
	var failed error
	r, _ := componenttest.Run("test", nil, func(ctx *pulumi.Context) error {
		_, failed = component.Declare(ctx, token, "p", p, a, nil,
			p.step("first"), p.step("second", pulumi.Protect(true)), p.step(""))
		return failed
	})
	return p, r, failed
}

func TestChildrenHaveParentAndName(t *testing.T) {
	p, r, err := run(&args{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{queue + "::p", queue + "::p-first", queue + "::p-second"}
	if got := r.Children(token, "p"); !slices.Equal(got, want) {
		t.Errorf("children are %v, want %v", got, want)
	}
	if first, second := r.Find(t, queue, "p-first"), r.Find(t, queue, "p-second"); first.Protect || !second.Protect {
		t.Error("options do not reach the child, or reach another")
	}
	if p.asked != 1 {
		t.Errorf("outputs are asked for %d times", p.asked)
	}
}

// Options that several children share are the caller's: the parent of one must not end up among them.
func TestSharedOptionsStayTheCallers(t *testing.T) {
	shared := make([]pulumi.ResourceOption, 0, 4)
	shared = append(shared, pulumi.Protect(true))
	p := &pigeonHole{}
	componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := component.Declare(ctx, token, "p", p, &args{}, nil, p.step("first", shared...))
		return err
	})
	if spare := shared[:2]; spare[1] != nil {
		t.Error("the parent is written behind the caller's options")
	}
}

func TestFailedStepStopsTheRest(t *testing.T) {
	p, r, err := run(&args{fail: "second"})
	if !errors.Is(err, errPigeon) || err.Error() != "pigeon hole p: declare p-second: no pigeon" {
		t.Errorf("error is %v", err)
	}
	if want := []string{"first", "second"}; !slices.Equal(p.taken, want) || p.asked != 0 {
		t.Errorf("steps %v were taken and outputs asked for %d times", p.taken, p.asked)
	}
	if got, want := r.Children(token, "p"), []string{queue + "::p-first"}; !slices.Equal(got, want) {
		t.Errorf("children are %v, want %v", got, want)
	}
}

func TestWrongArgsRegisterNothing(t *testing.T) {
	p, r, err := run(&args{bad: []string{"A", "B%d"}})
	if want := "pigeon hole p: A: 0, want more\npigeon hole p: B%d: 0, want more"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if got := r.Resources(); len(got) != 0 || len(p.taken) != 0 {
		t.Errorf("registered %v and took %v", got, p.taken)
	}
}

// A nil component beside an error keeps a caller that ignores the error from going on with half of one.
func TestErrorComesWithoutComponent(t *testing.T) {
	for _, a := range []*args{{bad: []string{"A"}}, {fail: "first"}} {
		_, _ = componenttest.Run("test", nil, func(ctx *pulumi.Context) error {
			p := &pigeonHole{}
			got, err := component.Declare(ctx, token, "p", p, a, nil, p.step("first"))
			if err == nil || got != nil {
				t.Errorf("got %v, %v", got, err)
			}
			return err
		})
	}
}

func TestLaterErrorsNameTheComponent(t *testing.T) {
	componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		p, err := component.Declare(ctx, token, "p", &pigeonHole{}, &args{}, nil)
		if err != nil {
			return err
		}
		if err := component.In(p, errPigeon); !errors.Is(err, errPigeon) || err.Error() != "pigeon hole p: no pigeon" {
			t.Errorf("error is %v", err)
		}
		return component.In(p, nil)
	})
}

func TestAfter(t *testing.T) {
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		p, err := component.Declare(ctx, token, "p", &pigeonHole{}, &args{}, nil)
		if err != nil {
			return err
		}
		var before []pulumi.Resource
		for _, role := range []string{"a", "b"} {
			q, err := component.Child(ctx, p, role, sqs.NewQueue, &sqs.QueueArgs{})
			if err != nil {
				return err
			}
			before = append(before, q)
		}
		_, err = component.Child(ctx, p, "c", sqs.NewQueue, &sqs.QueueArgs{}, component.After(before...))
		return err
	})
	if got, want := r.Find(t, queue, "p-c").After, []string{"p-a", "p-b"}; !slices.Equal(got, want) {
		t.Errorf("it comes after %v, want %v", got, want)
	}
}

func TestProblems(t *testing.T) {
	var found component.Problems
	found.In("Empty", nil)
	found.Add(nil)
	if err := found.Err(); err != nil {
		t.Errorf("no problem is %v", err)
	}
	found.In("Part", errors.Join(errors.New("a"), errors.Join(errors.New("b"), errPigeon)))
	found.Add(errors.New("Other: c"))
	want := []string{"Part: a", "Part: b", "Part: no pigeon", "Other: c"}
	if err := found.Err(); !errors.Is(err, errPigeon) || !slices.Equal(strings.Split(err.Error(), "\n"), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}
