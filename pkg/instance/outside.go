package instance

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/identity"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/keys/local"
	"github.com/ark-tre/ark/pkg/keys/vault"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/folder"
	"github.com/ark-tre/ark/pkg/objects/s3"
)

// Vault says which Vault keeps the keys. Without an address they lie in the
// Ark's folder.
type Vault struct {
	Address string `yaml:"address"`
	Prefix  string `yaml:"prefix"`
}

// S3 says which object store keeps the zones. Without an endpoint they lie in
// the Ark's folder.
type S3 struct {
	Endpoint string `yaml:"endpoint"`
	Region   string `yaml:"region"`
	Prefix   string `yaml:"prefix"`
	Insecure bool   `yaml:"insecure"`
}

// Identity says which provider signs users in. Without an issuer the embedded
// one does.
type Identity struct {
	Issuer    string   `yaml:"issuer"`
	Client    string   `yaml:"client"`
	FactorACR []string `yaml:"factor_acr,omitempty"`
	StepUpACR []string `yaml:"step_up_acr,omitempty"`
}

// Credential is what one role shows to the services outside the Ark's folder.
// It lies in credentials/ROLE.json, readable by that role's user alone.
type Credential struct {
	VaultToken    identity.Secret
	S3Access      string
	S3Secret      identity.Secret
	StorePassword identity.Secret // the control plane's: nobody else opens the database
	ClientSecret  identity.Secret // the control plane's, at the provider
	SMTPPassword  identity.Secret // the control plane's, at the mail server
}

// founder is the name of the credential that Init needs: it makes buckets and
// keys, and no role of a running Ark has it.
const founder = "founder"

// checkOutside refuses what would send a secret or data over a network in the
// clear.
func (c Config) checkOutside() error {
	refuse := func(field, says, remedy string) error {
		return ark.Faultf(ark.Invalid, "%s", says).At("config.yaml", 0, field).Do(remedy)
	}
	if a := c.Vault.Address; a != "" {
		u, err := url.Parse(a)
		if err != nil || u.Host == "" || u.Scheme != "https" && !loopback(u.Hostname()) {
			return refuse("vault.address", "the address of Vault is not an https address", "plain http is for this machine only")
		}
		if c.Vault.Prefix == "" {
			return refuse("vault.prefix", "the prefix of Vault's mounts is missing", "the policies in deploy/vault say ark")
		}
	}
	if e := c.S3.Endpoint; e != "" {
		host, _, err := net.SplitHostPort(e)
		if err != nil {
			host = e
		}
		if strings.Contains(e, "/") || c.S3.Insecure && !loopback(host) {
			return refuse("s3.endpoint", "the object store's endpoint is not host:port, or would be spoken to in the clear", "insecure is for this machine only")
		}
		if c.S3.Region == "" || c.S3.Prefix == "" {
			return refuse("s3.prefix", "the region or the prefix of the buckets is missing", "the policies in deploy/s3 say ark-")
		}
	}
	if c.Identity.Issuer != "" && c.Identity.Client == "" {
		return refuse("identity.client", "the Ark's name at the identity provider is missing", "it is the client id that the provider gave")
	}
	if strings.HasPrefix(c.Store, "postgres") {
		if u, err := url.Parse(c.Store); err == nil && u.User != nil {
			if _, has := u.User.Password(); has {
				return refuse("store", "the configuration holds a password", "put it into credentials/control.json")
			}
		}
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// outside reports whether any part is a service, so that roles need credentials.
func (c Config) outside() bool {
	return c.Vault.Address != "" || c.S3.Endpoint != "" || c.Identity.Issuer != "" || strings.HasPrefix(c.Store, "postgres")
}

// shows reports whether a role shows a credential to anything: where a part is a
// service, and the control plane at a mail server that wants a sign-in.
func (c Config) shows(role string) bool {
	return c.outside() || role == "control" && c.Notify.User != ""
}

// credential reads a role's credential; it is the zero one where nothing asks
// for any.
func (c Config) credential(role string) (Credential, error) {
	if !c.shows(role) {
		return Credential{}, nil
	}
	return readCredential(c.Path("credentials", role+".json"))
}

// readCredential reads a credential file, which nobody but its owner may read.
func readCredential(path string) (Credential, error) {
	name := filepath.Base(path)
	f, err := os.Open(path)
	if err != nil {
		return Credential{}, ark.Faultf(ark.Unavailable, "the credential %s cannot be read", name).
			Do("docs/production.md says what each role needs; the file belongs to the role's user").Because(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Credential{}, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Credential{}, ark.Faultf(ark.Forbidden, "the credential %s may be read by others", name).Do("chmod 400 it")
	}
	var raw struct {
		VaultToken    string `json:"vault_token"`
		S3Access      string `json:"s3_access"`
		S3Secret      string `json:"s3_secret"`
		StorePassword string `json:"store_password"`
		ClientSecret  string `json:"client_secret"`
		SMTPPassword  string `json:"smtp_password"`
	}
	dec := json.NewDecoder(io.LimitReader(f, 1<<16))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&raw); err != nil {
		return Credential{}, ark.Faultf(ark.Invalid, "the credential %s is not what it should be", name).Do("docs/production.md shows its fields")
	}
	return Credential{VaultToken: identity.Secret(raw.VaultToken), S3Access: raw.S3Access, S3Secret: identity.Secret(raw.S3Secret),
		StorePassword: identity.Secret(raw.StorePassword), ClientSecret: identity.Secret(raw.ClientSecret), SMTPPassword: identity.Secret(raw.SMTPPassword)}, nil
}

// keyring opens the keys with a credential, unconfined.
func (c Config) keyring(cred Credential) (keys.Keyring, error) {
	if c.Vault.Address == "" {
		return local.Open(c.Path("keys"), time.Now)
	}
	client, err := c.vaultClient(cred)
	if err != nil {
		return nil, err
	}
	return vault.New(client, c.Vault.Prefix), nil
}

func (c Config) vaultClient(cred Credential) (*api.Client, error) {
	conf := api.DefaultConfig()
	conf.Address, conf.MaxRetries, conf.Timeout = c.Vault.Address, 4, 30*time.Second
	if conf.Error != nil {
		return nil, fmt.Errorf("configure Vault: %w", conf.Error)
	}
	client, err := api.NewClient(conf)
	if err != nil {
		return nil, fmt.Errorf("configure Vault: %w", err)
	}
	client.SetToken(string(cred.VaultToken))
	return client, nil
}

// backend opens the zones that rules name with a credential.
func (c Config) backend(ctx context.Context, cred Credential, rules objects.Rules) (objects.Backend, error) {
	if c.S3.Endpoint == "" {
		back, err := folder.Open(c.Path("objects"), rules, time.Now)
		return breakingBackend(back), err
	}
	back, err := s3.Open(ctx, c.s3(cred), rules, time.Now)
	return breakingBackend(back), err
}

func (c Config) s3(cred Credential) s3.Config {
	return s3.Config{Endpoint: c.S3.Endpoint, Region: c.S3.Region, Prefix: c.S3.Prefix, Insecure: c.S3.Insecure, Access: cred.S3Access, Secret: string(cred.S3Secret)}
}

// initOutside makes the keyring and the object store of a new Ark, where they
// are to be, and returns both.
func (c Config) initOutside(ctx context.Context, cred Credential) (keys.Keyring, objects.Backend, error) {
	if c.Vault.Address == "" {
		if err := local.Init(c.Path("keys")); err != nil {
			return nil, nil, err
		}
	} else {
		client, err := c.vaultClient(cred)
		if err == nil {
			err = vault.Init(ctx, client, c.Vault.Prefix)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	var err error
	if c.S3.Endpoint == "" {
		err = folder.Init(c.Path("objects"), objects.DefaultRules())
	} else {
		err = s3.Init(ctx, c.s3(cred), objects.DefaultRules())
	}
	if err != nil {
		return nil, nil, err
	}
	kr, err := c.keyring(cred)
	if err != nil {
		return nil, nil, err
	}
	back, err := c.backend(ctx, cred, objects.DefaultRules())
	return kr, back, err
}

// takeCredentials copies the roles' credentials into the Ark's folder; the
// founder's stays where it is.
func (c Config) takeCredentials(from string, roles []string) error {
	if err := os.MkdirAll(c.Path("credentials"), 0o711); err != nil {
		return err
	}
	for _, role := range roles {
		if _, err := readCredential(filepath.Join(from, role+".json")); err != nil {
			return err
		}
		text, err := os.ReadFile(filepath.Join(from, role+".json"))
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.Path("credentials", role+".json"), text, 0o400); err != nil {
			return err
		}
	}
	return nil
}

// issuerURL names the provider that users sign in at, exactly.
func (c Config) issuerURL() string {
	if c.Identity.Issuer != "" {
		return c.Identity.Issuer
	}
	return c.sub("id")
}

// issuerOrigin is the origin of the provider's pages.
func (c Config) issuerOrigin() string {
	u, err := url.Parse(c.issuerURL())
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
