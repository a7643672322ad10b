package catalogue

import (
	"context"
	"embed"

	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/policies"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// Schema is the room's tables.
func Schema() store.Schema { return store.SchemaOf("catalogue", schemaFiles) }

// Room does the room's work on a store. Trial refuses sources that are not
// declared synthetic or public.
type Room struct {
	St    *store.Store
	Trial bool
	// Who says which human being a user is and whose organisation they are of.
	Who func(ctx context.Context, q store.Querier, user string) (human, org string, err error)
	// Extracts freezes and recuts extracts when a delivery is recalled. The room
	// of extracts sets it.
	Extracts Extracts

	delivery, linkage, version, pair policies.Machine
}

// New returns the room.
func New(st *store.Store, trial bool) *Room {
	return &Room{St: st, Trial: trial, delivery: policies.MustMachine("delivery"), linkage: policies.MustMachine("linkage"), version: policies.MustMachine("version"), pair: policies.MustMachine("pair")}
}

// Loaders read the room's entities for decisions.
func Loaders() map[string]store.Loader {
	return map[string]store.Loader{"Source": loadSource, "Delivery": loadDelivery, "Dataset": loadDataset, "Pair": loadPair, "Version": loadVersion}
}

func loadSource(ctx context.Context, q store.Querier, id string) (store.Entity, error) {
	s, err := sources.Get(ctx, q, id)
	if err != nil {
		return store.Entity{}, err
	}
	return store.Entity{Attrs: map[string]any{"orgs": []string{s.Org}}}, nil
}

func loadDelivery(ctx context.Context, q store.Querier, id string) (store.Entity, error) {
	d, err := deliveries.Get(ctx, q, id)
	if err != nil {
		return store.Entity{}, err
	}
	return loadSource(ctx, q, d.Source)
}

func loadDataset(ctx context.Context, q store.Querier, id string) (store.Entity, error) {
	d, err := datasets.Get(ctx, q, id)
	if err != nil {
		return store.Entity{}, err
	}
	return store.Entity{Attrs: map[string]any{"orgs": d.Orgs}}, nil
}
