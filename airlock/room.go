package airlock

import (
	"context"
	"embed"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/policies"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// Schema is the room's tables.
func Schema() store.Schema { return store.SchemaOf("airlock", schemaFiles) }

// Room does the room's work on a store. Checkpoint returns the ledger's
// current signed head, which releases carry.
type Room struct {
	St         *store.Store
	Checkpoint func(context.Context) (string, error)
	// Notify says that somebody sends notices; without it none are written.
	Notify bool

	// Data names the pinned extract of a request; nil: outputs are judged by
	// what they show alone.
	Data func(ctx context.Context, q store.Querier, extract string) (Data, error)

	machine, standing, run, published policies.Machine
	automatic                         policies.Automatic
}

// New returns the room.
func New(st *store.Store, checkpoint func(context.Context) (string, error)) *Room {
	return &Room{St: st, Checkpoint: checkpoint, machine: policies.MustMachine("request"), standing: policies.MustMachine("standing"), run: policies.MustMachine("run"), published: policies.MustMachine("published"), automatic: mustAutomatic()}
}

// Loaders read the room's entities for decisions.
func Loaders() map[string]store.Loader {
	return map[string]store.Loader{"Request": loadRequest, "Release": loadRelease, "Standing": loadStanding}
}

func loadRequest(ctx context.Context, q store.Querier, id string) (store.Entity, error) {
	if m, ok := ctx.Value(memoKey{}).(*memo); ok {
		if d, ok := m.lines[id]; ok {
			return m.entity(ctx, q, d)
		}
	}
	r, err := requests.Get(ctx, q, id)
	if err != nil {
		return store.Entity{}, err
	}
	e, err := governance.LoadProject(ctx, q, r.Project)
	if err != nil {
		return store.Entity{}, err
	}
	humans := e.Attrs["humans"].([]string)
	author, err := governance.GetUser(ctx, q, r.Author)
	if err != nil {
		return store.Entity{}, err
	}
	// The author is kept among the humans even after leaving the project.
	humans = append(humans, author.Human)
	for _, id := range r.Former {
		u, err := governance.GetUser(ctx, q, id)
		if err != nil {
			return store.Entity{}, err
		}
		humans = append(humans, u.Human)
	}
	e.Attrs["author"], e.Attrs["humans"], e.Attrs["state"] = r.Author, humans, r.State
	e.Attrs["arbiter"], e.Attrs["signers"], e.Attrs["waiveOrgs"] = "", []string{}, []string{}
	switch r.State {
	case "appealed":
		e.Attrs["arbiter"] = r.Appeals[len(r.Appeals)-1].Arbiter
	case "reviewed":
		e.Attrs["signers"] = slices.Clone(r.NeedSigns)
	case "contested":
		e.Attrs["waiveOrgs"] = slices.Clone(r.contest().Need)
	}
	return e, nil
}

func loadRelease(ctx context.Context, q store.Querier, id string) (store.Entity, error) {
	r, err := releases.Get(ctx, q, id)
	if err != nil {
		return store.Entity{}, err
	}
	e, err := governance.LoadProject(ctx, q, r.Project)
	if err != nil {
		return store.Entity{}, err
	}
	e.Attrs["recipients"], e.Attrs["frozen"], e.Attrs["downloadUntil"] = r.Recipients, r.Frozen, r.DownloadUntil.Unix()
	return e, nil
}

// move changes the state of r, if the machine allows it.
func (x *Room) move(tx *store.Tx, r *Request, to, action string) error {
	if x.machine.Move(r.State, to, action) != nil {
		return x.refusal(r)
	}
	if reviewable(r.State) && (to == "returned" || to == "approved" || to == "rejected") {
		r.ended = to
	}
	r.moved, r.notify = append(r.moved, [2]string{r.State, to}), x.Notify
	r.State, r.StateSince = to, tx.Now()
	return nil
}

// refusal says that the request's state does not allow an act. How far checkers
// are in the independent phase shows here as little as in a view.
func (x *Room) refusal(r *Request) error {
	state, _ := r.shown(nil)
	return x.machine.Refusal(state)
}

func resource(id string) store.Resource { return store.Resource{Type: "Request", ID: id} }

// event speaks of a request by ids and ordinals only.
func (r *Request) event(kind string, body any) store.Event {
	return store.Event{Type: kind, Project: r.Project, Subjects: []string{r.ID, r.Project}, Body: body}
}

// blindEvent is an act of a checker that would tell the other checkers, or the
// author, how far a review is. Everybody may read the ledger's leaves, so its
// leaf says only that something was done in the airlock; what, and on which
// request, is in the sealed body for auditors.
func (r *Request) blindEvent(kind string, detail any) store.Event {
	return store.Event{Type: "airlock.act", Body: map[string]any{"act": kind, "request": r.ID, "detail": detail}}
}

func (r *Request) file(id string) (*File, error) {
	for i := range r.Files {
		if r.Files[i].ID == id {
			return &r.Files[i], nil
		}
	}
	return nil, ark.Faultf(ark.Unknown, "this request has no such file")
}
