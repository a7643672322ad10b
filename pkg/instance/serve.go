package instance

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/identity"
	"github.com/ark-tre/ark/pkg/identity/issuer"
	"github.com/ark-tre/ark/pkg/ledger"
	"github.com/ark-tre/ark/pkg/portal"
	"github.com/ark-tre/ark/pkg/portal/viewer"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/pkg/worker"
	"github.com/ark-tre/ark/workspace"
	"github.com/ark-tre/ark/workspace/apps"
	"github.com/ark-tre/ark/workspace/gateway"
)

// RunControl runs the control plane and the portal until ctx ends.
func RunControl(ctx context.Context, c Config, version string, log *slog.Logger) error {
	ctl, err := OpenControl(ctx, c, log)
	if err != nil {
		return err
	}
	defer ctl.Close()
	web, err := ctl.portal(version)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return ark.Faultf(ark.Conflict, "the address %s is taken by another program", c.Listen).Because(err)
	}
	srv := web.Server()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, 3)
	go func() { failed <- ctl.RunParts(ctx) }()
	go func() { failed <- srv.Serve(l) }()
	if c.Metrics != "" {
		figures := &http.Server{Addr: c.Metrics, Handler: web.MetricsHandler(), ReadHeaderTimeout: 5 * time.Second}
		go func() { failed <- figures.ListenAndServe() }()
		defer figures.Close()
	}
	log.Info("the portal is open", "listen", c.Listen, "origin", c.Origin)
	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	}
	// Answer what is under way, then go.
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = srv.Shutdown(end)
	_ = srv.Close()
	stop()
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// portal puts the web face together.
func (c *Control) portal(version string) (*portal.Portal, error) {
	cfg := c.Config
	secrets, err := readSecrets(cfg)
	if err != nil {
		return nil, err
	}
	client, secret := clientID, identity.Secret(secrets.client)
	var iss http.Handler
	if cfg.Identity.Issuer != "" {
		client, secret = cfg.Identity.Client, c.credential.ClientSecret
	} else if iss, err = c.issuer(secrets); err != nil {
		return nil, err
	}
	party, err := identity.New(identity.Config{Issuer: cfg.issuerURL(), ClientID: client, ClientSecret: secret, FlowKey: secrets.flow,
		FactorACR: cfg.Identity.FactorACR, StepUpACR: cfg.Identity.StepUpACR,
		RedirectURL: cfg.Origin + portal.SignedInPath, SignedOutURL: cfg.Origin + "/signed-out", Prompt: "login",
		Client: &http.Client{Transport: identity.Transport(), Timeout: 10 * time.Second}, Now: time.Now, Random: rand.Reader})
	if err != nil {
		return nil, err
	}
	sessions := &identity.Sessions{Store: c.Store.Sessions(), Secure: cfg.secure(), Now: time.Now}
	gate, err := c.gateway()
	if err != nil {
		return nil, err
	}
	show, err := viewer.New(cfg.sub("view"), cfg.Origin, time.Now)
	if err != nil {
		return nil, err
	}
	ask := openers{cfg}
	rooms := portal.Rooms{Catalogue: c.Catalogue, Governance: c.Governance, Workspaces: c.Workspaces, Airlock: c.Airlock, Ingress: c.Ingress, Traces: c.Traces,
		Objects: landing{c.Role, ask}, Ledger: log{c.Log, ledger.InStore(c.Objects)}, Enclave: c.Enclave, Outputs: outputs{c.Role, ask, c.Enclave},
		Enter: func(ws, user, session string) (string, error) {
			return gate.Enter(gateway.Session{Workspace: ws, User: user, Portal: session, Apps: []string{apps.SQL, apps.Jupyter}})
		},
		Shown: c.shown, ReleaseKey: func(ctx context.Context) (ed25519.PublicKey, error) { return c.Keys.Public(ctx, worker.ReleaseKey) }}
	return portal.New(portal.Config{Store: c.Store, Access: c.Access, Door: &door{&portal.Accounts{Party: party, Sessions: sessions, Rooms: c.Governance}, gate}, Rooms: rooms,
		Log: c.Slog, Region: cfg.Region, Demonstration: cfg.Trial, Host: cfg.host(), Origin: cfg.Origin, IssuerOrigin: cfg.issuerOrigin(), ViewerOrigin: cfg.sub("view"),
		WorkspaceAt: gate.OriginOf, HTTPS: cfg.secure(), Version: version, Issuer: iss, FileViewer: show,
		Workspace: func(w http.ResponseWriter, r *http.Request, _ string) { gate.ServeHTTP(w, r) }})
}

// door ends a user's workspace sessions when they sign out.
type door struct {
	*portal.Accounts
	gate *gateway.Gateway
}

// Leave implements portal.Door.
func (d *door) Leave(w http.ResponseWriter, r *http.Request) (string, error) {
	if s, err := d.Sessions.Resume(r); err == nil {
		d.gate.EndPortal(s.ID)
	}
	return d.Accounts.Leave(w, r)
}

// gateway is the only way into workspaces. On every request it asks the same
// decision that guards the door.
func (c *Control) gateway() (*gateway.Gateway, error) {
	bytes, window := c.Config.browserBudget()
	return gateway.New(gateway.Config{Origin: c.Config.workspaces(), Portal: c.Config.Origin, Dial: c.Enclave.DialApp,
		Authorise: func(ctx context.Context, s gateway.Session) error {
			return c.Store.View(ctx, func(q store.Querier) error {
				w, err := workspace.Get(ctx, q, s.Workspace)
				if err != nil {
					return err
				}
				if w.State != "running" {
					return ark.Faultf(ark.Conflict, "the workspace is %s", w.State).Do("the workspace's page says why and what to do")
				}
				return c.Store.CheckIn(ctx, q, store.Actor{User: s.User}, "workspace.enter", store.Resource{Type: "Workspace", ID: s.Workspace})
			})
		},
		Meter:   &gateway.Budget{Bytes: bytes, Window: window, Now: time.Now, Count: c.Workspaces.Count},
		Recheck: 5 * time.Second, Now: time.Now, Random: rand.Reader, Log: c.Slog})
}

// shown is how much of its budget a workspace has used in this window.
func (c *Control) shown(ws string) (used, budget int64) {
	budget, window := c.Config.browserBudget()
	used, err := c.Workspaces.Count(context.Background(), ws, time.Now().UTC().Truncate(window), 0)
	if err != nil {
		return budget, budget
	}
	return used, budget
}

// clientID is the portal's name at the embedded issuer.
const clientID = "ark-portal"

// issuer is the embedded OpenID provider of a one-box Ark.
func (c *Control) issuer(s secrets) (http.Handler, error) {
	cfg := c.Config
	dir, err := issuer.OpenFileDirectory(cfg.Path("identity", "accounts.json"))
	if err != nil {
		return nil, err
	}
	opt := issuer.Options{Issuer: cfg.sub("id"), Directory: dir, KeyFile: cfg.Path("identity", "keys.json"), Log: c.Slog,
		Client: issuer.Client{ID: clientID, Secret: s.client, RedirectURI: cfg.Origin + portal.SignedInPath, SignedOutURI: cfg.Origin + "/signed-out",
			BackChannel: cfg.Origin + portal.LoggedOutPath, HomeURI: cfg.Origin, ServiceName: "Ark · " + cfg.Region},
		Outgoing: &http.Client{Transport: identity.Transport(), Timeout: 10 * time.Second}}
	opt.Record = c.recordPasskey
	if cfg.Demonstration {
		opt.Demonstration = true
		for _, p := range People {
			opt.Demo = append(opt.Demo, issuer.DemoAccount{UserName: p.UserName, Label: p.Name + ", " + p.What, Password: DemoPassword})
		}
	}
	return issuer.New(opt)
}

// secrets are what the portal and the embedded issuer share.
type secrets struct {
	client string
	flow   []byte
}

// makeSecrets writes new ones; only Init calls it.
func makeSecrets(c Config) error {
	raw := make([]byte, 64)
	rand.Read(raw)
	return os.WriteFile(c.Path("identity", "secret"), []byte(base64.RawURLEncoding.EncodeToString(raw)), 0o600)
}

func readSecrets(c Config) (secrets, error) {
	text, err := os.ReadFile(c.Path("identity", "secret"))
	if err != nil {
		return secrets{}, err
	}
	raw, err := base64.RawURLEncoding.DecodeString(string(text))
	if err != nil || len(raw) != 64 {
		return secrets{}, ark.Faultf(ark.Internal, "the portal's secret is damaged").Do("remove identity/secret and start again: everybody signs in anew")
	}
	return secrets{client: base64.RawURLEncoding.EncodeToString(raw[:32]), flow: raw[32:]}, nil
}
