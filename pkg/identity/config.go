package identity

import (
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// Config says which provider is trusted and as whom we speak to it. Every
// field without "optional" must be set; New refuses otherwise.
type Config struct {
	Issuer       string // the provider's issuer URL, exactly as it names itself
	ClientID     string
	ClientSecret Secret
	RedirectURL  string // the portal's callback; must be this provider's alone
	SignedOutURL string // optional: where the provider sends a user after signing out

	// FlowKey seals the sign-in cookie: 32 random bytes, the same on every
	// replica of the portal, changed whenever one likes.
	FlowKey []byte

	Scopes     []string // optional: more than openid, profile and email
	Algorithms []string // optional: signature algorithms accepted; none of them symmetric
	// Prompt is sent with every sign-in (optional): "login" stops a shared
	// machine from signing the next user in as the one before.
	Prompt string
	// StepUpACR is asked for at step-up (optional, provider-specific).
	StepUpACR []string
	// FactorACR are the acr values that this provider gives only after a second
	// factor (optional; needed where it sends no amr).
	FactorACR []string
	// AllowSingleFactor accepts a sign-in without proof of a second factor.
	// The zero value refuses it.
	AllowSingleFactor bool

	Client   *http.Client // optional: transport to the provider
	Used     OneTime      // optional: remembers what was used once; a memory by default
	Now      func() time.Time
	Random   io.Reader
	FlowLife time.Duration // optional: how long a sign-in may take, 10 minutes by default
}

// Secret is a text that never prints.
type Secret string

func (Secret) String() string   { return "(secret)" }
func (Secret) GoString() string { return "(secret)" }

// MarshalText keeps a secret out of JSON and logs.
func (Secret) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }

// asymmetric lists the signature algorithms a provider may use. Symmetric ones
// and "none" aren't in it and can't be configured.
var asymmetric = []string{"ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "EdDSA"}

func (c *Config) complete() error {
	bad := func(what string) error {
		return ark.Faultf(ark.Invalid, "the sign-in configuration is not usable: %s", what).Do("mend the identity section of the configuration")
	}
	switch {
	case c.ClientID == "":
		return bad("client id is missing")
	case c.ClientSecret == "":
		return bad("client secret is missing")
	case len(c.FlowKey) != 32:
		return bad("the flow key is not 32 bytes")
	case !safeEndpoint(c.Issuer):
		return bad("the issuer is not an https address (plain http is for localhost only)")
	case !safeEndpoint(c.RedirectURL):
		return bad("the redirect address is not an https address (plain http is for localhost only)")
	}
	if len(c.Algorithms) == 0 {
		c.Algorithms = []string{"ES256", "RS256", "PS256", "EdDSA"}
	}
	for _, a := range c.Algorithms {
		if !slices.Contains(asymmetric, a) {
			return bad("the signature algorithm " + a + " is not accepted")
		}
	}
	c.Scopes = append([]string{"openid", "profile", "email"}, c.Scopes...)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.FlowLife <= 0 {
		c.FlowLife = 10 * time.Minute
	}
	if c.Used == nil {
		c.Used = NewMemoryOnce(c.Now)
	}
	return nil
}

// safeEndpoint reports whether secrets may be sent to raw: https, or plain http
// to this machine. User info, fragments and relative addresses are refused.
func safeEndpoint(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.Fragment != "" || u.Host == "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && thisMachine(u.Hostname())
}

// thisMachine reports whether host names the loopback interface (RFC 6761
// reserves localhost and everything below it for that).
func thisMachine(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
