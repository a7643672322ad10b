package edge

import (
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Timing is how long one request may take to be read and to be answered.
type Timing struct{ Read, Write time.Duration }

// Limit bounds the body and the time of a request. It is set for each route,
// since an upload of a delivery and a comment are not alike.
func Limit(bytes int64, t Timing, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		now := time.Now()
		if t.Read > 0 {
			_ = c.SetReadDeadline(now.Add(t.Read)) // not every writer has deadlines; the server's own remain
		}
		if t.Write > 0 {
			_ = c.SetWriteDeadline(now.Add(t.Write))
		}
		if r.Body != nil {
			r.Body = http.MaxBytesReader(w, r.Body, bytes)
		}
		h.ServeHTTP(w, r)
	})
}

// Throttle lets each client address do so many requests at once and then one
// per interval. It guards sign-in; it forgets addresses that stay away.
type Throttle struct {
	every time.Duration
	burst int
	now   func() time.Time

	mu   sync.Mutex // guards seen
	seen map[string]*visitor
}

type visitor struct {
	limit *rate.Limiter
	last  time.Time
}

// maxVisitors bounds the memory of a Throttle. When it is full of addresses
// that were all active lately, new addresses share one limiter.
const maxVisitors = 50_000

// NewThrottle makes a Throttle. now is the clock.
func NewThrottle(every time.Duration, burst int, now func() time.Time) *Throttle {
	return &Throttle{every: every, burst: burst, now: now, seen: map[string]*visitor{}}
}

// Allow reports whether the client at addr may go on now.
func (t *Throttle) Allow(addr string) bool {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.seen[addr]
	if v == nil {
		if len(t.seen) >= maxVisitors {
			t.forget(now)
		}
		if len(t.seen) >= maxVisitors {
			addr = "" // the shared one
			v = t.seen[addr]
		}
	}
	if v == nil {
		v = &visitor{limit: rate.NewLimiter(rate.Every(t.every), t.burst)}
		t.seen[addr] = v
	}
	v.last = now
	return v.limit.AllowN(now, 1)
}

// forget drops visitors whose limiter has filled up again.
func (t *Throttle) forget(now time.Time) {
	full := t.every * time.Duration(t.burst)
	for a, v := range t.seen {
		if now.Sub(v.last) > full {
			delete(t.seen, a)
		}
	}
}

// ClientAddress is the address that a request came from. Forwarding headers
// are not believed: a proxy in front must keep the address or do the throttling.
func ClientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
		return ip.Mask(net.CIDRMask(64, 128)).String() // one IPv6 household
	}
	return host
}
