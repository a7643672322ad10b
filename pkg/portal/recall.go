package portal

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
)

// recallForm lets those who may take a delivery back.
func (p *Portal) recallForm(c *Call, d *catalogue.Delivery) ui.Block {
	reason := ui.Field{Kind: "select", Name: "reason", Label: "Why"}
	why := catalogue.RecallReasons()
	for _, r := range slices.Sorted(maps.Keys(why)) {
		reason.Options = append(reason.Options, ui.Option{Value: r, Text: sentence(why[r])})
	}
	return ui.Details{Summary: "Take this delivery back", Body: []ui.Block{
		ui.Text{Text: "Every version that holds it is withdrawn, every extract cut from those is frozen with its workspaces, and it is left out of the next linkage and version. Frozen extracts are cut anew when the next version is published, and destroyed when that has not happened in time. This cannot be undone: deliver again instead."},
		ui.Form{Action: "/deliveries/" + d.ID + "/recall", Fields: []ui.Field{reason, {Kind: "text", Narrow: true, Name: "days", Label: "Days within which frozen extracts have to be cut anew", Hint: "1 to 90", Value: "14"}},
			Submit: ui.Button{Text: "Take it back", Look: "warning", Off: c.Off("delivery.recall", "Delivery", d.ID)}}}}
}

func (p *Portal) recall(c *Call) error {
	return c.Attempt(nil, func(form url.Values) (string, error) {
		days, err := strconv.Atoi(form.Get("days"))
		if err != nil {
			return "", ark.Faultf(ark.Invalid, "the number of days is not a number").At("", 0, "days").Do("give a number from 1 to 90")
		}
		rec, err := p.cfg.Rooms.Catalogue.RecallDelivery(c.Ctx(), c.Actor, c.ID(), form.Get("reason"), days)
		if err != nil {
			return "", err
		}
		return "/sources/" + rec.Source + "/deliveries/" + rec.ID, nil
	})
}

// recalled shows what a recall did and where copies may still lie.
func (p *Portal) recalled(c *Call, delivery string) ([]ui.Block, error) {
	var rec *catalogue.Recall
	t := ui.Table{Caption: "Extracts frozen, and homes that may hold copies", Columns: ui.Cols("Project", "Homes that could read it", "Cut anew", "The frozen extract"), Empty: &ui.Empty{Text: "No extract held it."}}
	err := c.view(func(q store.Querier) error {
		var err error
		if rec, err = catalogue.GetRecall(c.Ctx(), q, delivery); err != nil {
			return err
		}
		dir, err := readDirectory(c.Ctx(), q)
		if err != nil {
			return err
		}
		for _, f := range rec.Frozen {
			project, err := governance.GetProject(c.Ctx(), q, f.Project)
			if err != nil {
				return err
			}
			var users []string
			for _, h := range f.Homes {
				w, err := workspace.Get(c.Ctx(), q, h)
				if err != nil {
					return err
				}
				users = append(users, w.User)
			}
			again := "waits for the next version"
			if f.Recut != "" {
				e, err := workspace.GetExtract(c.Ctx(), q, f.Recut)
				if err != nil {
					return err
				}
				again = p.machines.extract.States[e.State].Says
			} else if f.Ended != "" {
				again = "not in time"
			}
			old, err := workspace.GetExtract(c.Ctx(), q, f.Extract)
			if err != nil {
				return err
			}
			t.Rows = append(t.Rows, []ui.Cell{{Text: project.Title, Href: "/projects/" + project.ID, Head: true}, {Text: orText(strings.Join(dir.userNames(users), "; "), "none was opened")}, {Text: sentence(again)}, whatBecame(p, old)})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	due := "Frozen extracts have to be cut anew by " + day(rec.Due) + ". What is not by then is destroyed."
	if rec.Overdue(c.Now()) {
		due = "Frozen extracts had to be cut anew by " + day(rec.Due) + ", and are not: they are being destroyed."
	}
	if rec.State == "closed" {
		due = "Nothing waits to be cut anew."
	}
	return []ui.Block{ui.Summary{Rows: []ui.Row{
		{Key: "Taken back", Text: when(rec.At)}, {Key: "Why", Text: sentence(rec.Why())},
		{Key: "Versions withdrawn", Text: number(len(rec.Versions))}, {Key: "Linkages that used it", Text: number(len(rec.Linkages))}, {Key: "What is due", Text: due}}}, t}, nil
}

// whatBecame is what happened to a frozen extract.
func whatBecame(p *Portal, e *workspace.Extract) ui.Cell {
	if e.Ended == nil || e.Ended.At.IsZero() {
		return ui.Cell{Text: sentence(p.machines.extract.States[e.State].Says)}
	}
	return ui.Cell{Text: "Destroyed " + when(e.Ended.At), Soft: fmt.Sprintf("%d objects, %s, because %s", e.Ended.Objects, bytesText(e.Ended.Bytes), e.Ended.Why)}
}
