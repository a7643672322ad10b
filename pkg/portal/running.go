package portal

import "sync"

// running is the set of changes being made now, by actor and idempotency key.
type running struct {
	mu  sync.Mutex // guards now
	now map[string]bool
}

func (r *running) start(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now[key] {
		return false
	}
	r.now[key] = true
	return true
}

func (r *running) stop(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.now, key)
}
