package instance

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/ingress"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/ledger"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/pkg/work"
	"github.com/ark-tre/ark/policies"
	"github.com/ark-tre/ark/workspace"
	"github.com/ark-tre/ark/workspace/enclave"
	"github.com/ark-tre/ark/workspace/trace"
)

// Control is the control plane: the only opener of the database.
type Control struct {
	*Role
	Store      *store.Store
	Access     *policies.Access
	Catalogue  *catalogue.Room
	Governance *governance.Room
	Workspaces *workspace.Room
	Airlock    *airlock.Room
	Ingress    *ingress.Room
	Traces     *trace.Room
	Log        *ledger.Log
	Enclave    *enclave.Client
	Slog       *slog.Logger
}

// OpenControl opens the control plane of an Ark.
func OpenControl(ctx context.Context, c Config, log *slog.Logger) (*Control, error) {
	return openControl(ctx, c, log, false)
}

// openControl is OpenControl; settled: beside another that may be at work.
func openControl(ctx context.Context, c Config, log *slog.Logger, settled bool) (*Control, error) {
	role, err := OpenRole(ctx, c, "control")
	if err != nil {
		return nil, err
	}
	ctl := &Control{Role: role, Slog: log, Enclave: c.Enclave()}
	if ctl.Access, err = policies.LoadAccess(); err != nil {
		return nil, err
	}
	bodies, err := role.bodies(ctx)
	if err != nil {
		return nil, err
	}
	loaders := map[string]store.Loader{}
	for _, l := range []map[string]store.Loader{governance.Loaders(), catalogue.Loaders(), workspace.Loaders(), airlock.Loaders(), ingress.Loaders(), trace.Loaders()} {
		maps.Copy(loaders, l)
	}
	ctl.Store, err = store.Open(ctx, store.Config{DSN: c.dsn(role.credential), Decider: ctl.Access, Bodies: bodies, Entities: loaders, Commit: breakCommits().commit, Retry: testLease() / 10, Tries: testTries(), Settled: settled,
		Schemas: []store.Schema{governance.Schema(), catalogue.Schema(), workspace.Schema(), airlock.Schema(), ingress.Schema(), trace.Schema()}})
	if err != nil {
		return nil, err
	}
	if ctl.Log, err = ledger.Open(ctx, ledger.Config{Tiles: ledger.InStore(role.Objects), Keys: role.Keys, Key: ledgerKey, Origin: c.ledgerOrigin()}); err != nil {
		ctl.Store.Close()
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	ctl.Catalogue = catalogue.New(ctl.Store, c.Trial != "")
	ctl.Catalogue.Who = governance.Human
	ctl.Governance = governance.New(ctl.Store, ctl.Catalogue, ctl.head)
	ctl.Workspaces = workspace.New(ctl.Store, ctl.Catalogue, ctl.Governance)
	ctl.Airlock = airlock.New(ctl.Store, ctl.head)
	ctl.Traces = trace.New(ctl.Store)
	ctl.Airlock.Notify = c.Notify.on()
	ctl.Airlock.Data = extractData
	ctl.Ingress = ingress.New(ctl.Store)
	ctl.Ingress.Notify = ctl.Airlock.Notify
	ctl.Ingress.Data = extractData
	return ctl, nil
}

// Close closes the database.
func (c *Control) Close() error { return c.Store.Close() }

// head is the ledger's signed head, as permits and releases carry it.
func (c *Control) head(ctx context.Context) (string, error) {
	h, err := c.Log.Checkpoint(ctx)
	if err != nil {
		return "", err
	}
	return string(h.Note), nil
}

// RunParts runs what the control plane does beside answering browsers, until
// ctx ends: the sequencer of the ledger, the queue of the workers, its own
// jobs, and the reconciler of workspaces.
func (c *Control) RunParts(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	queue := work.Local{St: c.Store, Kinds: c.kinds(), LeaseFor: testLease()}
	l, err := listen(c.Config.socket("control"))
	if err != nil {
		return err
	}
	parts := []func() error{
		func() error {
			return (&ledger.Sequencer{Log: c.Log, Outbox: store.Outbox{Store: c.Store}, Every: 500 * time.Millisecond, Logger: c.Slog}).Run(ctx)
		},
		func() error { return work.Serve(ctx, l, queue, roleOfUser(), c.Slog) },
		func() error {
			w := work.Worker{Queue: queue, Role: "control", Owner: fmt.Sprintf("control:%d", time.Now().UnixNano()), Kinds: c.steps(), Log: c.Slog, Idle: 150 * time.Millisecond}
			return w.Run(ctx)
		},
		func() error { return c.reconcile(ctx) },
		func() error { return c.tell(ctx) },
		func() error { return c.keep(ctx) },
		func() error { return c.tidy(ctx, c.Slog) },
	}
	done := make(chan error, len(parts))
	for _, p := range parts {
		go func() { done <- p() }()
	}
	var first error
	for range parts {
		err := <-done
		if first == nil && err != nil && !errors.Is(err, context.Canceled) {
			first = err
		}
		stop() // one part gone: the rest must not go on without it
	}
	return first
}

// sealer seals bodies of recorded acts under a key of the control plane.
type sealer struct{ aead cipher.AEAD }

func (r *Role) bodies(ctx context.Context) (store.Sealer, error) {
	key, err := r.Keys.Derive(ctx, bodiesKey, "bodies of recorded acts")
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	block, err := aes.NewCipher(key.Reveal())
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return sealer{aead}, err
}

// Seal implements store.Sealer.
func (s sealer) Seal(id string, plain []byte) (string, error) {
	nonce := make([]byte, s.aead.NonceSize())
	rand.Read(nonce)
	return base64.StdEncoding.EncodeToString(s.aead.Seal(nonce, nonce, plain, []byte(id))), nil
}

// Open implements store.Sealer.
func (s sealer) Open(id, sealed string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(raw) < s.aead.NonceSize() {
		return nil, ark.Faultf(ark.Internal, "the body of a recorded act is damaged")
	}
	plain, err := s.aead.Open(nil, raw[:s.aead.NonceSize()], raw[s.aead.NonceSize():], []byte(id))
	if err != nil {
		return nil, ark.Faultf(ark.Internal, "the body of a recorded act is damaged").Because(err)
	}
	return plain, nil
}
