// Package notebook runs code in a workspace's JupyterLab the way a browser
// does: over HTTP and a websocket, through the gateway, with the gateway's
// cookie. The unattended demonstration and the tests use it.
//
// It may hold what a cell printed, which is unreviewed output; it must never
// be used by a page outside the enclave's own origin.
package notebook

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// Client runs code at Base, such as http://wsp-1.ws.localhost:8080/jupyter/.
// HTTP holds the cookies of a session that is in.
type Client struct {
	Base   string
	HTTP   *http.Client
	Kernel string // "python3" if empty, or "ir" for R
}

// Result is what a cell gave.
type Result struct {
	Stdout string
	Value  string   // the text of the last expression
	Images []string // media types of what was displayed beside text
	Error  string   // name and message of the exception, if one ended the cell
}

// Enter follows the one-time address that a gateway gave and remembers the
// cookies in the client's jar.
func (c Client) Enter(ctx context.Context, address string) error {
	resp, err := c.do(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("entering: status %d", resp.StatusCode)
	}
	return nil
}

// Ready waits until JupyterLab answers.
func (c Client) Ready(ctx context.Context) error {
	for {
		resp, err := c.do(ctx, http.MethodGet, c.Base+"lab", nil)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			if resp.StatusCode != http.StatusServiceUnavailable {
				return fmt.Errorf("waiting for JupyterLab: status %d", resp.StatusCode)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for JupyterLab: %w (last: %v)", ctx.Err(), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Run starts a kernel, runs the cells in order and ends the kernel. It stops
// at the first cell that raises an exception.
func (c Client) Run(ctx context.Context, cells ...string) ([]Result, error) {
	var kernel struct {
		ID string `json:"id"`
	}
	if err := c.json(ctx, http.MethodPost, "api/kernels", map[string]string{"name": cmp.Or(c.Kernel, "python3")}, &kernel); err != nil {
		return nil, fmt.Errorf("starting a kernel: %w", err)
	}
	defer c.json(context.WithoutCancel(ctx), http.MethodDelete, "api/kernels/"+kernel.ID, nil, nil) //nolint:errcheck // the workspace's end ends it too
	conn, err := c.channels(ctx, kernel.ID)
	if err != nil {
		return nil, fmt.Errorf("connecting to the kernel: %w", err)
	}
	defer conn.CloseNow() //nolint:errcheck // nothing is left to say
	var out []Result
	for i, cell := range cells {
		r, err := execute(ctx, conn, fmt.Sprintf("ark-%d", i), cell)
		if err != nil {
			return out, fmt.Errorf("cell %d: %w", i+1, err)
		}
		if out = append(out, r); r.Error != "" {
			return out, nil
		}
	}
	return out, nil
}

func (c Client) channels(ctx context.Context, kernel string) (*websocket.Conn, error) {
	base, err := url.Parse(c.Base)
	if err != nil {
		return nil, err
	}
	conn, _, err := websocket.Dial(ctx, c.Base+"api/kernels/"+kernel+"/channels?session_id=ark", &websocket.DialOptions{
		HTTPClient: c.HTTP, HTTPHeader: http.Header{"Origin": {base.Scheme + "://" + base.Host}},
	})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(64 << 20)
	return conn, nil
}

// message is what Jupyter's protocol sends over the websocket.
type message struct {
	Header   map[string]any  `json:"header"`
	Parent   map[string]any  `json:"parent_header"`
	Metadata map[string]any  `json:"metadata"`
	Content  json.RawMessage `json:"content"`
	Channel  string          `json:"channel"`
}

func execute(ctx context.Context, conn *websocket.Conn, id, code string) (Result, error) {
	content, err := json.Marshal(map[string]any{"code": code, "silent": false, "store_history": true, "user_expressions": map[string]any{}, "allow_stdin": false, "stop_on_error": true})
	if err != nil {
		return Result{}, err
	}
	ask, err := json.Marshal(message{
		Header: map[string]any{"msg_id": id, "msg_type": "execute_request", "username": "", "session": "ark", "version": "5.3", "date": time.Now().UTC().Format(time.RFC3339)},
		Parent: map[string]any{}, Metadata: map[string]any{}, Content: content, Channel: "shell",
	})
	if err != nil {
		return Result{}, err
	}
	if err := conn.Write(ctx, websocket.MessageText, ask); err != nil {
		return Result{}, err
	}
	var r Result
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			return r, err
		}
		var m message
		if json.Unmarshal(text, &m) != nil || m.Parent["msg_id"] != id {
			continue
		}
		if kind, _ := m.Header["msg_type"].(string); r.take(kind, m.Content) {
			return r, nil
		}
	}
}

// take adds one message to the result and says whether the cell has ended.
func (r *Result) take(kind string, content json.RawMessage) bool {
	var c struct {
		Text      string         `json:"text"`
		Name      string         `json:"ename"`
		Value     string         `json:"evalue"`
		State     string         `json:"execution_state"`
		Displayed map[string]any `json:"data"`
	}
	if json.Unmarshal(content, &c) != nil {
		return false
	}
	switch kind {
	case "stream":
		r.Stdout += c.Text
	case "error":
		r.Error = c.Name + ": " + c.Value
	case "execute_result", "display_data":
		for media, v := range c.Displayed {
			if text, ok := v.(string); ok && media == "text/plain" {
				r.Value = text
			} else if media != "text/plain" {
				r.Images = append(r.Images, media)
			}
		}
	case "status":
		return c.State == "idle"
	}
	return false
}

// json makes one call of JupyterLab's API with its cross-site token.
func (c Client) json(ctx context.Context, method, path string, body, into any) error {
	var r io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		r = bytes.NewReader(text)
	}
	resp, err := c.do(ctx, method, c.Base+path, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("status %d: %.200s", resp.StatusCode, strings.TrimSpace(string(text)))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

func (c Client) do(ctx context.Context, method, address string, body io.Reader) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	if c.HTTP.Jar != nil {
		for _, cookie := range c.HTTP.Jar.Cookies(q.URL) {
			if cookie.Name == "_xsrf" {
				q.Header.Set("X-XSRFToken", cookie.Value)
			}
		}
	}
	q.Header.Set("Origin", q.URL.Scheme+"://"+q.URL.Host)
	return c.HTTP.Do(q)
}
