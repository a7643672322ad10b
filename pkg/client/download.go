package client

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
)

// Download copies a file of the portal to w, whatever its size, and returns
// how many bytes it has. A page instead of a file is a refusal.
func (c *Client) Download(ctx context.Context, path string, w io.Writer) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Origin+path, nil)
	if err != nil {
		return 0, err
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return 0, unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		return 0, ark.Faultf(kindOf(resp.StatusCode, ""), "the Ark does not give you this file (status %d)", resp.StatusCode).Do("its page in the portal says why")
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		return 0, ark.Faultf(ark.Unsigned, "the Ark gave a page instead of the file").Do("run ark sign-in")
	}
	n, err := io.Copy(w, resp.Body)
	if err != nil {
		return n, unreachable(err)
	}
	return n, nil
}
