package local

import (
	"context"
	"fmt"
	"path/filepath"

	"dip/local/emulator"
	"dip/local/rights"
)

// Rights reads what the roles of the stack may do from its state.
func (s *Stack) Rights() (*rights.Stack, error) {
	files, err := filepath.Glob(filepath.Join(s.place.backend(), ".pulumi", "stacks", "*", s.options.Stack+".json"))
	if err != nil {
		return nil, fmt.Errorf("find the state of stack %s: %w", s.options.Stack, err)
	}
	if len(files) != 1 {
		return nil, fmt.Errorf("find the state of stack %s: there are %d", s.options.Stack, len(files))
	}
	var state struct {
		Checkpoint struct {
			Latest struct {
				Resources []rights.Resource `json:"resources"`
			} `json:"latest"`
		} `json:"checkpoint"`
	}
	if _, err := readJSON(files[0], &state); err != nil {
		return nil, err
	}
	return rights.Read(Account, Region, state.Checkpoint.Latest.Resources)
}

// CheckRights compares what the stack's roles have done so far with what they may do.
func (s *Stack) CheckRights(ctx context.Context, reasons []rights.Reason) (rights.Report, error) {
	cache, err := CacheDir()
	if err != nil {
		return rights.Report{}, err
	}
	allowed, err := s.Rights()
	if err != nil {
		return rights.Report{}, fmt.Errorf("check rights: %w", err)
	}
	calls, err := emulator.Calls(ctx, s.Daemon.Endpoint, s.Daemon.Key)
	if err != nil {
		return rights.Report{}, fmt.Errorf("check rights: %w", err)
	}
	return allowed.Check(ctx, calls, reasons, rights.Evaluator(cache))
}
