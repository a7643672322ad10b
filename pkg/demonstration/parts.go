package demonstration

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/identity"
)

// outsideSignIn signs a user in at a provider made for tests, which asks for a
// name and believes it (deploy/tools/oidc-provider).
func outsideSignIn(ctx context.Context, origin, user string) (*http.Client, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	h := &http.Client{Jar: jar, Transport: identity.Transport(), Timeout: time.Minute}
	return h, outsideAgain(ctx, h, origin, "/sign-in", user)
}

// outsideAgain walks from a page of the portal through the provider's form and
// back.
func outsideAgain(ctx context.Context, h *http.Client, origin, path, user string) error {
	form, err := visit(ctx, h, http.MethodGet, origin+path, nil)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(form.Path, "/interaction/") {
		return fmt.Errorf("the provider shows no sign-in form but %s", form)
	}
	end, err := visit(ctx, h, http.MethodPost, form.String(), url.Values{"login": {user}, "amr": {"pwd otp"}})
	if err != nil {
		return err
	}
	return must(strings.HasPrefix(end.String(), origin+"/"), "the sign-in ended at %s", end)
}

// visit asks for a page, follows where it leads, and says where that was.
func visit(ctx context.Context, h *http.Client, method, to string, form url.Values) (*url.URL, error) {
	req, err := http.NewRequestWithContext(ctx, method, to, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := h.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	if resp.StatusCode >= 400 {
		return nil, fmt.Errorf("%s answered %d", resp.Request.URL.Path, resp.StatusCode)
	}
	return resp.Request.URL, nil
}
