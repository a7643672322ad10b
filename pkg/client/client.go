// Package client speaks to an Ark's JSON API for the command line and the
// demonstration: as a signed-in user, through the same door as a browser.
//
// It holds a session cookie and nothing else, and decides nothing: what the
// API refuses, it returns as the same fault that the API gave.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// Client is a signed-in user of one Ark.
type Client struct {
	Origin string // of the portal
	HTTP   *http.Client
}

// problem is an RFC 9457 answer.
type problem struct {
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy"`
	Kind   string `json:"kind"`
	Policy string `json:"policy"`
	StepUp string `json:"step_up"`
	Status int    `json:"status"`
}

// Get reads path (below /api/v1) into out.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.call(ctx, http.MethodGet, path, "", nil, out)
}

// Post sends in to path and reads the answer into out; nil for neither.
func (c *Client) Post(ctx context.Context, path string, in, out any) error {
	return c.send(ctx, http.MethodPost, path, in, out)
}

// Put sends in to path and reads the answer into out; nil for neither.
func (c *Client) Put(ctx context.Context, path string, in, out any) error {
	return c.send(ctx, http.MethodPut, path, in, out)
}

func (c *Client) send(ctx context.Context, method, path string, in, out any) error {
	if in == nil {
		return c.call(ctx, method, path, "", nil, out)
	}
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return c.call(ctx, method, path, "application/json", bytes.NewReader(raw), out)
}

// Page reads a page or file of the portal, up to 64 MiB.
func (c *Client) Page(ctx context.Context, path string) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Origin+path, nil)
	if err != nil {
		return nil, nil, err
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, nil, unreachable(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err == nil && resp.StatusCode >= 400 {
		err = ark.Faultf(kindOf(resp.StatusCode, ""), "%s answered %d", path, resp.StatusCode)
	}
	return body, resp.Header, err
}

// Upload sends the files of a folder as the parts "files" of a form, and its
// name as the field "name".
func (c *Client) Upload(ctx context.Context, path, name, dir string, out any) error {
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	go func() { w.CloseWithError(writeForm(form, name, dir)) }()
	return c.call(ctx, http.MethodPost, path, form.FormDataContentType(), r, out)
}

// PutBytes sends bytes as they are and reads the answer into out.
func (c *Client) PutBytes(ctx context.Context, path string, b []byte, out any) error {
	return c.call(ctx, http.MethodPut, path, "application/octet-stream", bytes.NewReader(b), out)
}

// PostFile sends a file as it is.
func (c *Client) PostFile(ctx context.Context, path, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return c.call(ctx, http.MethodPost, path, "application/octet-stream", f, nil)
}

func writeForm(form *multipart.Writer, name, dir string) error {
	if err := form.WriteField("name", name); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		part, err := form.CreateFormFile("files", e.Name())
		if err == nil {
			_, err = io.Copy(part, f)
		}
		f.Close()
		if err != nil {
			return err
		}
	}
	return form.Close()
}

func (c *Client) call(ctx context.Context, method, path, contentType string, body io.Reader, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, c.Origin+"/api/v1"+path, body)
	if err != nil {
		return err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if method != http.MethodGet {
		var key [16]byte
		rand.Read(key[:])
		req.Header.Set("Idempotency-Key", hex.EncodeToString(key[:]))
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return unreachable(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return unreachable(err)
	}
	if resp.StatusCode >= 400 {
		var p problem
		if err := json.Unmarshal(raw, &p); err != nil {
			return ark.Faultf(kindOf(resp.StatusCode, ""), "the Ark answered %d to %s %s", resp.StatusCode, method, path)
		}
		f := ark.Faultf(kindOf(resp.StatusCode, p.Kind), "%s", p.Detail)
		f.Remedy, f.Policy = p.Remedy, p.Policy
		if p.StepUp != "" {
			f.Cause = NeedsStepUp(p.StepUp)
		}
		return f
	}
	if out == nil || len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("read the answer to %s %s: %w", method, path, err)
	}
	return nil
}

// NeedsStepUp is in the chain of a refusal that asks for the second factor: the
// act that it has to be shown for.
type NeedsStepUp string

// Error implements error.
func (n NeedsStepUp) Error() string { return "the second factor is asked for: " + string(n) }

func unreachable(err error) error {
	return ark.Faultf(ark.Unavailable, "the Ark does not answer").Do("is it running?").Because(err)
}

// kindOf is the kind of fault behind a status.
func kindOf(status int, kind string) ark.Kind {
	for k := ark.Internal; k <= ark.Unsigned; k++ {
		if kind != "" && k.String() == kind {
			return k
		}
	}
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return ark.Invalid
	case http.StatusUnauthorized:
		return ark.Unsigned
	case http.StatusForbidden:
		return ark.Forbidden
	case http.StatusNotFound:
		return ark.Unknown
	case http.StatusConflict:
		return ark.Conflict
	case http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
		return ark.TooMuch
	case http.StatusServiceUnavailable:
		return ark.Unavailable
	}
	return ark.Internal
}

// Until reads path into out again and again until done says so, or until the
// wait is over: then it says what it waited for.
func (c *Client) Until(ctx context.Context, wait time.Duration, what, path string, out any, done func() (bool, error)) error {
	end := time.Now().Add(wait)
	for {
		if err := c.Get(ctx, path, out); err != nil {
			return err
		}
		ok, err := done()
		if err != nil || ok {
			return err
		}
		if time.Now().After(end) {
			return ark.Faultf(ark.Unavailable, "waited %v for %s", wait, what).Do("the log folder of the Ark says what happened")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}
