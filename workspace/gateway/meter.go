package gateway

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// Meter takes bytes that are about to go to a browser from the workspace's
// budget. An error means they must not go.
type Meter interface {
	Take(ctx context.Context, workspace string, bytes int64) error
}

// Budget is a Meter: so many bytes a workspace and window, hard. It reserves
// in blocks through Count before anything is sent, so that a crash loses
// budget and never gains it.
type Budget struct {
	Bytes  int64         // a window's budget
	Window time.Duration // windows start at whole multiples of it
	Now    func() time.Time
	// Count adds to the workspace's bytes of the window that starts then,
	// durably, and returns the new sum. Adding 0 reads it.
	Count func(ctx context.Context, workspace string, window time.Time, add int64) (int64, error)

	mu    sync.Mutex
	spent map[string]*reserve
}

// reserve is what was counted for a window and not yet sent.
type reserve struct {
	window time.Time
	left   int64
}

// blockBytes is how much is reserved at a time.
const blockBytes = 256 << 10

var _ Meter = (*Budget)(nil)

// Take takes n bytes, or fails with a fault of kind TooMuch and takes none.
func (b *Budget) Take(ctx context.Context, workspace string, n int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	window := b.Now().UTC().Truncate(b.Window)
	if b.spent == nil {
		b.spent = map[string]*reserve{}
	}
	r := b.spent[workspace]
	if r == nil || !r.window.Equal(window) {
		r = &reserve{window: window}
		b.spent[workspace] = r
	}
	if r.left < n {
		if err := b.reserve(ctx, workspace, r, n-r.left); err != nil {
			return err
		}
	}
	r.left -= n
	return nil
}

// reserve counts at least need more bytes, a whole block if the budget has one.
func (b *Budget) reserve(ctx context.Context, workspace string, r *reserve, need int64) error {
	sum, err := b.Count(ctx, workspace, r.window, 0)
	if err != nil {
		return ark.Faultf(ark.Unavailable, "the bytes to the browser cannot be counted").Because(err)
	}
	free := b.Bytes - sum
	if free < need {
		return ark.Faultf(ark.TooMuch, "This workspace has shown as many bytes as it may until %s.", r.window.Add(b.Window).Format("15:04 MST, 2 January")).
			Do("go on then, or ask an operator for a larger budget; files leave through the outbox")
	}
	add := min(max(need, blockBytes), free)
	if _, err := b.Count(ctx, workspace, r.window, add); err != nil {
		return ark.Faultf(ark.Unavailable, "the bytes to the browser cannot be counted").Because(err)
	}
	r.left += add
	return nil
}

// meteredWriter takes from the budget before every write to the browser.
type meteredWriter struct {
	http.ResponseWriter
	g       *Gateway
	session Session
	ctx     context.Context
	cancel  context.CancelFunc
	strict  bool // the page needs only strictPolicy
	refused bool // the budget ended before the response began

	mu   sync.Mutex
	conn net.Conn // set once hijacked
}

func (g *Gateway) meter(w http.ResponseWriter, r *http.Request, s Session) *meteredWriter {
	ctx, cancel := context.WithCancel(r.Context())
	return &meteredWriter{ResponseWriter: w, g: g, session: s, ctx: ctx, cancel: cancel}
}

// headerBytes is taken for a response's status line and headers.
const headerBytes = 1 << 10

// WriteHeader takes the headers' share and sets what every response carries
// once more, whatever an app's response did to it; past the budget it answers
// 429 itself.
func (m *meteredWriter) WriteHeader(status int) {
	if status < 200 && status != http.StatusSwitchingProtocols {
		return // an app's early hints could make the browser fetch
	}
	h := m.Header()
	setHeaders(h)
	if m.strict {
		h.Set("Content-Security-Policy", strictPolicy)
	}
	err := m.take(headerBytes)
	if err == nil {
		m.ResponseWriter.WriteHeader(status)
		return
	}
	m.refused = true
	clear(h)
	setHeaders(h)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	status = http.StatusServiceUnavailable
	if ark.Is(err, ark.TooMuch) {
		status = http.StatusTooManyRequests
	}
	m.ResponseWriter.WriteHeader(status)
	_, _ = m.ResponseWriter.Write([]byte(reason(err) + "\n"))
}

func (m *meteredWriter) take(n int) error {
	return m.g.config.Meter.Take(m.ctx, m.session.Workspace, int64(n))
}

// Write sends bytes if the budget has them, all or none. What follows a
// refusal is thrown away.
func (m *meteredWriter) Write(b []byte) (int, error) {
	if m.refused {
		return len(b), nil
	}
	if err := m.take(len(b)); err != nil {
		return 0, err
	}
	return m.ResponseWriter.Write(b)
}

// Flush passes a flush on.
func (m *meteredWriter) Flush() { _ = http.NewResponseController(m.ResponseWriter).Flush() }

// Hijack hands out the connection, metered.
func (m *meteredWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(m.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	metered := &meteredConn{Conn: conn, m: m}
	m.mu.Lock()
	m.conn = metered
	m.mu.Unlock()
	return metered, bufio.NewReadWriter(rw.Reader, bufio.NewWriterSize(metered, 4<<10)), nil
}

// cut ends the request and its connection at once.
func (m *meteredWriter) cut() {
	m.cancel()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conn != nil {
		_ = m.conn.Close()
	}
}

// meteredConn is a websocket's connection.
type meteredConn struct {
	net.Conn
	m *meteredWriter
}

// Write sends bytes if the budget has them; else it ends the connection.
func (c *meteredConn) Write(b []byte) (int, error) {
	if err := c.m.take(len(b)); err != nil {
		_ = c.Conn.Close()
		return 0, err
	}
	return c.Conn.Write(b)
}
