package airlock

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// PublishedTable is a table about a dataset's people that left elsewhere: in a
// paper, on an office's pages. New outputs are compared with its figures, as
// with those of releases.
type PublishedTable struct {
	ID         string    `json:"id"`
	State      string    `json:"state"`
	StateSince time.Time `json:"state_since"`
	Says       string    `json:"says,omitempty"` // why it was refused, or is to be taken back

	Title      string `json:"title"`
	Cited      string `json:"cited"`      // where it was published
	On         string `json:"on"`         // the day, YYYY-MM-DD
	Dataset    string `json:"dataset"`    // whose people it is about
	Unit       string `json:"unit"`       // what a figure counts
	Population string `json:"population"` // who or what is counted

	Name    string      `json:"name"` // of its file: table and the ending it came with
	File    objects.Ref `json:"file"`
	Figures int         `json:"figures,omitempty"` // that new outputs are compared with
	Sets    objects.Ref `json:"sets,omitzero"`     // the figures, for the airlock's worker alone

	Added       time.Time `json:"added"`
	By          string    `json:"by"`
	WithdrawnBy []string  `json:"withdrawn_by,omitempty"` // the two who took it back
}

var publishedTables = store.Docs[PublishedTable]{Table: "published_tables", Noun: "published table", Keys: []string{"state"},
	Of: func(p *PublishedTable) (string, []any) { return p.ID, []any{p.State} }}

func (p *PublishedTable) event(kind string, body any) store.Event {
	return store.Event{Type: kind, Subjects: []string{p.ID, p.Dataset}, Body: body}
}

// Limits of one published table.
const (
	MaxPublished        = 8 << 20 // bytes of its file
	MaxPublishedFigures = 100_000
)

// PublishedEndings are what the file of a published table may end in.
func PublishedEndings() []string { return []string{"csv", "tsv", "xlsx", "ods"} }

// Given is what an output checker says of a published table, with its file,
// which is pinned already.
type Given struct {
	Title      string
	Cited      string
	On         string
	Dataset    string
	Unit       string
	Population string
	Name       string
	File       objects.Ref
}

func (g Given) check(now time.Time) error {
	for _, x := range []struct{ field, text string }{{"title", g.Title}, {"cited", g.Cited}, {"unit", g.Unit}, {"population", g.Population}} {
		if strings.TrimSpace(x.text) == "" || len(x.text) > maxText {
			return ark.Faultf(ark.Invalid, "answer this in at most %d characters", maxText).At("", 0, x.field)
		}
	}
	day, err := time.Parse(time.DateOnly, g.On)
	switch {
	case err != nil:
		return ark.Faultf(ark.Invalid, "say on which day it was published").At("", 0, "on").Do("write it as 2026-03-31")
	case day.After(now):
		return ark.Faultf(ark.Invalid, "that day has not come").At("", 0, "on").Do("add the table when it has been published")
	case g.Name == "":
		return ark.Faultf(ark.Invalid, "choose the table's file").At("", 0, "file")
	case !slices.Contains(PublishedEndings(), ending(g.Name)):
		return ark.Faultf(ark.Invalid, "the file is of no type that tables are read from").At("", 0, "file").Do("give it as " + strings.Join(PublishedEndings(), ", "))
	case g.File.Zone != objects.Outputs || len(g.File.SHA256) != 64:
		return ark.Faultf(ark.Invalid, "the file is not pinned").At("", 0, "file")
	case g.File.Size > MaxPublished:
		return ark.Faultf(ark.TooMuch, "the file is larger than %d MB", MaxPublished>>20).At("", 0, "file").Do("give the tables about this dataset alone")
	}
	return nil
}

func ending(name string) string { return strings.ToLower(strings.TrimPrefix(path.Ext(name), ".")) }

// PublishedJob is what the airlock worker is given of a published table.
type PublishedJob struct {
	ID      string      `json:"id"`
	Name    string      `json:"name"`
	File    objects.Ref `json:"file"`
	Profile string      `json:"profile"` // by which its labels and marks are read
}

// PublishedResult is what it gives back.
type PublishedResult struct {
	Refused string      `json:"refused,omitempty"` // why nothing is kept of it
	Figures int         `json:"figures,omitempty"`
	Sets    objects.Ref `json:"sets,omitzero"`
}

// AddPublished adds a published table. The airlock's worker looks into its file
// and keeps its figures; from then on every output is compared with them.
func (x *Room) AddPublished(ctx context.Context, actor store.Actor, g Given) (*PublishedTable, error) {
	var p PublishedTable
	err := x.St.Act(ctx, actor, "published.add", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		if err := g.check(tx.Now()); err != nil {
			return nil, err
		}
		d, err := catalogue.GetDataset(ctx, tx, g.Dataset)
		if err != nil {
			return nil, ark.Faultf(ark.Invalid, "choose the dataset that it is about").At("", 0, "dataset").Because(err)
		}
		p = PublishedTable{ID: tx.NewID(ark.PrefixPublished), State: x.published.Start, StateSince: tx.Now(), Title: strings.TrimSpace(g.Title), Cited: strings.TrimSpace(g.Cited), On: g.On,
			Dataset: d.ID, Unit: strings.TrimSpace(g.Unit), Population: strings.TrimSpace(g.Population), Name: "table." + ending(g.Name), File: g.File, Added: tx.Now(), By: actor.User}
		if _, err := tx.Enqueue(ctx, "type-published", "airlock", p.ID, PublishedJob{p.ID, p.Name, p.File, d.Profile}); err != nil {
			return nil, err
		}
		return []store.Event{p.event("published.added", map[string]any{"file": p.File.SHA256})}, publishedTables.Insert(ctx, tx, &p)
	})
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// ApplyPublished records what the worker kept of a published table, inside the
// change that ends its job.
func (x *Room) ApplyPublished(ctx context.Context, tx *store.Tx, id string, res PublishedResult) ([]store.Event, error) {
	p, err := publishedTables.Get(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	to := "kept"
	switch {
	case res.Refused != "":
		to = "refused"
	case res.Figures < 1 || res.Sets.Zone != objects.Contributors || len(res.Sets.SHA256) != 64:
		return nil, ark.Faultf(ark.Internal, "the figures are not where they are kept")
	}
	if err := x.movePublished(tx, p, to, "published.apply", res.Refused); err != nil {
		return nil, err
	}
	if to == "kept" {
		p.Figures, p.Sets = res.Figures, res.Sets
	}
	return []store.Event{p.event("published."+to, map[string]any{"figures": p.Figures})}, publishedTables.Update(ctx, tx, p)
}

func (x *Room) movePublished(tx *store.Tx, p *PublishedTable, to, action, says string) error {
	if err := x.published.Move(p.State, to, action); err != nil {
		return err
	}
	p.State, p.StateSince, p.Says = to, tx.Now(), says
	return nil
}

// WithdrawPublished takes a published table back that was added by mistake. One
// output checker asks and another agrees: nobody makes the airlock forget
// alone, and until both have, outputs go on being compared with it.
func (x *Room) WithdrawPublished(ctx context.Context, actor store.Actor, id, reason string) error {
	return x.St.Act(ctx, actor, "published.withdraw", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		p, err := publishedTables.Get(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		to, says := "withdrawing", strings.TrimSpace(reason)
		if p.State == "withdrawing" {
			first, err := governance.GetUser(ctx, tx, p.WithdrawnBy[0])
			if err != nil {
				return nil, err
			}
			me, err := governance.GetUser(ctx, tx, actor.User)
			if err != nil {
				return nil, err
			}
			if first.Human == me.Human {
				return nil, ark.Faultf(ark.Conflict, "you have asked for it already").Do("another output checker has to agree").By("one-human-counts-once")
			}
			to, says = "withdrawn", p.Says
		} else if says == "" || len(says) > maxText {
			return nil, ark.Faultf(ark.Invalid, "say why it was a mistake, in at most %d characters", maxText).At("", 0, "reason")
		}
		if err := x.movePublished(tx, p, to, "published.withdraw", says); err != nil {
			return nil, err
		}
		p.WithdrawnBy = append(p.WithdrawnBy, actor.User)
		return []store.Event{p.event("published."+to, nil)}, publishedTables.Update(ctx, tx, p)
	})
}

// GetPublished returns a published table.
func GetPublished(ctx context.Context, q store.Querier, id string) (*PublishedTable, error) {
	return publishedTables.Get(ctx, q, id)
}

// PublishedTables returns every published table, newest first.
func PublishedTables(ctx context.Context, q store.Querier) ([]PublishedTable, error) {
	all, err := publishedTables.Where(ctx, q, "")
	slices.Reverse(all)
	return all, err
}

// publishedSets are the figures of published tables that outputs are compared
// with: those of one that is to be taken back until a second checker agrees.
func publishedSets(ctx context.Context, q store.Querier) ([]objects.Ref, error) {
	all, err := publishedTables.Where(ctx, q, "state IN ('kept', 'withdrawing')")
	if err != nil {
		return nil, err
	}
	var out []objects.Ref
	for _, p := range all {
		out = append(out, p.Sets)
	}
	return out, nil
}
