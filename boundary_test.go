package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"dip/components/bootstrap"
	"dip/config"
)

// The boundary that bootstrap makes leaves the stacks' roles every service that their policies allow.
func TestBoundaryLeavesWhatRolesUse(t *testing.T) {
	found := map[string]bool{}
	for _, e := range config.Environments {
		for _, r := range deploy(t, e).Resources() {
			text, ok := r.Inputs.Mappable()["policy"].(string)
			if r.Type != rolePolicy || !ok {
				continue
			}
			var document struct{ Statement []struct{ Action []string } }
			if err := json.Unmarshal([]byte(text), &document); err != nil {
				t.Fatal(err)
			}
			for _, s := range document.Statement {
				for _, action := range s.Action {
					service, _, _ := strings.Cut(action, ":")
					found[service] = true
					if !slices.Contains(bootstrap.Services, service) {
						t.Errorf("%s: %s may %s, and the boundary does not allow it", e, r.Name, action)
					}
				}
			}
		}
	}
	if len(found) < 5 {
		t.Errorf("only %v", found)
	}
}
