package instance

import (
	"bytes"
	"crypto/x509"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/airlock/notify"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/backup"
	"github.com/ark-tre/ark/workspace/enclave"
)

// Config is the one configuration file of an Ark, config.yaml in its folder.
// An unknown key is an error.
type Config struct {
	// Region is whose Ark this is, as the pages say it.
	Region string `yaml:"region"`
	// Trial says in one sentence why this Ark takes no real data. Empty: it is
	// in production, and refuses to start on one-box defaults.
	Trial string `yaml:"trial"`
	// Listen is the address of the portal, such as 127.0.0.1:8080.
	Listen string `yaml:"listen"`
	// Metrics is the address of figures and probes; empty: none.
	Metrics string `yaml:"metrics"`
	// Origin is the portal's origin as browsers see it. Issuer, viewer and
	// workspaces are subdomains of its host.
	Origin string `yaml:"origin"`
	// Store is where metadata is: sqlite: (in the folder), or postgres://…
	Store string `yaml:"store"`
	// Vault, S3 and Identity select services in place of the one-box defaults.
	Vault    Vault    `yaml:"vault"`
	S3       S3       `yaml:"s3"`
	Identity Identity `yaml:"identity"`
	// Programs is the folder of ark, ark-engine, ark-inspect and ark-enclaved.
	Programs string `yaml:"programs"`
	// Rootfs is the read-only root file system of workspaces; empty: no workspaces.
	Rootfs string `yaml:"rootfs"`
	// Runtime is the OCI runtime; empty: runc from the PATH.
	Runtime string `yaml:"runtime"`
	// Inspection says how files that want to leave are looked at.
	Inspection Inspection `yaml:"inspection"`
	// Notify says where the airlock's messages go; empty: nowhere.
	Notify Notify `yaml:"notify"`
	// OptOuts says how the national opt-out check is asked; empty: by hand.
	OptOuts OptOuts `yaml:"optouts"`
	// Backup says where ark backup puts copies of this Ark.
	Backup Backup `yaml:"backup"`
	// Workspace limits each workspace.
	Workspace Limits `yaml:"workspace"`
	// Demonstration shows the sign-ins of the demonstration's users on the
	// issuer's pages. Only with Trial.
	Demonstration bool `yaml:"demonstration"`

	dir string
}

// Backup says where copies of the Ark go, and who can open them.
type Backup struct {
	To         string   `yaml:"to"`         // a folder on another disk
	Recipients []string `yaml:"recipients"` // of age; their identities are kept elsewhere
}

// check refuses half a setting.
func (b Backup) check() error {
	if (b.To == "") != (len(b.Recipients) == 0) || b.To != "" && !filepath.IsAbs(b.To) {
		return ark.Faultf(ark.Invalid, "backup.to is the full path of a folder, and backup.recipients are who can open what is there").At("config.yaml", 0, "backup").
			Do("set both or none; ark backup new-key makes a recipient")
	}
	if b.To == "" {
		return nil
	}
	_, err := backup.Recipients(b.Recipients)
	return err
}

// Inspection says how files that want to leave are looked at.
type Inspection struct {
	// Scanner is clamd's address, a socket or host:port. When it is set and does
	// not answer, nothing leaves.
	Scanner string `yaml:"scanner"`
	// Weak looks at files where the kernel lacks a part of the sandbox. For trial.
	Weak bool `yaml:"weak"`
}

// inspector starts ark-inspect.
func (c Config) inspector() inspect.Inspector {
	return inspect.Inspector{Program: c.program("ark-inspect"), Scanner: c.Inspection.Scanner, Weak: c.Inspection.Weak && c.Trial != ""}
}

// OptOuts says where requests to the national opt-out check go.
type OptOuts struct {
	Mailbox string `yaml:"mailbox"` // our MESH mailbox
	To      string `yaml:"to"`      // the service's
	Outbox  string `yaml:"outbox"`  // the folder that the MESH client empties
}

// mailboxName is what a MESH mailbox is called; it goes into a file's name.
var mailboxName = regexp.MustCompile(`^[A-Z0-9]{3,30}$`)

// check refuses half a setting.
func (o OptOuts) check() error {
	switch {
	case o == OptOuts{}:
		return nil
	case !mailboxName.MatchString(o.Mailbox) || !mailboxName.MatchString(o.To):
		return ark.Faultf(ark.Invalid, "optouts.mailbox and optouts.to are MESH mailboxes: capital letters and digits").At("config.yaml", 0, "optouts")
	case !filepath.IsAbs(o.Outbox):
		return ark.Faultf(ark.Invalid, "optouts.outbox is not the full path of a folder").At("config.yaml", 0, "optouts.outbox")
	}
	return nil
}

// Notify says where the airlock's messages go.
type Notify struct {
	Webhook string `yaml:"webhook"` // an address that takes a POST of JSON
	SMTP    string `yaml:"smtp"`    // host:port of a mail server
	From    string `yaml:"from"`    // the sender's address
	TLS     string `yaml:"tls"`     // starttls or implicit; empty: in the clear
	User    string `yaml:"user"`    // at the mail server; the password is in credentials/control.json
	CA      string `yaml:"ca"`      // PEM file of who vouches for the mail server; empty: the system's
}

// check refuses what would send a password in the clear.
func (n Notify) check() error {
	bad := func(says, do string) error { return ark.Faultf(ark.Invalid, "%s", says).At("", 0, "notify").Do(do) }
	switch {
	case !slices.Contains([]string{notify.TLSNone, notify.TLSStart, notify.TLSImplicit}, n.TLS):
		return bad("notify.tls is neither starttls nor implicit", "see docs/configuration.md")
	case n.User != "" && n.TLS == notify.TLSNone:
		return bad("notify.user signs in at a mail server in the clear", "set notify.tls to starttls or implicit")
	case n.SMTP != "" && n.From == "":
		return bad("notify.smtp has no notify.from", "give the sender's address")
	}
	return nil
}

// on reports whether there is anywhere to send to.
func (n Notify) on() bool { return notify.Sender{Webhook: n.Webhook, SMTP: n.SMTP}.On() }

// sender sends what n says; password is that of n.User.
func (n Notify) sender(password string) (notify.Sender, error) {
	s := notify.Sender{Webhook: n.Webhook, SMTP: n.SMTP, From: n.From, TLS: n.TLS, User: n.User, Password: password}
	if n.CA != "" {
		text, err := os.ReadFile(n.CA)
		if err != nil {
			return s, ark.Faultf(ark.Unavailable, "the file of notify.ca cannot be read").Because(err)
		}
		if s.Roots = x509.NewCertPool(); !s.Roots.AppendCertsFromPEM(text) {
			return s, ark.Faultf(ark.Invalid, "the file of notify.ca holds no certificate")
		}
	}
	return s, nil
}

// Limits of each workspace. Zero fields take the defaults.
type Limits struct {
	MemoryMiB int64 `yaml:"memory_mib"`
	CPUMillis int64 `yaml:"cpu_millis"`
	DiskMiB   int64 `yaml:"disk_mib"`
	// BrowserMiB is how much may go from one workspace to browsers in an hour.
	BrowserMiB int64 `yaml:"browser_mib"`
}

// Load reads the configuration of the Ark in dir.
func Load(dir string) (Config, error) {
	c := Config{}
	text, err := os.ReadFile(filepath.Join(dir, "config.yaml"))
	if os.IsNotExist(err) {
		return c, ark.Faultf(ark.Unknown, "there is no Ark in %s", dir).Do("make one with: ark found, or ark demo")
	}
	if err != nil {
		return c, err
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&c); err != nil {
		return c, ark.Faultf(ark.Invalid, "config.yaml cannot be read: %v", err).Do("mend it; every key is explained in docs/configuration.md")
	}
	if c.dir, err = filepath.Abs(dir); err != nil {
		return c, err
	}
	return c, c.check()
}

func (c Config) check() error {
	u, err := url.Parse(c.Origin)
	switch {
	case err != nil || u.Host == "" || u.Path != "":
		return ark.Faultf(ark.Invalid, "origin is not an origin").At("config.yaml", 0, "origin").Do("write it like http://localhost:8080")
	case c.Region == "" || c.Listen == "" || c.Store == "" || c.Programs == "":
		return ark.Faultf(ark.Invalid, "region, listen, store and programs are needed").At("config.yaml", 0, "")
	case c.Demonstration && c.Trial == "":
		return ark.Faultf(ark.Invalid, "the demonstration's sign-ins are for a trial only").At("config.yaml", 0, "demonstration")
	case c.Trial == "":
		return ark.Faultf(ark.Conflict, "this Ark is not marked as a trial, and the one-box defaults are for trial only").At("config.yaml", 0, "trial").
			Do("docs/production.md says what an Ark needs before it may hold people's records")
	}
	if err := errors.Join(c.Notify.check(), c.OptOuts.check(), c.Backup.check()); err != nil {
		return err
	}
	return c.checkOutside()
}

// Path is a path inside the Ark's folder.
func (c Config) Path(parts ...string) string {
	return filepath.Join(append([]string{c.dir}, parts...)...)
}

// socket is where a role listens: in a folder that only that role may write to,
// so that nobody else can stand in for it.
func (c Config) socket(role string) string { return c.Path("run", role, "sock") }

// program is the path of one of Ark's programs.
func (c Config) program(name string) string { return filepath.Join(c.Programs, name) }

// dsn is the store's address, with the password of the credential.
func (c Config) dsn(cred Credential) string {
	if c.Store == "sqlite:" {
		return "sqlite:" + c.Path("db", "ark.sqlite")
	}
	u, err := url.Parse(c.Store)
	if err != nil || cred.StorePassword == "" {
		return c.Store
	}
	q := u.Query()
	q.Set("password", string(cred.StorePassword))
	u.RawQuery = q.Encode()
	return u.String()
}

// host is the portal's host name without its port, and sub an origin below it.
func (c Config) host() string {
	u, _ := url.Parse(c.Origin)
	return u.Hostname()
}

func (c Config) sub(name string) string {
	u, _ := url.Parse(c.Origin)
	return u.Scheme + "://" + name + "." + u.Host
}

// workspaces is the origin below which workspaces have theirs. Browsers set no
// cookie for localhost itself, so there workspaces are directly below it, and
// pages of two of them share none; a real domain is parted from the portal's
// by ws., and is to be listed as a public suffix.
func (c Config) workspaces() string {
	if c.host() == "localhost" {
		return c.Origin
	}
	return c.sub("ws")
}

func (c Config) secure() bool {
	u, _ := url.Parse(c.Origin)
	return u.Scheme == "https"
}

func (c Config) limits() enclave.Limits {
	l := enclave.DefaultLimits()
	if c.Workspace.MemoryMiB > 0 {
		l.MemoryBytes = c.Workspace.MemoryMiB << 20
	}
	if c.Workspace.CPUMillis > 0 {
		l.CPUMillis = c.Workspace.CPUMillis
	}
	if c.Workspace.DiskMiB > 0 {
		l.DiskBytes = c.Workspace.DiskMiB << 20
	}
	return l
}

// browserBudget is how many bytes may go to browsers in one window.
func (c Config) browserBudget() (int64, time.Duration) {
	mib := c.Workspace.BrowserMiB
	if mib == 0 {
		mib = 200
	}
	return mib << 20, time.Hour
}
