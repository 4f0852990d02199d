package gateway

import (
	"container/list"
	"crypto/sha256"
	"sync"
)

// Replays remembers which body each idempotency key came with, for the newest ones. It finds a producer's mistake early
// where it can; nothing depends on it: ids are made of content, too. It is safe for concurrent use.
type Replays struct {
	most int

	mu    sync.Mutex
	known map[replayKey]*list.Element
	order *list.List // of replay, the newest first
}

type replayKey struct{ producer, segment, key string }

type replay struct {
	key  replayKey
	body [sha256.Size]byte
}

// rememberedKeys is how many keys a gateway remembers: some 5 MB.
const rememberedKeys = 10_000

// NewReplays remembers up to most keys.
func NewReplays(most int) *Replays {
	return &Replays{most: most, known: map[replayKey]*list.Element{}, order: list.New()}
}

// Same says whether a key is new, or has the body that it came with before.
func (r *Replays) Same(producer, segment, key string, body []byte) bool {
	now := replay{replayKey{producer, segment, key}, sha256.Sum256(body)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.known[now.key]; ok {
		r.order.MoveToFront(e)
		return e.Value.(replay).body == now.body
	}
	r.known[now.key] = r.order.PushFront(now)
	if r.order.Len() > r.most {
		oldest := r.order.Back()
		delete(r.known, oldest.Value.(replay).key)
		r.order.Remove(oldest)
	}
	return true
}
