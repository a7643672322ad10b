package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/identity"
)

// Loopback is a sign-in that a browser on this machine confirms (RFC 8252): the
// Ark sends it back to a port of the loopback interface, where this listens.
// What it prints is an address, without a secret; the verifier and what is
// redeemed with it do not leave this process.
type Loopback struct {
	Address string // to be opened in a browser on this machine
	Word    string // what the page shows too
	Port    int

	base, state, verifier string
	listener              net.Listener
	walker                Walker
}

// handoverPath is the portal's page and, below it, where codes are redeemed.
const handoverPath = "/sign-in/command-line"

// Listen begins a sign-in at base. act names what a second factor is to be shown
// for, and is empty for a plain session. Close it.
func Listen(base, act string) (*Loopback, error) {
	root, err := url.Parse(base)
	if err != nil || root.Host == "" {
		return nil, ark.Faultf(ark.Invalid, "the address of the Ark is not a URL").Do("give one such as http://localhost:8080")
	}
	l := &Loopback{base: strings.TrimSuffix(base, "/"), state: secret(), verifier: secret()}
	if l.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, ark.Faultf(ark.Unavailable, "no port of this machine is free to listen on").Because(err)
	}
	l.Port = l.listener.Addr().(*net.TCPAddr).Port
	sum := sha256.Sum256([]byte(l.verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	q := url.Values{"port": {strconv.Itoa(l.Port)}, "state": {l.state}, "challenge": {challenge}}
	if act != "" {
		q.Set("for", act)
	}
	l.Address, l.Word = l.base+handoverPath+"?"+q.Encode(), identity.WordOf(challenge)
	return l, nil
}

func secret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // crypto/rand does not fail
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Close stops listening.
func (l *Loopback) Close() error { return l.listener.Close() }

// Wait waits until a browser comes back with a code for this sign-in, and
// returns a client that holds the session. Whatever else asks is sent away and
// changes nothing.
func (l *Loopback) Wait(ctx context.Context) (*http.Client, error) {
	codes := make(chan string)
	host := "127.0.0.1:" + strconv.Itoa(l.Port)
	srv := &http.Server{ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Referrer-Policy", "no-referrer")
			q := r.URL.Query()
			if r.Host != host || r.Method != http.MethodGet || r.URL.Path != "/" || len(q["state"]) != 1 || len(q["code"]) != 1 || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(l.state)) != 1 {
				http.Error(w, "This is not the answer that the command line waits for.", http.StatusBadRequest)
				return
			}
			select {
			case codes <- q.Get("code"):
				_, _ = io.WriteString(w, "Done. You can close this page and go back to the command line.\n")
			case <-r.Context().Done():
			case <-ctx.Done():
			}
		})}
	go func() { _ = srv.Serve(l.listener) }() // ends when it is shut down or closed
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		_ = srv.Shutdown(end)
	}()
	select {
	case code := <-codes:
		return l.redeem(ctx, code)
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, ark.Faultf(ark.Unsigned, "nobody confirmed the sign-in in a browser").Do("run ark sign-in again, and open the address in a browser on this computer")
		}
		return nil, ctx.Err()
	}
}

func (l *Loopback) redeem(ctx context.Context, code string) (*http.Client, error) {
	client, err := l.walker.client()
	if err != nil {
		return nil, err
	}
	form := url.Values{"code": {code}, "verifier": {l.verifier}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.base+handoverPath+"/session", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := client.Do(req)
	if err != nil {
		return nil, ark.Faultf(ark.Unavailable, "the Ark does not answer").Do("check its address and that it is running").Because(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return nil, ark.Faultf(ark.Unsigned, "the Ark did not take the code: it answered %d", resp.StatusCode).Do("run ark sign-in again")
	}
	return client, nil
}
