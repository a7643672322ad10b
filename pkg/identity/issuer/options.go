package issuer

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// Client is the one relying party that the issuer serves.
type Client struct {
	ID            string
	Secret        string
	RedirectURI   string // compared byte for byte
	SignedOutURI  string // optional: where a user may be sent after signing out
	BackChannel   string // optional: where the client hears of ended sessions
	HomeURI       string // optional: the link on the issuer's pages back to the portal
	ServiceName   string // optional: what the pages call it; "Ark" by default
	StylesheetURL string // optional: replaces the issuer's own small stylesheet
}

// DemoAccount is a sign-in offered on the page of a demonstration.
type DemoAccount struct {
	UserName string
	Label    string // "Dr Amina Shah, researcher"
	Password string // filled into the form; may be empty
}

// Options make an Issuer. Fields without "optional" must be set.
type Options struct {
	Issuer    string // own URL, such as http://id.localhost:8080, without a path
	Client    Client
	Directory Directory
	KeyFile   string // signing keys are kept here, mode 0600; made if absent

	// Demonstration shows Demo's sign-ins and their current codes on the pages.
	// It must never be set where real data is: New refuses Demo without it.
	Demonstration bool
	Demo          []DemoAccount

	// Record is told of every change of passkeys before it counts as done; an
	// error refuses it (optional).
	Record func(context.Context, PasskeyEvent) error

	Outgoing *http.Client               // optional: for back-channel logout
	Address  func(*http.Request) string // optional: the caller's address; the connection's by default
	Log      *slog.Logger               // optional
	Now      func() time.Time           // optional
	Random   io.Reader                  // optional
	Hash     Argon                      // optional: cost of the decoy hash; DefaultArgon by default
	// SessionLife is how long a sign-in here lasts without a new one (optional:
	// 8 hours). A relying party that asks for prompt=login is not affected.
	SessionLife time.Duration
}

func (o *Options) complete() error {
	bad := func(what string) error {
		return ark.Faultf(ark.Invalid, "the embedded issuer can't start: %s", what).Do("mend the identity section of the configuration")
	}
	u, err := url.Parse(o.Issuer)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return bad("its own address is not a URL")
	case u.Path != "":
		return bad("its own address has a path; it must be a host of its own")
	case u.Scheme == "http" && !strings.HasSuffix(u.Hostname(), ".localhost") && u.Hostname() != "localhost" && !net.ParseIP(u.Hostname()).IsLoopback():
		return bad("plain http is for localhost only")
	case o.Client.ID == "" || len(o.Client.Secret) < 16:
		return bad("the client has no id, or a secret of fewer than 16 characters")
	case o.Client.RedirectURI == "":
		return bad("the client has no redirect address")
	case o.Directory == nil:
		return bad("there is no directory of accounts")
	case o.KeyFile == "":
		return bad("there is no place for the signing keys")
	case len(o.Demo) > 0 && !o.Demonstration:
		return bad("demonstration sign-ins are given, but this is not a demonstration")
	}
	if o.Client.ServiceName == "" {
		o.Client.ServiceName = "Ark"
	}
	if o.Address == nil {
		o.Address = connectionAddress
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Outgoing == nil {
		o.Outgoing = &http.Client{}
	}
	if o.SessionLife <= 0 {
		o.SessionLife = 8 * time.Hour
	}
	if o.Hash == (Argon{}) {
		o.Hash = DefaultArgon
	}
	return nil
}

// connectionAddress is the peer of the connection, an IPv6 one by its /64.
// Forwarded headers aren't believed: who runs behind a proxy gives Address.
func connectionAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
		return ip.Mask(net.CIDRMask(64, 128)).String()
	}
	return host
}
