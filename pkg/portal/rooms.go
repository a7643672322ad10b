package portal

import (
	"context"
	"crypto/ed25519"
	"io"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/ingress"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/ledger"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/portal/viewer"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
	"github.com/ark-tre/ark/workspace/enclave"
	"github.com/ark-tre/ark/workspace/trace"
	"github.com/ark-tre/ark/workspace/volume"
)

// Rooms are the rooms whose functions the portal calls. Those that are
// interfaces may be nil where this host lacks the part: the pages say so and
// refuse what needs it.
type Rooms struct {
	Catalogue  *catalogue.Room
	Governance *governance.Room
	Workspaces *workspace.Room
	Airlock    *airlock.Room
	Ingress    *ingress.Room
	Traces     *trace.Room
	Objects    Objects
	Ledger     Ledger  // may be nil
	Enclave    Enclave // may be nil
	Outputs    Outputs // may be nil
	// ReleaseKey is the public key that releases are verified with. May be nil.
	ReleaseKey func(ctx context.Context) (ed25519.PublicKey, error)
	// Enter lets a user into a workspace: it returns an address that works
	// once, within seconds. May be nil.
	Enter func(workspace, user, session string) (string, error)
	// Shown returns how many bytes a workspace has sent to browsers in the
	// meter's window, and how many it may. May be nil.
	Shown func(workspace string) (used, budget int64)
}

// Ledger is the public log as the pages show it.
type Ledger interface {
	Checkpoint(ctx context.Context) (ledger.Checkpoint, error)
	ProveEntry(ctx context.Context, index int64) (ledger.EntryProof, error)
	VerifierKey(ctx context.Context) (string, error)
	// Tile returns a tile, an entry bundle or the checkpoint by its C2SP path.
	Tile(ctx context.Context, path string) ([]byte, error)
}

// Enclave is what the pages ask the enclave daemon.
type Enclave interface {
	Probe(ctx context.Context) error
	Status(ctx context.Context, workspace string) (enclave.Info, error)
	Usage(ctx context.Context, workspace string) (enclave.Usage, error)
	ListOutbox(ctx context.Context, workspace string) ([]volume.Entry, error)
}

// Outputs is the airlock worker's side of files: the portal holds no key of
// theirs.
type Outputs interface {
	// Pin copies the named files out of a workspace's outbox into the zone of
	// outputs and returns what their bytes hash to, in the order of the names.
	Pin(ctx context.Context, project, workspace string, names []string) ([]objects.Ref, error)
	// Take seals a file that a user wants brought in, and says what it hashes to.
	Take(ctx context.Context, project string, r io.Reader) (objects.Ref, error)
	// Look returns a small file of the outbox without keeping it: what its
	// author's own form is filled in from.
	Look(ctx context.Context, ws, name string, most int64) ([]byte, error)
	// Open returns the verified bytes of a submitted file, for the viewer.
	Open(ctx context.Context, project string, ref objects.Ref) (io.ReadCloser, error)
	// Pages draws pages of a submitted PDF, from the one numbered from on.
	Pages(ctx context.Context, ref objects.Ref, from int) (viewer.Drawn, error)
}

// Objects is the little of the object store that the portal uses: it lands
// what data engineers deliver and hands out what was released. It has no key of
// the zones in between.
type Objects interface {
	// Land writes the bytes of r into the landing zone, encrypted, and returns
	// their ref. It is durable when it returns. The same bytes twice are one object.
	Land(ctx context.Context, source, name string, r io.Reader) (objects.Ref, error)
	// LandList writes a list of people, as it came, into the lists zone, encrypted.
	LandList(ctx context.Context, kind string, r io.Reader) (objects.Ref, error)
	// Open returns the verified bytes of an object of the public or the
	// releases zone; reading from the result fails if they are not what ref says.
	Open(ctx context.Context, ref objects.Ref) (io.ReadCloser, error)
}

// view reads metadata for this call.
func (c *Call) view(fn func(q store.Querier) error) error { return c.p.cfg.Store.View(c.Ctx(), fn) }

// directory is the names of users and organisations, to show in the place of
// ids. It is read once per page.
type directory struct {
	users map[string]governance.User
	orgs  map[string]governance.Organisation
}

func readDirectory(ctx context.Context, q store.Querier) (*directory, error) {
	us, err := governance.Users(ctx, q)
	if err != nil {
		return nil, err
	}
	os, err := governance.Organisations(ctx, q)
	if err != nil {
		return nil, err
	}
	d := &directory{users: make(map[string]governance.User, len(us)), orgs: make(map[string]governance.Organisation, len(os))}
	for _, u := range us {
		d.users[u.ID] = u
	}
	for _, o := range os {
		d.orgs[o.ID] = o
	}
	return d, nil
}

// user is the name of a user.
func (d *directory) user(id string) string {
	if u, ok := d.users[id]; ok {
		return u.Name
	}
	return "somebody whose account is gone"
}

// org is the name of an organisation.
func (d *directory) org(id string) string {
	if o, ok := d.orgs[id]; ok {
		return o.Name
	}
	return "an organisation that is gone"
}

func (d *directory) userNames(ids []string) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = d.user(id)
		if u, ok := d.users[id]; ok {
			out[i] += ", " + d.org(u.Org)
		}
	}
	return out
}

func (d *directory) orgNames(ids []string) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = d.org(id)
	}
	return out
}

// actor is who did a recorded act, in people's words.
func (d *directory) actor(name string) string {
	switch {
	case name == "nobody" || name == "":
		return "Somebody not signed in"
	case len(name) > 7 && name[:7] == "system:":
		return "This Ark"
	default:
		return d.user(name)
	}
}
