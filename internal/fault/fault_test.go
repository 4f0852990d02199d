package fault

import (
	"errors"
	"fmt"
	"testing"
)

func TestPermanentSurvivesWrapping(t *testing.T) {
	cause := errors.New("unexpected end of gzip stream")
	err := fmt.Errorf("read chunk 3: %w", Permanent(cause))
	if !IsPermanent(err) || !errors.Is(err, cause) {
		t.Errorf("wrapped permanent error lost its mark or its cause: %v", err)
	}
	if joined := errors.Join(errors.New("close"), err); !IsPermanent(joined) {
		t.Errorf("joined with another error it lost its mark: %v", joined)
	}
	if IsPermanent(cause) {
		t.Error("an unmarked error is not permanent")
	}
	if Permanent(nil) != nil {
		t.Error("Permanent(nil) must be nil")
	}
}
