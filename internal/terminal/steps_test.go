package terminal_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"dip/internal/terminal"
)

func TestStepsWithoutATerminal(t *testing.T) {
	var errs bytes.Buffer
	s := terminal.NewSteps(&terminal.Screen{Err: &errs})
	broken := errors.New("broken")
	err := s.Run("outer", func(func(string, ...any)) (string, error) {
		return "done", s.Run("inner", func(say func(string, ...any)) (string, error) {
			say("at %d", 1)
			return "", broken
		})
	})
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	lines := strings.Fields(errs.String())
	if len(lines) < 5 || lines[0] != "inner" || lines[1] != "failed" || lines[3] != "outer" || lines[4] != "failed" {
		t.Errorf("%q", errs.String())
	}
}
