package issuer

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// When sign-ins of an account pause: after five that didn't succeed, for 15
// seconds, doubling with each further one up to 15 minutes.
const (
	freeAttempts = 5
	firstPause   = 15 * time.Second
	longestPause = 15 * time.Minute
)

// locked reports whether sign-in is paused at the given time.
func locked(a Attempts, at time.Time) bool { return at.Before(a.Last.Add(pause(a.Count))) }

// pause is how long sign-in rests after count attempts without success.
func pause(count int) time.Duration {
	if count < freeAttempts {
		return 0
	}
	d := firstPause
	for i := freeAttempts; i < count && d < longestPause; i++ {
		d *= 2
	}
	return min(d, longestPause)
}

// limits holds one rate limiter per key and forgets those that are full again.
type limits struct {
	every time.Duration
	burst int
	mu    sync.Mutex
	all   map[string]*rate.Limiter
}

// limitsMax bounds the memory; beyond it new keys share one limiter.
const limitsMax = 20_000

func newLimits(every time.Duration, burst int) *limits {
	return &limits{every: every, burst: burst, all: map[string]*rate.Limiter{}}
}

// allow takes one token of key's.
func (l *limits) allow(key string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	lim, ok := l.all[key]
	if !ok {
		if len(l.all) >= limitsMax {
			l.forget(now)
		}
		if len(l.all) >= limitsMax {
			key = "everyone else"
			lim = l.all[key]
		}
		if lim == nil {
			lim = rate.NewLimiter(rate.Every(l.every), l.burst)
			l.all[key] = lim
		}
	}
	return lim.AllowN(now, 1)
}

// forgive gives key its full burst again, after a success.
func (l *limits) forgive(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.all, key)
}

func (l *limits) forget(now time.Time) {
	for k, lim := range l.all {
		if lim.TokensAt(now) >= float64(l.burst) {
			delete(l.all, k)
		}
	}
}
