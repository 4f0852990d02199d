package scenarios

import (
	"context"
	"fmt"
	"path/filepath"

	"dip/config"
	"dip/local"
)

// previewed are the stacks with a cluster.
var previewed = []string{"dev", "staging", "prod"}

// deployable are the settings that the stacks' files leave to whoever deploys.
var deployable = map[string]any{config.Key: map[string]any{
	"cluster": map[string]any{"privateAccess": true, "digestsOnly": false},
}}

// previewStacks previews all stacks with a cluster, as their first deployment would be.
func (l *Lab) previewStacks(ctx context.Context) ([]string, error) {
	var found []string
	for _, name := range previewed {
		changes, err := local.Preview(ctx, local.Options{
			Root: l.options.Root, Stack: name, StateDir: filepath.Join(l.options.Dir, "preview", name), BuildDir: l.buildDir(),
			Screen: l.options.Screen, Env: l.engineEnvironment(), Settings: deployable,
		})
		if err != nil {
			return nil, fmt.Errorf("stack %s: %w", name, err)
		}
		found = append(found, fmt.Sprintf("%s: %s", name, changes))
	}
	return found, nil
}

// upAgain deploys what is deployed, and compares the state with the resources: neither may find a difference.
func (l *Lab) upAgain(ctx context.Context) ([]string, error) {
	if err := l.Stack.Update(ctx); err != nil {
		return nil, err
	}
	if l.Stack.Changed {
		return nil, fmt.Errorf("a second up of %s changes resources", stackName)
	}
	drift, err := l.Stack.Refresh(ctx)
	if err != nil {
		return nil, err
	}
	if drift.Any() {
		return nil, fmt.Errorf("a refresh of %s finds %s", stackName, drift)
	}
	return []string{"a second up and a refresh find nothing to change"}, nil
}
