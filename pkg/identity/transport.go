package identity

import (
	"context"
	"net"
	"net/http"
	"time"
)

// maxAnswer bounds what a provider may answer: documents, key sets and tokens
// are a few kilobytes.
const maxAnswer = 1 << 20

// DialLoopback dials like a net.Dialer, except that localhost and every name
// below it go to this machine without asking any resolver.
func DialLoopback(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second}
	host, port, err := net.SplitHostPort(addr)
	if err != nil || net.ParseIP(host) != nil || !thisMachine(host) {
		return d.DialContext(ctx, network, addr)
	}
	conn, err := d.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		if six, err6 := d.DialContext(ctx, network, net.JoinHostPort("::1", port)); err6 == nil {
			return six, nil
		}
	}
	return conn, err
}

// Transport is an HTTP transport with time-outs that dials by DialLoopback.
func Transport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           DialLoopback,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       30 * time.Second,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: 10 * time.Second,
	}
}

// providerClient hardens base for talking to a provider: answers are bounded in
// size and time, and redirects aren't followed, so that what discovery names is
// what is asked.
func providerClient(base *http.Client) *http.Client {
	c := http.Client{Timeout: 15 * time.Second}
	if base != nil {
		c = *base
	}
	if c.Transport == nil {
		c.Transport = Transport()
	}
	c.Transport = bounded{c.Transport}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	return resp, nil
}
