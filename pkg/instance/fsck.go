package instance

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // database/sql driver "pgx"
	_ "modernc.org/sqlite"             // database/sql driver "sqlite"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue/publish"
	"github.com/ark-tre/ark/pkg/fsck"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/ledger"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/policies"
	"github.com/ark-tre/ark/workspace/cut"
)

// Fsck reads the whole Ark, as the owner of the box who can be every role, and
// says where its parts disagree. With mend it removes leftovers of crashes.
func Fsck(ctx context.Context, c Config, mend bool) (fsck.Report, error) {
	roles, stores, err := c.everyRole(ctx)
	if err != nil {
		return fsck.Report{}, err
	}
	db, err := c.database(roles["control"].credential)
	if err != nil {
		return fsck.Report{}, err
	}
	defer db.Close()
	bodies, err := roles["control"].bodies(ctx)
	if err != nil {
		return fsck.Report{}, err
	}
	temp, err := os.MkdirTemp("", "ark-fsck-")
	if err != nil {
		return fsck.Report{}, err
	}
	defer os.RemoveAll(temp)
	in := fsck.Ark{DB: db, Stores: stores, Body: bodies.Open, Now: time.Now, Temp: temp, Mend: mend, Ledger: roles["control"].exportLedger,
		ProjectKey: func(ctx context.Context, project string) (string, error) {
			return projectKey(ctx, roles["publish"].Keys, project)
		}}
	if c.Vault.Address == "" {
		in.ProjectKeys, in.VersionKeys = c.projectKeys, c.versionKeys
	}
	if c.canIsolate() == "" {
		in.Enclave = c.onHost
	}
	return fsck.Check(ctx, in)
}

// everyRole opens every role, and the stores by the zones that they reach.
func (c Config) everyRole(ctx context.Context) (map[string]*Role, map[objects.Zone][]*objects.Store, error) {
	grants, err := policies.LoadGrants()
	if err != nil {
		return nil, nil, err
	}
	roles := map[string]*Role{}
	stores := map[objects.Zone][]*objects.Store{}
	for _, name := range roleNames(grants) {
		if roles[name], err = OpenRole(ctx, c, name); err != nil {
			return nil, nil, err
		}
		for _, z := range roles[name].Grant.Zones {
			stores[z] = append(stores[z], roles[name].Objects)
		}
	}
	return roles, stores, nil
}

// database opens the metadata for reading, past the store.
func (c Config) database(cred Credential) (*sql.DB, error) {
	kind, rest, _ := strings.Cut(c.dsn(cred), ":")
	if kind == "sqlite" {
		return sql.Open("sqlite", "file:"+rest+"?mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(10000)")
	}
	return sql.Open("pgx", c.dsn(cred))
}

func (r *Role) exportLedger(ctx context.Context, dir string) (string, error) {
	l, err := ledger.Open(ctx, ledger.Config{Tiles: ledger.InStore(r.Objects), Keys: r.Keys, Key: ledgerKey, Origin: r.Config.ledgerOrigin()})
	if err != nil {
		return "", fmt.Errorf("open the ledger: %w", err)
	}
	if _, err := l.Export(ctx, dir); err != nil {
		return "", err
	}
	return l.VerifierKey(ctx)
}

// projectKey says what became of a project's key, by trying to use it.
func projectKey(ctx context.Context, kr keys.Keyring, project string) (string, error) {
	secret, _, err := kr.NewDataKey(ctx, cut.ProjectKey(project))
	switch {
	case err == nil:
		secret.Wipe()
		return "live", nil
	case ark.Is(err, ark.Lapsed):
		return "destroyed", nil
	case ark.Is(err, ark.Unknown):
		return "", nil
	}
	return "", err
}

func (c Config) projectKeys(ctx context.Context) ([]string, error) {
	kr, err := c.keyring(Credential{})
	if err != nil {
		return nil, err
	}
	all, err := kr.List(ctx, keys.Project)
	var out []string
	for _, k := range all {
		out = append(out, k.Name.Local())
	}
	return out, err
}

// versionKeys are the versions that have keys of their own, and whether each is
// destroyed.
func (c Config) versionKeys(ctx context.Context) (map[string]bool, error) {
	kr, err := c.keyring(Credential{})
	if err != nil {
		return nil, err
	}
	all, err := kr.List(ctx, keys.Versions)
	out := map[string]bool{}
	for _, k := range all {
		if k.Name != publish.VersionsKey {
			out[k.Name.Local()] = k.Destroyed
		}
	}
	return out, err
}

// onHost lists what of workspaces is on this host, from the file system and
// the kernel: the daemon is not asked.
func (c Config) onHost(context.Context) (fsck.Enclave, error) {
	names := func(suffix string, path ...string) []string {
		entries, err := os.ReadDir(filepath.Join(path...))
		var out []string
		for _, e := range entries {
			if id, ok := strings.CutSuffix(e.Name(), suffix); err == nil && ok && strings.HasPrefix(id, string(ark.PrefixWorkspace)+"_") {
				out = append(out, id)
			}
		}
		return out
	}
	run := c.enclaveRun()
	out := fsck.Enclave{Volumes: names(".img", c.Path("workspaces"), "volumes"), Records: names(".json", c.Path("workspaces"), "records"), Sandboxes: names("", run, "runtime", "runc")}
	if conn, err := net.Dial("unix", c.socket("enclaved")); err == nil {
		out.Up = conn.Close() == nil
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return out, err
	}
	for _, line := range strings.Split(string(mounts), "\n") {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		rest, ok := strings.CutPrefix(f[1], filepath.Join(run, "ws")+"/")
		if id, _, _ := strings.Cut(rest, "/"); ok && !slices.Contains(out.Mounts, id) {
			out.Mounts = append(out.Mounts, id)
		}
	}
	return out, nil
}

// Projection is the end state of the Ark without what differs between two Arks
// that did the same.
func Projection(ctx context.Context, c Config) (string, error) {
	roles, stores, err := c.everyRole(ctx)
	if err != nil {
		return "", err
	}
	db, err := c.database(roles["control"].credential)
	if err != nil {
		return "", err
	}
	defer db.Close()
	return fsck.Projection(ctx, db, stores)
}
