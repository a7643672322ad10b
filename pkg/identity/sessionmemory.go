package identity

import (
	"context"
	"slices"
	"sync"
	"time"
)

// MemorySessions is a SessionStore for tests and for one process: sessions end
// with it.
type MemorySessions struct {
	mu  sync.Mutex
	all map[Key]Session
}

var _ SessionStore = (*MemorySessions)(nil)

// NewMemorySessions returns an empty store.
func NewMemorySessions() *MemorySessions { return &MemorySessions{all: map[Key]Session{}} }

// Create implements SessionStore.
func (m *MemorySessions) Create(_ context.Context, k Key, s Session) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s.AMR = slices.Clone(s.AMR)
	m.all[k] = s
	return nil
}

// Find implements SessionStore.
func (m *MemorySessions) Find(_ context.Context, k Key) (Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.all[k]
	if !ok {
		return Session{}, unsigned("you are not signed in")
	}
	s.AMR = slices.Clone(s.AMR)
	return s, nil
}

// Touch implements SessionStore.
func (m *MemorySessions) Touch(_ context.Context, k Key, seen time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.all[k]
	if !ok {
		return unsigned("you are not signed in")
	}
	s.Seen = seen
	m.all[k] = s
	return nil
}

// Delete implements SessionStore.
func (m *MemorySessions) Delete(_ context.Context, k Key) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.all, k)
	return nil
}

// DeleteByUser implements SessionStore.
func (m *MemorySessions) DeleteByUser(_ context.Context, user string) (int, error) {
	return m.deleteWhere(func(s Session) bool { return s.User == user })
}

// DeleteByProvider implements SessionStore.
func (m *MemorySessions) DeleteByProvider(_ context.Context, issuer, subject, sid string) (int, error) {
	return m.deleteWhere(func(s Session) bool {
		return (subject != "" || sid != "") && s.Issuer == issuer &&
			(subject == "" || s.Subject == subject) && (sid == "" || s.ProviderSID == sid)
	})
}

// Sweep implements SessionStore.
func (m *MemorySessions) Sweep(_ context.Context, created, seen time.Time) (int, error) {
	return m.deleteWhere(func(s Session) bool { return s.Created.Before(created) || s.Seen.Before(seen) })
}

func (m *MemorySessions) deleteWhere(gone func(Session) bool) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for k, s := range m.all {
		if gone(s) {
			delete(m.all, k)
			n++
		}
	}
	return n, nil
}
