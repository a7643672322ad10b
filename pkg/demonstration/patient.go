package demonstration

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/ark-tre/ark/pkg/identity"
)

// patient repeats a request that got no answer, or the answer that a part is
// away, for as long as it has patience: the same request with the same
// Idempotency-Key, as the API's description tells clients to. With none it is
// the plain transport.
type patient struct {
	next     http.RoundTripper
	patience time.Duration
}

func (o Options) transport() http.RoundTripper {
	if o.Patience == 0 {
		return identity.Transport()
	}
	return patient{identity.Transport(), o.Patience}
}

// RoundTrip implements http.RoundTripper.
func (p patient) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body.Close()
	}
	end := time.Now().Add(p.patience)
	for {
		again := r.Clone(r.Context())
		if r.Body != nil {
			again.Body, again.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		}
		resp, err := p.next.RoundTrip(again)
		away := err != nil || resp.StatusCode == http.StatusServiceUnavailable || resp.StatusCode == http.StatusBadGateway || resp.StatusCode == http.StatusInternalServerError
		if err == nil && !away {
			var text []byte
			text, err = io.ReadAll(io.LimitReader(resp.Body, 256<<20)) // an answer that breaks off is none
			resp.Body.Close()
			resp.Body = io.NopCloser(bytes.NewReader(text))
			if err == nil {
				return resp, nil
			}
		}
		if time.Now().After(end) || r.Context().Err() != nil {
			return resp, err
		}
		if err == nil {
			resp.Body.Close()
		}
		if err := sleep(r.Context(), 300*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// again does something until it is done or patience ends: what a person would
// do whose workspace's page broke.
func (o Options) again(ctx context.Context, do func(context.Context) error) error {
	end := time.Now().Add(o.Patience)
	for {
		err := do(ctx)
		if err == nil || o.Patience == 0 || time.Now().After(end) || ctx.Err() != nil {
			return err
		}
		o.Say("    broken, tried again: %v", err)
		if err := sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}
