package runner

import (
	"context"
	"sync"

	"dip/local/emulator"
)

// roleKeys keeps a key per role, so that the emulator can tell who calls it. Functions sign with their role's, as on
// Lambda.
type roleKeys struct {
	endpoint string
	owner    emulator.Key

	mu     sync.Mutex
	byRole map[string]emulator.Key
}

// of returns the key of a role. session is the name of the session if it is the first of that role.
func (k *roleKeys) of(ctx context.Context, role, session string) (emulator.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, ok := k.byRole[role]; ok {
		return key, nil
	}
	key, err := emulator.AssumeRole(ctx, k.endpoint, k.owner, role, session)
	if err == nil {
		k.byRole[role] = key
	}
	return key, err
}

// sessionLimit is the longest name of a session. Source: API reference of STS, AssumeRole, RoleSessionName.
const sessionLimit = 64

// sessionOf is the name of a function's session, which on Lambda is the function's name.
func sessionOf(function string) string { return function[:min(len(function), sessionLimit)] }
