package governance

import (
	"context"
	"embed"
	"math"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/policies"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// Schema is the room's tables.
func Schema() store.Schema { return store.SchemaOf("governance", schemaFiles) }

// Room does the room's work on a store. Checkpoint returns the ledger's
// current signed head, which permits carry.
type Room struct {
	St         *store.Store
	Catalogue  *catalogue.Room
	Checkpoint func(context.Context) (string, error)

	project policies.Machine
	review  policies.Machine
}

// New returns the room.
func New(st *store.Store, cat *catalogue.Room, checkpoint func(context.Context) (string, error)) *Room {
	return &Room{St: st, Catalogue: cat, Checkpoint: checkpoint,
		project: policies.MustMachine("project"), review: policies.MustMachine("review")}
}

// Loaders read the room's entities for decisions.
func Loaders() map[string]store.Loader {
	return map[string]store.Loader{"Ark": loadArk, "User": loadUser, "Organisation": loadOrganisation, "Project": LoadProject, "Review": loadReview}
}

func loadArk(ctx context.Context, q store.Querier, id string) (store.Entity, error) {
	var n int64
	if err := q.QueryRowContext(ctx, `SELECT COUNT(*) FROM users`).Scan(&n); err != nil {
		return store.Entity{}, err
	}
	return store.Entity{Attrs: map[string]any{"empty": n == 0}}, nil
}

func loadUser(ctx context.Context, q store.Querier, id string) (store.Entity, error) {
	u, err := users.Get(ctx, q, id)
	if err != nil {
		return store.Entity{}, err
	}
	roles := make([]string, len(u.Roles))
	for i, r := range u.Roles {
		roles[i] = string(r)
	}
	return store.Entity{Attrs: map[string]any{
		"roles": roles, "human": u.Human, "org": u.Org, "suspended": u.Suspended,
		"trainingUntil": u.TrainingUntil.Unix(), "termsUntil": u.TermsUntil.Unix(),
	}}, nil
}

func loadOrganisation(ctx context.Context, q store.Querier, id string) (store.Entity, error) {
	o, err := organisations.Get(ctx, q, id)
	if err != nil {
		return store.Entity{}, err
	}
	e, err := loadArk(ctx, q, id)
	if err != nil {
		return store.Entity{}, err
	}
	e.Attrs["orgs"] = []string{o.ID}
	return e, nil
}

// LoadProject reads a project for a decision: its people, the human beings
// behind them, the organisations concerned, and the permit in force. Rooms
// whose things belong to a project add to it.
func LoadProject(ctx context.Context, q store.Querier, id string) (store.Entity, error) {
	p, err := projects.Get(ctx, q, id)
	if err != nil {
		return store.Entity{}, err
	}
	humans, err := humansOf(ctx, q, p.Members)
	if err != nil {
		return store.Entity{}, err
	}
	attrs := map[string]any{
		"state": p.State, "projectState": p.State, "lead": p.Lead, "members": p.Members, "humans": humans, "orgs": p.Orgs,
		"permitUsers": []string{}, "permitFrom": int64(0), "permitUntil": int64(0),
	}
	if p.Permit != "" {
		permit, err := permits.Get(ctx, q, p.Permit)
		if err != nil {
			return store.Entity{}, err
		}
		named := make([]string, len(permit.Holders))
		for i, h := range permit.Holders {
			named[i] = h.User
		}
		attrs["permitUsers"], attrs["permitFrom"], attrs["permitUntil"] = named, permit.From.Unix(), permit.Until.Unix()
	}
	return store.Entity{Attrs: attrs}, nil
}

func loadReview(ctx context.Context, q store.Querier, id string) (store.Entity, error) {
	r, err := reviews.Get(ctx, q, id)
	if err != nil {
		return store.Entity{}, err
	}
	e, err := LoadProject(ctx, q, r.Project)
	if err != nil {
		return store.Entity{}, err
	}
	deciders, until := r.Deciders, int64(math.MaxInt64)
	if r.Delegation != "" {
		d, err := delegations.Get(ctx, q, r.Delegation)
		if err != nil {
			return store.Entity{}, err
		}
		if !d.Revoked.IsZero() {
			deciders = []string{r.Org} // revoked: back to the organisation itself
		}
		until = d.Until.Unix()
	}
	// From decidersUntil on the organisation decides for itself again.
	e.Attrs["deciders"], e.Attrs["decidersUntil"], e.Attrs["org"] = deciders, until, r.Org
	e.Attrs["state"], e.Attrs["lay"] = r.State, false
	return e, nil
}

// humansOf returns the humans behind users, each once.
func humansOf(ctx context.Context, q store.Querier, ids []string) ([]string, error) {
	var out []string
	seen := map[string]bool{}
	for _, id := range ids {
		u, err := users.Get(ctx, q, id)
		if err != nil {
			return nil, err
		}
		if !seen[u.Human] {
			seen[u.Human] = true
			out = append(out, u.Human)
		}
	}
	return out, nil
}

// required refuses an empty answer by its name on the form.
func required(field, value string) error {
	if value == "" {
		return ark.Faultf(ark.Invalid, "%s is missing", field).At("", 0, field).Do("fill it in")
	}
	return nil
}
