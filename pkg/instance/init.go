package instance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue/publish"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/keys/local"
	"github.com/ark-tre/ark/pkg/ledger"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/folder"
	"github.com/ark-tre/ark/pkg/worker"
	"github.com/ark-tre/ark/policies"
	"github.com/ark-tre/ark/workspace/cut"
)

// Keys of the control plane.
const (
	ledgerKey = keys.Name("ledger/log")
	bodiesKey = keys.Name("bodies/acts")
)

// standing are the keys that every Ark has from its first day.
var standing = []keys.Name{worker.LandingKey, worker.IdentifiersKey, worker.PayloadKey, worker.IndexKey, worker.OutputsKey,
	worker.RecordsKey, worker.PersonsKey, worker.ReleaseKey, publish.DomainKey, publish.VersionsKey, publish.SigningKey,
	cut.SidecarKey, worker.ContributorsKey, worker.ListsKey, ledgerKey, bodiesKey}

// Init makes a new Ark in dir, which must not hold one: its folders, keys,
// object store and ledger, and its configuration. It is the one place where any
// of these come into being; a half-made Ark is not an Ark, and Init refuses it.
// credentials is the folder of the roles' credentials and the founder's, where
// the configuration names services; "" otherwise.
func Init(ctx context.Context, dir string, c Config, credentials string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "config.yaml")); err == nil {
		return ark.Faultf(ark.Conflict, "there is an Ark in %s already", dir).Do("start it, or remove it first")
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return ark.Faultf(ark.Conflict, "%s is not empty and holds no whole Ark: an earlier start was interrupted", dir).Do("remove it and start again; make demo-reset does so")
	}
	c.dir = dir
	if err := c.check(); err != nil {
		return err
	}
	for _, d := range []string{"", "db", "run", "tmp", "log", "identity", "workspaces"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return fmt.Errorf("make the Ark's folders: %w", err)
		}
	}
	cred := Credential{}
	if c.outside() {
		g, err := policies.LoadGrants()
		if err != nil {
			return err
		}
		if err := c.takeCredentials(credentials, roleNames(g)); err != nil {
			return err
		}
		if cred, err = readCredential(filepath.Join(credentials, founder+".json")); err != nil {
			return err
		}
	}
	kr, back, err := c.initOutside(ctx, cred)
	if err != nil {
		return err
	}
	for _, k := range standing {
		if err := kr.Create(ctx, k); err != nil {
			return err
		}
	}
	st := objects.New(back, kr, objects.DefaultRules())
	if _, err := ledger.Create(ctx, ledger.Config{Tiles: ledger.InStore(st), Keys: kr, Key: ledgerKey, Origin: c.ledgerOrigin()}); err != nil {
		return err
	}
	text, err := yaml.Marshal(c)
	if err != nil {
		return err
	}
	// The configuration comes last: with it there is an Ark.
	return os.WriteFile(filepath.Join(dir, "config.yaml"), text, 0o644)
}

// ledgerOrigin is the log's name for ever.
func (c Config) ledgerOrigin() string { return c.host() + "/ledger" }

// Layout gives every role its part of the folder. It runs as root before any
// role starts, and may be repeated; without root it does nothing.
func (c Config) Layout() error {
	g, err := policies.LoadGrants()
	if err != nil {
		return err
	}
	ids := identities(g)
	for _, role := range roleNames(g) {
		if err := os.MkdirAll(c.Path("tmp", role), 0o700); err != nil {
			return err
		}
		if err := os.MkdirAll(c.Path("run", role), 0o755); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(c.Path("run", "enclaved"), 0o755); err != nil {
		return err
	}
	if ids == nil {
		return nil
	}
	if c.S3.Endpoint == "" {
		if err := folder.Layout(c.Path("objects"), objects.DefaultRules(), zoneGroups()); err != nil {
			return err
		}
	}
	if c.Vault.Address == "" {
		if err := local.Layout(c.Path("keys"), classGroups()); err != nil {
			return err
		}
	}
	for role, id := range ids {
		if err := own(c.Path("tmp", role), id.uid, 0o700); err != nil {
			return err
		}
		if err := own(c.Path("run", role), id.uid, 0o755); err != nil {
			return err
		}
		if !c.shows(role) {
			continue
		}
		if err := own(c.Path("credentials", role+".json"), id.uid, 0o400); err != nil {
			return err
		}
	}
	if err := c.ownCopies(); err != nil {
		return err
	}
	for _, d := range []string{"db", "identity"} {
		if err := own(c.Path(d), ids["control"].uid, 0o700); err != nil {
			return err
		}
	}
	return os.Chmod(c.Path("workspaces"), 0o711)
}

// own gives a folder and what is in it to a user.
func own(dir string, uid uint32, mode os.FileMode) error {
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(uid), int(uid))
	})
	if err != nil {
		return err
	}
	return os.Chmod(dir, mode)
}
