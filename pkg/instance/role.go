package instance

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/attest"
	"github.com/ark-tre/ark/pkg/catalogue/publish"
	"github.com/ark-tre/ark/pkg/engine"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/ledger"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/work"
	"github.com/ark-tre/ark/pkg/worker"
	"github.com/ark-tre/ark/policies"
	"github.com/ark-tre/ark/workspace/enclave"
)

// Role is one role's view of an Ark: keys and objects within its grant.
type Role struct {
	Name    string
	Config  Config
	Grant   policies.Grant
	Keys    keys.Keyring
	Objects *objects.Store

	credential Credential
}

// OpenRole opens the Ark's keys and objects as far as a role's grant goes.
func OpenRole(ctx context.Context, c Config, name string) (*Role, error) {
	grants, err := policies.LoadGrants()
	if err != nil {
		return nil, err
	}
	g, ok := grants[name]
	if !ok {
		return nil, ark.Faultf(ark.Invalid, "there is no role %q", name).Do("use one of policies/grants.yaml")
	}
	cred, err := c.credential(name)
	if err != nil {
		return nil, err
	}
	kr, err := c.keyring(cred)
	if err != nil {
		return nil, err
	}
	rules := objects.Rules{}
	for z, r := range objects.DefaultRules() {
		if slices.Contains(g.Zones, z) {
			rules[z] = r
		}
	}
	back, err := c.backend(ctx, cred, rules)
	if err != nil {
		return nil, err
	}
	confined := keys.Confine(breakAsks().keys(name, kr), g.Keys)
	return &Role{Name: name, Config: c, Grant: g, credential: cred, Keys: confined, Objects: objects.New(back, confined, rules)}, nil
}

// Enclave is a client of the enclave daemon of this Ark.
func (c Config) Enclave() *enclave.Client {
	return enclave.NewClient(c.socket("enclaved")).Through(breakAsks().enclave)
}

// RunWorker runs a worker's role until ctx ends.
func RunWorker(ctx context.Context, c Config, name string, log *slog.Logger) error {
	r, err := OpenRole(ctx, c, name)
	if err != nil {
		return err
	}
	bench := worker.Bench{Objects: r.Objects, Keys: r.Keys, Tmp: c.Path("tmp", name), Trial: c.Trial != "",
		Engine: engine.Runner{Program: c.program("ark-engine")}, Inspect: c.inspector(), Known: &worker.KnownSets{}, Enclave: c.Enclave(), Limits: c.limits(),
		Check: worker.Check{Mailbox: c.OptOuts.Mailbox, To: c.OptOuts.To, Outbox: c.OptOuts.Outbox}}
	kinds, ok := bench.Roles()[name]
	if !ok {
		return ark.Faultf(ark.Invalid, "the role %q does no jobs", name)
	}
	if opens := openable(name); opens != nil {
		l, err := listen(c.socket(name))
		if err != nil {
			return err
		}
		var draw drawer
		if name == "airlock" {
			draw = worker.NewPages(bench).Draw
		}
		go serveObjects(ctx, l, r.Objects, opens, draw, mayOpen(), log)
	}
	go func() { _ = r.tidy(ctx, log) }() // it ends with ctx
	w := work.Worker{Queue: breakingQueue(work.Dial(c.socket("control"))), Role: name, Owner: fmt.Sprintf("%s:%d:%d", name, os.Getpid(), time.Now().UnixNano()),
		Kinds: kinds, Log: log, Idle: 150 * time.Millisecond, Fail: work.Failpoint{File: os.Getenv(failpointEnv)}, Every: testLease() / 4}
	return w.Run(ctx)
}

// listen opens a Unix socket that anybody may connect to and whose server asks
// the kernel who did.
func listen(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	return l, os.Chmod(path, 0o666)
}

// roleOfUser says which role a user id runs as; "*" where we are not root and
// every role is the same user.
func roleOfUser() func(uint32) string {
	grants, err := policies.LoadGrants()
	if err != nil {
		return func(uint32) string { return "" }
	}
	ids := identityTable(grants)
	self := uint32(os.Getuid())
	return func(uid uint32) string {
		if ids == nil && uid == self {
			return "*"
		}
		return ids[uid]
	}
}

// Manifest reads a version's manifest, whose objects' names begin with prefix,
// and checks its signature.
func (r *Role) Manifest(ctx context.Context, prefix string) (publish.Manifest, error) {
	var m publish.Manifest
	ref, err := r.Objects.Stat(ctx, objects.Versions, prefix+"manifest.json")
	if err != nil {
		return m, err
	}
	signed, err := r.Objects.Get(ctx, ref)
	if err != nil {
		return m, err
	}
	key, err := r.Keys.Public(ctx, publish.SigningKey)
	if err != nil {
		return m, err
	}
	payload, err := attest.Verify(ctx, signed, publish.ManifestType, key)
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(payload, &m)
}

// LedgerKey is the ledger's public key, as a line for verifying.
func (r *Role) LedgerKey(ctx context.Context) (string, error) {
	l, err := ledger.Open(ctx, ledger.Config{Tiles: ledger.InStore(r.Objects), Keys: r.Keys, Key: ledgerKey, Origin: r.Config.ledgerOrigin()})
	if err != nil {
		return "", err
	}
	return l.VerifierKey(ctx)
}
