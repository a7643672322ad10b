package workspace

import (
	"context"
	"embed"

	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/policies"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// Schema is the room's tables.
func Schema() store.Schema { return store.SchemaOf("workspace", schemaFiles) }

// Room does the room's work on a store.
type Room struct {
	St         *store.Store
	Catalogue  *catalogue.Room
	Governance *governance.Room

	machine, extract, subscription policies.Machine
}

// New returns the room.
func New(st *store.Store, cat *catalogue.Room, gov *governance.Room) *Room {
	r := &Room{St: st, Catalogue: cat, Governance: gov, machine: policies.MustMachine("workspace"), extract: policies.MustMachine("extract"), subscription: policies.MustMachine("subscription")}
	if cat != nil {
		cat.Extracts = r
	}
	return r
}

// Loaders read the room's entities for decisions.
func Loaders() map[string]store.Loader {
	return map[string]store.Loader{"Workspace": loadWorkspace}
}

func loadWorkspace(ctx context.Context, q store.Querier, id string) (store.Entity, error) {
	w, err := workspaces.Get(ctx, q, id)
	if err != nil {
		return store.Entity{}, err
	}
	e, err := governance.LoadProject(ctx, q, w.Project)
	if err != nil {
		return store.Entity{}, err
	}
	for k, v := range map[string]any{"user": w.User, "state": w.State, "selfTest": w.SelfTest.Passed(),
		"project": w.Project, "permit": w.Permit, "extract": w.Extract} {
		e.Attrs[k] = v
	}
	return e, nil
}

func resource(id string) store.Resource { return store.Resource{Type: "Workspace", ID: id} }

// GetExtract returns an extract.
func GetExtract(ctx context.Context, q store.Querier, id string) (*Extract, error) {
	return extracts.Get(ctx, q, id)
}

// ExtractsOf returns a project's extracts, oldest first.
func ExtractsOf(ctx context.Context, q store.Querier, project string) ([]Extract, error) {
	return extracts.Where(ctx, q, "project = $1", project)
}

// Get returns a workspace.
func Get(ctx context.Context, q store.Querier, id string) (*Workspace, error) {
	return workspaces.Get(ctx, q, id)
}

// Of returns a project's workspaces that are not destroyed.
func Of(ctx context.Context, q store.Querier, project string) ([]Workspace, error) {
	return workspaces.Where(ctx, q, "project = $1 AND state <> 'destroyed'", project)
}

// OfUser returns a user's workspaces that are not destroyed.
func OfUser(ctx context.Context, q store.Querier, user string) ([]Workspace, error) {
	return workspaces.Where(ctx, q, "usr = $1 AND state <> 'destroyed'", user)
}

// All returns every workspace that is not destroyed.
func All(ctx context.Context, q store.Querier) ([]Workspace, error) {
	return workspaces.Where(ctx, q, "state <> 'destroyed'")
}
