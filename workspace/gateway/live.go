package gateway

import (
	"context"
	"sync"
	"time"
)

// live are the requests being served, so that they can be cut.
type live struct {
	mu   sync.Mutex
	open map[*meteredWriter]bool
}

func (l *live) add(m *meteredWriter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open = map[*meteredWriter]bool{}
	}
	l.open[m] = true
}

func (l *live) remove(m *meteredWriter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, m)
}

func (l *live) cut(which func(Session) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for m := range l.open {
		if which(m.session) {
			m.cut()
		}
	}
}

// watch asks Authorise again for as long as the request lasts and cuts it when
// the answer is no. The returned function ends the watch.
func (g *Gateway) watch(m *meteredWriter, s Session) func() {
	g.live.add(m)
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(g.config.Recheck)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			err := g.config.Authorise(ctx, s)
			cancel()
			if err != nil {
				g.config.Log.Info("a workspace session ended while in use", "workspace", s.Workspace)
				g.end(s)
				m.cut()
				return
			}
		}
	}()
	return func() {
		close(done)
		g.live.remove(m)
		m.cancel()
	}
}
