package demonstration

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ark-tre/ark/pkg/identity"
	"github.com/ark-tre/ark/pkg/instance"
)

// services is parts.yaml of a folder of services: what takes the place of the
// one-box defaults. Beside it lie the credentials, ROLE.json and founder.json.
type services struct {
	Store    string            `yaml:"store"`
	Vault    instance.Vault    `yaml:"vault"`
	S3       instance.S3       `yaml:"s3"`
	Identity instance.Identity `yaml:"identity"`
}

// useParts puts the services of the options' folder into c and returns the
// folder, "" if there is none.
func (o Options) useParts(c *instance.Config) (string, error) {
	if o.Parts == "" {
		return "", nil
	}
	text, err := os.ReadFile(filepath.Join(o.Parts, "parts.yaml"))
	if err != nil {
		return "", err
	}
	var s services
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&s); err != nil {
		return "", fmt.Errorf("read parts.yaml: %w", err)
	}
	c.Vault, c.S3, c.Identity = s.Vault, s.S3, s.Identity
	if s.Store != "" {
		c.Store = s.Store
	}
	return o.Parts, nil
}

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
