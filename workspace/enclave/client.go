package enclave

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/workspace/selftest"
	"github.com/ark-tre/ark/workspace/volume"
)

// Client talks to the enclave daemon. Its errors are the daemon's faults.
type Client struct {
	socket string
	http   *http.Client
}

// NewClient returns a client of the daemon that listens on socket.
func NewClient(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	return &Client{socket: socket, http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableCompression: true}}}
}

// Through puts something around the client's way to the daemon.
func (c *Client) Through(around func(http.RoundTripper) http.RoundTripper) *Client {
	return &Client{socket: c.socket, http: &http.Client{Transport: around(c.http.Transport)}}
}

// File is one file of an extract, in plaintext.
type File struct {
	Name string
	Open func(context.Context) (io.ReadCloser, error)
}

// Probe says whether workspaces can run here, and if not, why.
func (c *Client) Probe(ctx context.Context) error { return c.call(ctx, "GET", "/v1/probe", nil, nil) }

// Provision makes or remakes a workspace, tests it, and puts its extract in.
// After it the workspace can be started. It returns the hash of each file as
// the workspace got it. It may be repeated after any failure.
func (c *Client) Provision(ctx context.Context, q Request, extract []File) (selftest.Report, map[string]string, error) {
	var report selftest.Report
	if err := c.call(ctx, "POST", "/v1/workspaces", q, &report); err != nil {
		return report, nil, err
	}
	sums := map[string]string{}
	for _, f := range extract {
		sum, err := c.putExtract(ctx, q.ID, f)
		if err != nil {
			return report, nil, err
		}
		sums[f.Name] = sum
	}
	return report, sums, c.call(ctx, "POST", "/v1/workspaces/"+q.ID+"/deliver", nil, nil)
}

// SelfTest makes a throwaway workspace, runs every attempt in it and takes it
// away again. The report is whole also when it did not pass.
func (c *Client) SelfTest(ctx context.Context) (selftest.Report, error) {
	var secret [40]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return selftest.Report{}, err
	}
	name := hex.EncodeToString(secret[32:])
	l := DefaultLimits()
	l.DiskBytes = 64 << 20
	q := Request{ID: "wsp_selftest-" + name, Project: "prj_selftest", User: "usr_" + name, Limits: l, Key: secret[:32]}
	report, _, err := c.Provision(ctx, q, nil)
	return report, errors.Join(err, c.Destroy(context.WithoutCancel(ctx), q.ID))
}

func (c *Client) putExtract(ctx context.Context, id string, f File) (string, error) {
	r, err := f.Open(ctx)
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := sha256.New()
	var got sumBody
	if err := c.send(ctx, "PUT", "/v1/workspaces/"+id+"/extract/"+url.PathEscape(f.Name), io.TeeReader(r, h), &got); err != nil {
		return "", err
	}
	if want := hex.EncodeToString(h.Sum(nil)); got.SHA256 != want {
		return "", ark.Faultf(ark.Unavailable, "the extract's file did not arrive as it was sent").At(f.Name, 0, "")
	}
	return got.SHA256, nil
}

// Start opens the workspace's volume with key and starts the apps.
func (c *Client) Start(ctx context.Context, id string, key []byte, apps ...string) error {
	return c.call(ctx, "POST", "/v1/workspaces/"+id+"/start", startBody{key, apps}, nil)
}

// Freeze stops every process where it is and ends every session at once.
func (c *Client) Freeze(ctx context.Context, id string) error {
	return c.call(ctx, "POST", "/v1/workspaces/"+id+"/freeze", nil, nil)
}

// Resume lets a frozen workspace go on.
func (c *Client) Resume(ctx context.Context, id string) error {
	return c.call(ctx, "POST", "/v1/workspaces/"+id+"/resume", nil, nil)
}

// Stop ends everything inside and closes the volume.
func (c *Client) Stop(ctx context.Context, id string) error {
	return c.call(ctx, "POST", "/v1/workspaces/"+id+"/stop", nil, nil)
}

// Destroy removes the workspace and its volume.
func (c *Client) Destroy(ctx context.Context, id string) error {
	return c.call(ctx, "DELETE", "/v1/workspaces/"+id, nil, nil)
}

// Status returns what the daemon knows of a workspace.
func (c *Client) Status(ctx context.Context, id string) (info Info, err error) {
	return info, c.into(ctx, "/v1/workspaces/"+id, &info)
}

// List returns every workspace.
func (c *Client) List(ctx context.Context) (all []Info, err error) {
	return all, c.into(ctx, "/v1/workspaces", &all)
}

// Usage measures a workspace.
func (c *Client) Usage(ctx context.Context, id string) (u Usage, err error) {
	return u, c.into(ctx, "/v1/workspaces/"+id+"/usage", &u)
}

// ListOutbox returns what lies in the outbox, with what is refused and why.
func (c *Client) ListOutbox(ctx context.Context, id string) (all []volume.Entry, err error) {
	return all, c.into(ctx, "/v1/workspaces/"+id+"/outbox", &all)
}

func (c *Client) into(ctx context.Context, path string, into any) error {
	return c.call(ctx, "GET", path, nil, into)
}

// ReadOutbox writes one file of the outbox to w and returns its SHA-256 in
// hexadecimal. On an error, what was written must be thrown away.
func (c *Client) ReadOutbox(ctx context.Context, id, name string, w io.Writer) (string, error) {
	resp, err := c.do(ctx, "GET", "/v1/workspaces/"+id+"/outbox/file?name="+url.QueryEscape(name), nil)
	if resp != nil {
		defer resp.Body.Close()
	}
	if err != nil {
		if resp != nil {
			return "", readFault(resp, nil)
		}
		return "", err
	}
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, h), resp.Body); err != nil {
		return "", ark.Faultf(ark.Unavailable, "the file could not be read whole").Because(err)
	}
	sum := hex.EncodeToString(h.Sum(nil))
	if resp.Trailer.Get(sumHeader) != sum {
		return "", ark.Faultf(ark.Unavailable, "the file did not arrive as it was sent")
	}
	return sum, nil
}

// PutInbox puts an approved file into the inbox of a running workspace.
func (c *Client) PutInbox(ctx context.Context, id, name string, r io.Reader) error {
	return c.send(ctx, "PUT", "/v1/workspaces/"+id+"/inbox/"+url.PathEscape(name), r, nil)
}

// DialApp connects to an app of a running workspace.
func (c *Client) DialApp(ctx context.Context, id, app string) (net.Conn, error) {
	if !idPattern.MatchString(id) || !idPattern.MatchString(app) {
		return nil, ark.Faultf(ark.Invalid, "not the id of a workspace and the name of an app")
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", c.socket)
	if err != nil {
		return nil, unreachable(err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if _, err := io.WriteString(conn, upgradeRequest(id, app)); err != nil {
		conn.Close()
		return nil, unreachable(err)
	}
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		conn.Close()
		return nil, unreachable(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		defer conn.Close()
		return nil, readFault(resp, nil)
	}
	return stream{conn, r}, nil
}

// stream is a connection of which some bytes are in a buffer already.
type stream struct {
	net.Conn
	r *bufio.Reader
}

func (s stream) Read(b []byte) (int, error) { return s.r.Read(b) }

func (s stream) CloseWrite() error { return s.Conn.(*net.UnixConn).CloseWrite() }

func (c *Client) call(ctx context.Context, method, path string, body, into any) error {
	var r io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		r = bytes.NewReader(text)
	}
	return c.send(ctx, method, path, r, into)
}

func (c *Client) send(ctx context.Context, method, path string, body io.Reader, into any) error {
	resp, err := c.do(ctx, method, path, body)
	if resp != nil {
		defer resp.Body.Close()
	}
	if err != nil {
		if resp != nil {
			return readFault(resp, into)
		}
		return err
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return unreachable(err)
	}
	return nil
}

// do returns the response of a call that succeeded; of one that didn't, both
// the response, to be read and closed, and an error.
func (c *Client) do(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, method, "http://enclave"+path, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(q)
	if err != nil {
		return nil, unreachable(err)
	}
	if resp.StatusCode != http.StatusOK {
		return resp, fmt.Errorf("status %d", resp.StatusCode)
	}
	return resp, nil
}

func readFault(resp *http.Response, into any) error {
	var f fault
	if err := json.NewDecoder(io.LimitReader(resp.Body, 4<<20)).Decode(&f); err != nil || f.Says == "" {
		return unreachable(err)
	}
	if report, ok := into.(*selftest.Report); ok && f.Report != nil {
		*report = *f.Report
	}
	return ark.Faultf(f.Kind, "%s", f.Says).Do(f.Remedy).At(f.File, 0, "")
}

func unreachable(err error) error {
	return ark.Faultf(ark.Unavailable, "the enclave daemon does not answer").
		Do("workspaces need ark-enclaved running as root").Because(err)
}
