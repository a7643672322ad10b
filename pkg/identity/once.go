package identity

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// OneTime remembers values that may be used once: states of sign-ins, ids of
// logout tokens. A portal of several replicas gives one backed by its store.
type OneTime interface {
	// Use returns nil for the first use of value and an error for every later
	// one before until, also when called at the same time from two places.
	Use(ctx context.Context, value string, until time.Time) error
}

// onceLimit bounds the memory. When it is full of values that have not yet run
// out, new ones are refused: fail closed, not open.
const onceLimit = 100_000

const sweepEvery = 30 * time.Second

// MemoryOnce is a OneTime for one process. A restart forgets, which is safe
// for sign-ins because the flow cookie runs out and the provider's code was
// spent.
type MemoryOnce struct {
	now   func() time.Time
	mu    sync.Mutex
	used  map[[32]byte]time.Time
	swept time.Time // sweeping at every call would cost more than the calls
}

var _ OneTime = (*MemoryOnce)(nil)

// NewMemoryOnce returns an empty memory.
func NewMemoryOnce(now func() time.Time) *MemoryOnce {
	return &MemoryOnce{now: now, used: map[[32]byte]time.Time{}}
}

// Use implements OneTime.
func (m *MemoryOnce) Use(_ context.Context, value string, until time.Time) error {
	key := sha256.Sum256([]byte(value))
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if end, ok := m.used[key]; ok && now.Before(end) {
		return ark.Faultf(ark.Conflict, "this was already used once")
	}
	if len(m.used) >= onceLimit/2 && now.Sub(m.swept) >= sweepEvery {
		m.swept = now
		for k, end := range m.used {
			if !now.Before(end) {
				delete(m.used, k)
			}
		}
	}
	if len(m.used) >= onceLimit {
		return ark.Faultf(ark.TooMuch, "too many sign-ins are under way").Do("try again in a few minutes")
	}
	m.used[key] = until
	return nil
}
