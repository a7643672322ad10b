package work

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

// maxMessage bounds one message on the socket, in bytes.
const maxMessage = 64 << 20

type message struct {
	Role  string          `json:"role,omitempty"`
	Owner string          `json:"owner,omitempty"`
	ID    string          `json:"id,omitempty"`
	Step  int             `json:"step,omitempty"`
	Data  json.RawMessage `json:"data,omitempty"`
	Says  string          `json:"says,omitempty"`
	Final bool            `json:"final,omitempty"`
}

type answer struct {
	Job  *store.Job `json:"job,omitempty"`
	Kind ark.Kind   `json:"kind"`
	Says string     `json:"says,omitempty"`
}

// Serve answers workers on l until ctx ends. roleOf says which role the user
// at the other end runs as; an empty role is refused. On one box without
// separate users every role is the same user, and roleOf returns "*".
func Serve(ctx context.Context, l net.Listener, q Queue, roleOf func(uid uint32) string, log *slog.Logger) error {
	srv := &http.Server{Handler: handler(q, log), ReadHeaderTimeout: 10 * time.Second,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, roleKey{}, roleOf(Peer(c)))
		}}
	go func() {
		<-ctx.Done()
		srv.Close()
	}()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

type roleKey struct{}

// Peer returns the user id at the other end of a Unix socket, and an id that
// no role has when it cannot be known.
func Peer(c net.Conn) uint32 {
	const nobody = ^uint32(0)
	u, ok := c.(*net.UnixConn)
	if !ok {
		return nobody
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return nobody
	}
	uid := nobody
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			uid = cred.Uid
		}
	})
	return uid
}

func handler(q Queue, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	on := func(path string, do func(context.Context, message) (*store.Job, error)) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			role, _ := r.Context().Value(roleKey{}).(string)
			var m message
			err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxMessage)).Decode(&m)
			if err == nil {
				err = admit(role, m)
			}
			var a answer
			if err == nil {
				a.Job, err = do(r.Context(), m)
			}
			if err != nil {
				a.Kind, a.Says = ark.KindOf(err), says(err)
				w.WriteHeader(http.StatusConflict)
				log.WarnContext(r.Context(), "worker refused", "path", path, "role", role, "err", err)
			}
			json.NewEncoder(w).Encode(a)
		})
	}
	on("/lease", func(ctx context.Context, m message) (*store.Job, error) { return q.Lease(ctx, m.Role, m.Owner) })
	on("/extend", func(ctx context.Context, m message) (*store.Job, error) { return nil, q.Extend(ctx, m.ID, m.Owner) })
	on("/step", func(ctx context.Context, m message) (*store.Job, error) {
		return nil, q.Step(ctx, m.ID, m.Owner, m.Step, m.Data)
	})
	on("/done", func(ctx context.Context, m message) (*store.Job, error) {
		return nil, q.Done(ctx, m.ID, m.Owner, m.Data)
	})
	on("/fail", func(ctx context.Context, m message) (*store.Job, error) {
		return nil, q.Fail(ctx, m.ID, m.Owner, m.Says, m.Final)
	})
	return mux
}

// admit lets a role take its own jobs only, under owner names that begin with
// the role: a lease of one role is of no use to another.
func admit(role string, m message) error {
	ok := role == "*" || role != "" && (m.Role == "" || m.Role == role) && len(m.Owner) > len(role) && m.Owner[:len(role)+1] == role+":"
	if !ok {
		return ark.Faultf(ark.Forbidden, "this worker may not take jobs of that role").By("workers-take-their-own-jobs")
	}
	return nil
}

// Client is the queue at the other end of the control plane's socket.
type Client struct{ http *http.Client }

var _ Queue = (*Client)(nil)

// Dial returns a client of the control plane's socket.
func Dial(socket string) *Client {
	return &Client{&http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}}}
}

func (c *Client) call(ctx context.Context, path string, m message) (answer, error) {
	var a answer
	body, err := json.Marshal(m)
	if err != nil {
		return a, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://control"+path, bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return a, ark.Faultf(ark.Unavailable, "the control plane does not answer").Do("it may be starting").Because(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxMessage)).Decode(&a); err != nil {
		return a, fmt.Errorf("read the control plane's answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return a, &ark.Fault{Kind: a.Kind, Says: a.Says}
	}
	return a, nil
}

// Lease implements Queue.
func (c *Client) Lease(ctx context.Context, role, owner string) (*store.Job, error) {
	a, err := c.call(ctx, "/lease", message{Role: role, Owner: owner})
	return a.Job, err
}

// Extend implements Queue.
func (c *Client) Extend(ctx context.Context, id, owner string) error {
	_, err := c.call(ctx, "/extend", message{ID: id, Owner: owner})
	return err
}

// Step implements Queue.
func (c *Client) Step(ctx context.Context, id, owner string, step int, carry json.RawMessage) error {
	_, err := c.call(ctx, "/step", message{ID: id, Owner: owner, Step: step, Data: carry})
	return err
}

// Done implements Queue.
func (c *Client) Done(ctx context.Context, id, owner string, output json.RawMessage) error {
	_, err := c.call(ctx, "/done", message{ID: id, Owner: owner, Data: output})
	return err
}

// Fail implements Queue.
func (c *Client) Fail(ctx context.Context, id, owner, says string, final bool) error {
	_, err := c.call(ctx, "/fail", message{ID: id, Owner: owner, Says: says, Final: final})
	return err
}
