package issuer

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"sync"
	"time"
)

// hash is the SHA-256 of a secret: secrets are looked up by it and kept nowhere.
type hash [sha256.Size]byte

func hashOf(secret string) hash { return sha256.Sum256([]byte(secret)) }

// newSecret returns 256 random bits, base64url.
func newSecret(random io.Reader) string {
	var b [32]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		panic("issuer: randomness ran out: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// expiring is a bounded map whose entries run out. When it is full of live
// entries it takes no more.
type expiring[V any] struct {
	max int
	mu  sync.Mutex
	all map[hash]timed[V]
}

type timed[V any] struct {
	value V
	ends  time.Time
}

func newExpiring[V any](max int) *expiring[V] {
	return &expiring[V]{max: max, all: map[hash]timed[V]{}}
}

// put stores v, or reports that there is no room.
func (e *expiring[V]) put(k hash, v V, now, ends time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, there := e.all[k]; !there && len(e.all) >= e.max {
		for k, t := range e.all {
			if !now.Before(t.ends) {
				delete(e.all, k)
			}
		}
		if len(e.all) >= e.max {
			return false
		}
	}
	e.all[k] = timed[V]{v, ends}
	return true
}

func (e *expiring[V]) get(k hash, now time.Time) (v V, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t, ok := e.all[k]
	if !ok || !now.Before(t.ends) {
		return v, false
	}
	return t.value, true
}

// take removes the entry and returns it: of two at once, one gets it.
func (e *expiring[V]) take(k hash, now time.Time) (v V, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t, ok := e.all[k]
	delete(e.all, k)
	if !ok || !now.Before(t.ends) {
		return v, false
	}
	return t.value, true
}

// takeWhere removes and returns every live entry that is.
func (e *expiring[V]) takeWhere(now time.Time, is func(V) bool) []V {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []V
	for k, t := range e.all {
		if is(t.value) {
			delete(e.all, k)
			if now.Before(t.ends) {
				out = append(out, t.value)
			}
		}
	}
	return out
}

// idText is a random id that is not a secret (jti, sid).
func idText() string { return rand.Text() }
