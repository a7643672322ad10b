package portal

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
)

func (p *Portal) refreshRoutes() []Route {
	on := thing("Project")
	return []Route{
		{Pattern: "GET /projects/{id}/versions", Action: "project.read", On: on, Serve: p.refreshPage},
		{Pattern: "POST /projects/{id}/versions/follow", Action: "refresh.subscribe", On: on, Serve: p.follow},
		{Pattern: "POST /projects/{id}/versions/{subscription}/pause", Action: "refresh.stop", On: on, Serve: func(c *Call) error { return p.halt(c, "paused") }},
		{Pattern: "POST /projects/{id}/versions/{subscription}/stop", Action: "refresh.stop", On: on, Serve: func(c *Call) error { return p.halt(c, "stopped") }},
	}
}

// followed is one dataset of a permit, the version that the project has of it
// and what is followed.
type followed struct {
	data    catalogue.Dataset
	held    *catalogue.Version
	newest  *catalogue.Version
	sub     *workspace.Subscription
	changes []workspace.Changed
}

func (p *Portal) readFollowed(c *Call, f *projectFacts) (out []followed, err error) {
	if f.permit == nil {
		return nil, nil
	}
	err = c.view(func(q store.Querier) error {
		subs, err := workspace.SubscriptionsOf(c.Ctx(), q, f.project.ID)
		if err != nil {
			return err
		}
		held := map[string]*catalogue.Version{}
		if f.project.Extract != "" {
			e, err := workspace.GetExtract(c.Ctx(), q, f.project.Extract)
			if err != nil {
				return err
			}
			if held, err = e.Held(c.Ctx(), q); err != nil {
				return err
			}
		}
		for _, g := range f.permit.Grants {
			x := followed{data: f.data[g.Dataset], held: held[g.Dataset]}
			if id := x.data.Latest; id != "" {
				if x.newest, err = catalogue.GetVersion(c.Ctx(), q, id); err != nil {
					return err
				}
			}
			if i := slices.IndexFunc(subs, func(s workspace.Subscription) bool { return s.Dataset == g.Dataset }); i >= 0 {
				x.sub = &subs[i]
				if x.changes, err = subs[i].Changes(c.Ctx(), q); err != nil {
					return err
				}
			}
			out = append(out, x)
		}
		return nil
	})
	return out, err
}

// refreshPage is which versions a project's data are of, what newer ones are
// taken by themselves, and what changed with each.
func (p *Portal) refreshPage(c *Call) error {
	f, err := p.readProject(c, c.ID())
	if err != nil {
		return err
	}
	sets, err := p.readFollowed(c, f)
	if err != nil {
		return err
	}
	base := "/projects/" + f.project.ID + "/versions"
	page := ui.Page{Back: &ui.Link{Text: f.project.Title, Href: "/projects/" + f.project.ID}, Above: f.project.Title, Head: "Versions of the data",
		Lead: "Which published version each dataset is of, and whether newer ones are taken."}
	if f.permit == nil {
		page.Body = []ui.Block{ui.Text{Text: "This project has no permit yet, so it has no data."}}
		return c.Page(page)
	}
	page.Body = append(page.Body, ui.Summary{Rows: []ui.Row{{Key: "The permit allows newer versions", Text: capital(governance.ScheduleWords(f.permit.Refresh))}}},
		ui.Text{Text: "A newer version is cut for the project as a new extract, with the permit’s variables and rows, and with opt-outs applied anew. A workspace gets it at its next start in the place of the old one: the two are never open together, since their difference would show who left."})
	for _, x := range sets {
		page.Body = append(page.Body, p.followedBlocks(c, f, x, base)...)
	}
	return c.Page(page)
}

func (p *Portal) followedBlocks(c *Call, f *projectFacts, x followed, base string) []ui.Block {
	rows := []ui.Row{{Key: "The project has", Text: versionWords(x.held)}, {Key: "Newest", Text: versionWords(x.newest)}}
	may := c.Off("refresh.subscribe", "Project", f.project.ID)
	if _, ok := f.permit.RefreshAfter(); !ok && may == "" {
		may = "The permit is for one version. An amendment can name a schedule."
	}
	follow := ui.Button{Text: "Take newer versions", Action: base + "/follow", Fields: []ui.Pair{{Name: "dataset", Value: x.data.ID}}, Off: may}
	var buttons []ui.Button
	if x.sub == nil {
		rows = append(rows, ui.Row{Key: "Newer versions", Text: "are not taken"})
		buttons = append(buttons, follow)
	} else {
		rows = append(rows, ui.Row{Key: "Newer versions", Tag: tag(x.sub.State, x.sub.State == "refused"), Text: sentence(p.machines.subscription.States[x.sub.State].Says)})
		if x.sub.Says != "" {
			rows = append(rows, ui.Row{Key: "It waits", Text: sentence(x.sub.Says)})
		}
		halt := c.Off("refresh.stop", "Project", f.project.ID)
		switch x.sub.State {
		case "following", "refused":
			buttons = append(buttons, ui.Button{Text: "Pause", Look: "secondary", Action: base + "/" + x.sub.ID + "/pause", Off: halt}, ui.Button{Text: "Stop", Look: "secondary", Action: base + "/" + x.sub.ID + "/stop", Off: halt})
		case "paused":
			follow.Text = "Go on"
			buttons = append(buttons, follow, ui.Button{Text: "Stop", Look: "secondary", Action: base + "/" + x.sub.ID + "/stop", Off: halt})
		default:
			buttons = append(buttons, follow)
		}
	}
	out := []ui.Block{ui.Head2{Text: x.data.Title}, ui.Summary{Rows: rows}, ui.Actions{Buttons: buttons}}
	for _, ch := range x.changes {
		lines := changeLines(ch.Changes)
		for _, n := range ch.Changes.Counts {
			lines = append(lines, fmt.Sprintf("%s: %s before, %s now (rounded, of the whole version)", capital(n.What), orText(n.Before, "none"), orText(n.After, "none")))
		}
		if len(lines) == 0 {
			lines = []string{"Nothing that rounded figures show."}
		}
		out = append(out, ui.Details{Summary: "Taken " + when(ch.At) + ": what changed", Body: []ui.Block{ui.Bullets{Items: lines}, ui.Summary{Compact: true, Rows: []ui.Row{{Key: "Extract", Tag: tag(ch.State, false)}}}}})
	}
	return out
}

func versionWords(v *catalogue.Version) string {
	if v == nil {
		return "none"
	}
	return fmt.Sprintf("version %d, edition %s, published %s", v.Number, v.Edition(), when(v.Published))
}

func (p *Portal) follow(c *Call) error {
	return c.Attempt(nil, func(form url.Values) (string, error) {
		_, err := p.cfg.Rooms.Workspaces.Subscribe(c.Ctx(), c.Actor, c.ID(), form.Get("dataset"))
		return "/projects/" + c.ID() + "/versions", err
	})
}

func (p *Portal) halt(c *Call, to string) error {
	return c.Attempt(nil, func(url.Values) (string, error) {
		return "/projects/" + c.ID() + "/versions", p.cfg.Rooms.Workspaces.Halt(c.Ctx(), c.Actor, c.ID(), c.R.PathValue("subscription"), to)
	})
}

// followersTable is, for those who publish, which projects take a dataset's
// versions and which could not.
func (p *Portal) followersTable(c *Call, dataset string) ([]ui.Block, error) {
	if c.Off("version.publish", "Dataset", dataset) != "" {
		return nil, nil
	}
	t := ui.Table{Caption: "Projects that take newer versions", Columns: ui.Cols("Project", "State", "Newest taken", "What it waits for"), Empty: &ui.Empty{Text: "No project follows this dataset."}}
	err := c.view(func(q store.Querier) error {
		subs, err := workspace.SubscribersOf(c.Ctx(), q, dataset)
		if err != nil {
			return err
		}
		for _, s := range subs {
			x, err := governance.GetProject(c.Ctx(), q, s.Project)
			if err != nil {
				return err
			}
			taken := "none yet"
			if n := len(s.Taken); n > 0 {
				v, err := catalogue.GetVersion(c.Ctx(), q, s.Taken[n-1].To)
				if err != nil {
					return err
				}
				taken = fmt.Sprintf("version %d, %s", v.Number, when(s.Taken[n-1].At))
			}
			t.Rows = append(t.Rows, []ui.Cell{{Text: x.Title, Head: true}, {Tag: tag(s.State, s.State == "refused")}, {Text: taken}, {Text: sentence(s.Says)}})
		}
		return nil
	})
	return []ui.Block{t}, err
}

type followIn struct {
	One
	Body struct {
		Dataset string `json:"dataset" maxLength:"80"`
	}
}

type haltIn struct {
	One
	Subscription string `path:"subscription" maxLength:"80"`
}

// SubscriptionOut is a subscription with what changed with each version taken.
type SubscriptionOut struct {
	workspace.Subscription
	Changes []workspace.Changed `json:"changes" doc:"The newest first; figures are rounded, and of whole versions"`
}

func (p *Portal) refreshOperations(a *API) error {
	halt := func(name, to, says string) error {
		return operation(a, Op{Method: post, Path: "/projects/{id}/subscriptions/{subscription}/" + name, Action: "refresh.stop", On: "Project", Tag: "Projects", Summary: says}, func(c *Call, in *haltIn) (*struct{}, error) {
			return nil, p.cfg.Rooms.Workspaces.Halt(c.Ctx(), c.Actor, in.ID, in.Subscription, to)
		})
	}
	return errors.Join(
		operation(a, Op{Method: get, Path: "/projects/{id}/subscriptions", Action: "project.read", On: "Project", Tag: "Projects", Summary: "The datasets whose newer versions a project takes, and what changed with each"}, func(c *Call, in *PagedOne) (*Body[List[SubscriptionOut]], error) {
			all, err := read(c, func(ctx context.Context, q store.Querier) ([]SubscriptionOut, error) {
				subs, err := workspace.SubscriptionsOf(ctx, q, in.ID)
				var out []SubscriptionOut
				for _, s := range subs {
					changes, err := s.Changes(ctx, q)
					if err != nil {
						return nil, err
					}
					out = append(out, SubscriptionOut{s, changes})
				}
				return out, err
			})
			if err != nil {
				return nil, err
			}
			return page(all.Body, func(s SubscriptionOut) string { return s.ID }, in.Paged), nil
		}),
		operation(a, Op{Method: post, Path: "/projects/{id}/subscriptions", Action: "refresh.subscribe", On: "Project", Tag: "Projects", Summary: "Take newer versions of a dataset, as often as the permit allows"}, func(c *Call, in *followIn) (*Body[*workspace.Subscription], error) {
			if in.Body.Dataset == "" {
				return nil, ark.Faultf(ark.Invalid, "no dataset is named").At("", 0, "dataset")
			}
			s, err := p.cfg.Rooms.Workspaces.Subscribe(c.Ctx(), c.Actor, in.ID, in.Body.Dataset)
			return &Body[*workspace.Subscription]{s}, err
		}),
		halt("pause", "paused", "Pause the taking of newer versions"),
		halt("stop", "stopped", "Stop the taking of newer versions"),
	)
}

// followedWords says in a line whether a project takes newer versions.
func (p *Portal) followedWords(c *Call, f *projectFacts) string {
	var subs []workspace.Subscription
	if err := c.view(func(q store.Querier) (err error) {
		subs, err = workspace.SubscriptionsOf(c.Ctx(), q, f.project.ID)
		return err
	}); err != nil {
		return "see which"
	}
	n := 0
	for _, s := range subs {
		switch s.State {
		case "refused":
			return "a newer one cannot be taken: the permit does not fit it"
		case "following":
			n++
		}
	}
	if n == 0 {
		return "newer ones are not taken"
	}
	return "newer ones are taken of " + count(n, "dataset")
}
