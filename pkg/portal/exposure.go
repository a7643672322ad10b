package portal

import (
	"context"
	"fmt"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

// exposureOf reads how much the releases of a dataset tell together.
func exposureOf(ctx context.Context, q store.Querier, id string) (d *catalogue.Dataset, s *airlock.Exposure, of *airlock.Release, err error) {
	if d, err = catalogue.GetDataset(ctx, q, id); err != nil {
		return nil, nil, nil, err
	}
	s, of, err = airlock.ExposureOf(ctx, q, id)
	return d, s, of, err
}

// exposure is the page of what has left of a dataset, for its custodians: no
// release, project or small number.
func (p *Portal) exposure(c *Call) error {
	var d *catalogue.Dataset
	var s *airlock.Exposure
	var of *airlock.Release
	err := c.view(func(q store.Querier) (err error) {
		d, s, of, err = exposureOf(c.Ctx(), q, c.ID())
		return err
	})
	if err != nil {
		return err
	}
	page := ui.Page{Back: &ui.Link{Text: d.Title, Href: "/catalogue/" + d.ID}, Above: d.Title, Head: "What has left, taken together",
		Lead: "Every new output is compared with all that left before, by the people behind each figure, across projects and versions. This is how much the released figures of this dataset tell together."}
	if s == nil {
		page.Body = []ui.Block{ui.Text{Text: "No figure of this dataset has been released yet that is compared by the people behind it."}}
		return c.Page(page)
	}
	page.Body = []ui.Block{
		ui.Summary{Rows: []ui.Row{
			{Key: "Released figures", Text: number(int64(s.Cells))},
			{Key: "Smallest group they tell from all others", Text: capital(s.Atom)},
			{Key: "Nearest two figures", Text: "They differ by " + s.Nearest + " people"},
			{Key: "As of", Text: fmt.Sprintf("the newest release, %s", when(of.At))},
		}},
		ui.Details{Summary: "What these figures mean", Body: []ui.Block{
			ui.Text{Text: "The smallest group is the fewest people who are in exactly the same released figures. Its size alone gives nobody away: what is refused is a combination of figures that adds up and subtracts to a few people, unless rounding hides them as well as withholding would."},
			ui.Text{Text: "Numbers of people are rounded, and small ones not shown, by the disclosure rules of the release."},
		}},
	}
	return c.Page(page)
}

// exposureSays is the same for programs. Cells is null before anything left.
type exposureSays struct {
	Dataset string            `json:"dataset"`
	Now     *airlock.Exposure `json:"now"`
}
