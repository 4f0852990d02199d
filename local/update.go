package local

import (
	"context"
	"errors"
	"fmt"
	"os"

	"dip/internal/terminal"
)

// Update deploys the current checkout to a stack that is up: what a second Up does, for a process that runs the stack
// itself.
func (s *Stack) Update(ctx context.Context) error {
	return s.work(ctx, func(show *terminal.Steps, e *engine) error {
		if err := s.prepareTools(ctx, show, e); err != nil {
			return err
		}
		return s.settle(ctx, show, e)
	})
}

// UpdateWith is Update with settings on top of the stack's, for this time alone.
func (s *Stack) UpdateWith(ctx context.Context, settings map[string]any) error {
	own := s.options.Settings
	s.options.Settings = merge(own, settings)
	defer func() { s.options.Settings = own }()
	return s.Update(ctx)
}

// Preview reports what Update would change.
func (s *Stack) Preview(ctx context.Context) (c Changes, err error) {
	err = s.work(ctx, func(show *terminal.Steps, e *engine) error {
		if err := s.prepareTools(ctx, show, e); err != nil {
			return err
		}
		c, err = s.preview(ctx, show, e)
		return err
	})
	return c, err
}

// Refresh updates the stack's state to match its resources, and reports which differed.
func (s *Stack) Refresh(ctx context.Context) (c Changes, err error) {
	err = s.work(ctx, func(show *terminal.Steps, e *engine) error {
		known, err := s.place.known()
		if err != nil {
			return err
		}
		e.tools, e.program = known.Tools, known.Program
		c, err = s.operate(ctx, show, e, "refresh", e.refresh)
		return err
	})
	return c, err
}

// work runs an operation on the stack while holding its lock.
func (s *Stack) work(ctx context.Context, do func(*terminal.Steps, *engine) error) error {
	held, err := s.place.enter(ctx, s.options.Screen)
	if err != nil {
		return err
	}
	return errors.Join(do(terminal.NewSteps(s.options.Screen), s.engine(held)), held.release())
}

func (s *Stack) preview(ctx context.Context, show *terminal.Steps, e *engine) (Changes, error) {
	return s.operate(ctx, show, e, "preview", e.preview)
}

// operate runs an operation of the engine as a step.
func (s *Stack) operate(ctx context.Context, show *terminal.Steps, e *engine, name string,
	operation func(context.Context, func(string, ...any)) (changes, error),
) (Changes, error) {
	var c changes
	err := show.Run(name, func(say func(string, ...any)) (text string, err error) {
		if err := e.ensureStack(ctx, s.options.settings()); err != nil {
			return "", err
		}
		c, err = operation(ctx, say)
		return c.summary.String(), err
	})
	return c.summary, err
}

// Preview reports what the first Up of a stack would create, independently of a stack that is already up: it uses its
// own emulator, in this process, and leaves nothing behind except, if it fails, its logs.
func Preview(ctx context.Context, o Options) (Changes, error) {
	o.InProcess = true
	o, err := o.resolve()
	if err != nil {
		return nil, err
	}
	s := &Stack{options: o, place: place(o.StateDir + "-preview")}
	held, err := s.place.enter(ctx, o.Screen)
	if err != nil {
		return nil, err
	}
	c, err := s.previewAnew(ctx, held)
	if s.backend != nil {
		err = errors.Join(err, s.backend.stop())
	}
	if err != nil {
		return c, errors.Join(err, held.release())
	}
	if err := os.RemoveAll(string(s.place)); err != nil {
		return c, errors.Join(fmt.Errorf("remove the preview's folder: %w", err), held.release())
	}
	return c, held.remove()
}

func (s *Stack) previewAnew(ctx context.Context, held *lock) (Changes, error) {
	if err := os.RemoveAll(string(s.place)); err != nil {
		return nil, fmt.Errorf("remove what a failed preview left: %w", err)
	}
	show := terminal.NewSteps(s.options.Screen)
	e, err := s.start(ctx, show, held)
	if err != nil {
		return nil, err
	}
	return s.preview(ctx, show, e)
}
