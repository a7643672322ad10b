package instance

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/identity/issuer"
	"github.com/ark-tre/ark/pkg/store"
)

// Parts puts the services that folder/parts.yaml names in place of the one-box
// defaults: store, vault, s3 and identity. Beside it lie the credentials,
// ROLE.json and founder.json.
func (c *Config) Parts(folder string) error {
	text, err := os.ReadFile(filepath.Join(folder, "parts.yaml"))
	if err != nil {
		return err
	}
	var s struct {
		Store    string   `yaml:"store"`
		Vault    Vault    `yaml:"vault"`
		S3       S3       `yaml:"s3"`
		Identity Identity `yaml:"identity"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&s); err != nil {
		return ark.Faultf(ark.Invalid, "parts.yaml cannot be read: %v", err).Do("docs/production.md says what it holds")
	}
	c.Vault, c.S3, c.Identity = s.Vault, s.S3, s.Identity
	if s.Store != "" {
		c.Store = s.Store
	}
	return nil
}

// Built puts into c what make has built: the programs beside the running one
// and, of the checkout tree, the root file system of workspaces and their
// runtime where they are there.
func (c *Config) Built(tree string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c.Programs = filepath.Dir(self)
	there := func(path string) bool { _, err := os.Stat(path); return err == nil }
	if image := filepath.Join(tree, ".cache", "rootfs", "current", "rootfs.squashfs"); there(image) {
		if c.Rootfs, err = filepath.EvalSymlinks(image); err != nil {
			return err
		}
	}
	if runc := filepath.Join(tree, ".cache", "tools", "runc"); there(runc) {
		c.Runtime = runc
	}
	return nil
}

// SignIn is what the holder of a new account at the embedded issuer needs. The
// password is kept nowhere.
type SignIn struct {
	UserName, Password string
	Subject            string // what the account is called on the page Add an account
	Authenticator      string // otpauth URI: makes the six digits
}

// newAccount makes an account at the embedded issuer in the Ark's folder.
func (c Config) newAccount(ctx context.Context, userName, name, email string) (SignIn, error) {
	dir, err := issuer.OpenFileDirectory(c.Path("identity", "accounts.json"))
	if err != nil {
		return SignIn{}, err
	}
	s := SignIn{Password: rand.Text()}
	a, err := issuer.NewAccount(userName, name, email, s.Password, issuer.DefaultArgon, rand.Reader)
	if err != nil {
		return SignIn{}, err
	}
	if err := dir.Add(ctx, a); err != nil {
		return SignIn{}, err
	}
	s.UserName, s.Subject = a.UserName, a.Subject
	u := url.URL{Scheme: "otpauth", Host: "totp", Path: "/Ark " + c.Region + ":" + a.UserName, RawQuery: url.Values{"secret": {a.TOTPSecret}, "issuer": {"Ark " + c.Region}}.Encode()}
	s.Authenticator = u.String()
	return s, nil
}

// NewAccount makes an account at the embedded issuer of an Ark that stands
// still; the operator then adds its subject on the page Add an account.
func (c Config) NewAccount(ctx context.Context, userName, name, email string) (SignIn, error) {
	if c.Identity.Issuer != "" {
		return SignIn{}, ark.Faultf(ark.Conflict, "this Ark signs its users in at %s", c.Identity.Issuer).Do("make the account there")
	}
	if c.Running() {
		return SignIn{}, ark.Faultf(ark.Conflict, "the Ark is running, and keeps the accounts").Do("stop it, make the account, start it again")
	}
	s, err := c.newAccount(ctx, userName, name, email)
	if err != nil {
		return s, err
	}
	return s, c.Layout()
}

// Running reports whether somebody serves this Ark on this host.
func (c Config) Running() bool {
	conn, err := net.Dial("unix", c.socket("control"))
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// First is who runs a new Ark: its organisation and its first operator.
type First struct {
	Org                   governance.Organisation
	UserName, Name, Email string
	Subject               string // at an outside provider; the embedded issuer gives one
}

// FoundNew makes a new Ark in dir with its first organisation and operator and
// nobody else, and returns how the operator signs in; without a password at an
// outside provider. credentials is as for Init. What it leaves when it fails is
// no Ark, and is to be removed.
func FoundNew(ctx context.Context, dir string, c Config, credentials string, f First, log *slog.Logger) (SignIn, error) {
	outside := c.Identity.Issuer != ""
	if outside == (f.Subject == "") {
		return SignIn{}, ark.Faultf(ark.Invalid, "a subject belongs to an outside provider, and an outside provider needs one").At("", 0, "subject").
			Do("give the name by which the provider knows the account, or leave it out with the embedded issuer")
	}
	if err := Init(ctx, dir, c, credentials); err != nil {
		return SignIn{}, err
	}
	c, err := Load(dir)
	if err != nil {
		return SignIn{}, err
	}
	ctl, err := OpenControl(ctx, c, log)
	if err != nil {
		return SignIn{}, err
	}
	defer ctl.Close()
	if err := makeSecrets(c); err != nil {
		return SignIn{}, err
	}
	founder := store.Actor{System: "founder"}
	org, err := ctl.Governance.AddOrganisation(ctx, founder, f.Org)
	if err != nil {
		return SignIn{}, err
	}
	s := SignIn{Subject: f.Subject}
	if !outside {
		if s, err = c.newAccount(ctx, f.UserName, f.Name, f.Email); err != nil {
			return SignIn{}, err
		}
	}
	return s, ctl.Governance.Found(ctx, founder, []governance.User{{Name: f.Name, Email: f.Email, Org: org.ID, Roles: []ark.Role{ark.Operator},
		Issuer: c.issuerURL(), Subject: s.Subject}})
}
