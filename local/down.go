package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"dip/internal/terminal"
)

// Down destroys the stack's resources with the engine, stops its processes and removes its folder. Only what the cache
// keeps for all stacks is left. It may be called again after any interruption.
func (s *Stack) Down(ctx context.Context) error { return down(ctx, s.options, s.backend) }

// Remove destroys the stack's resources with the engine, and leaves its processes running until Down.
func (s *Stack) Remove(ctx context.Context) error {
	held, err := s.place.enter(ctx, s.options.Screen)
	if err != nil {
		return err
	}
	err = takeDown(ctx, s.options, s.place, held, s.backend, terminal.NewSteps(s.options.Screen))
	return errors.Join(err, held.release())
}

// Down takes down the local stack of a checkout, whatever state it is in.
func Down(ctx context.Context, o Options) error {
	o, err := o.resolve()
	if err != nil {
		return err
	}
	return down(ctx, o, nil)
}

func down(ctx context.Context, o Options, b *backend) error {
	p := place(o.StateDir)
	held, err := p.enter(ctx, o.Screen)
	if err != nil {
		return err
	}
	show := terminal.NewSteps(o.Screen)
	if err := takeDown(ctx, o, p, held, b, show); err != nil {
		return errors.Join(err, held.release())
	}
	err = show.Run("processes", func(func(string, ...any)) (string, error) {
		if b != nil {
			return "stopped", b.stop()
		}
		return "stopped", stopDaemon(ctx, p)
	})
	if err != nil {
		return errors.Join(err, held.release())
	}
	if err := os.RemoveAll(string(p)); err != nil {
		return errors.Join(fmt.Errorf("remove the state folder: %w", err), held.release())
	}
	return held.remove()
}

// takeDown destroys the resources, unless they are gone with the emulator that held them.
func takeDown(ctx context.Context, o Options, p place, held *lock, b *backend, show *terminal.Steps) error {
	known, damaged := p.known()
	if damaged != nil || known.Instance == "" {
		return nil
	}
	d, alive, err := findDaemon(ctx, p)
	if b != nil {
		d, alive, err = b.daemon, true, nil
	}
	if err != nil || !alive || d.Instance != known.Instance {
		return err
	}
	if err := p.unlock(); err != nil {
		return err
	}
	cutOff, err := p.unfinished()
	if err != nil {
		return err
	}
	e := (&Stack{options: o, place: p, Daemon: d}).engine(held)
	e.tools, e.program = known.Tools, known.Program
	return show.Run("stack", func(say func(string, ...any)) (string, error) {
		if !isFile(e.tools.Pulumi) {
			if err := o.tools(ctx, e, say); err != nil {
				return "", err
			}
		}
		if err := e.ensureStack(ctx, o.settings()); err != nil {
			return "", err
		}
		c, err := e.destroy(ctx, say)
		if err != nil {
			return "", err
		}
		kinds := inventories
		if known.Outputs == nil || known.Outputs.Cluster != nil { // a failed Up saves no outputs
			kinds = slices.Concat(inventories, clusterInventories)
		}
		left, err := leftovers(ctx, d, kinds)
		if err != nil {
			return "", err
		}
		if len(left) > 0 && !cutOff { // leftovers of a deployment that was cut off end with the emulator
			return "", fmt.Errorf("the stack was destroyed, but these resources are left:\n  %s", strings.Join(left, "\n  "))
		}
		return c.summary.String(), nil
	})
}
