package demonstration

import (
	"context"
	"fmt"
	"strings"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/client"
)

// publishedElsewhere adds a table that an office published about the same
// people, withholding what the first output shows, and one that is no table.
// Nobody but output checkers adds or sees them.
func (p *play) publishedElsewhere(ctx context.Context) (id string, err error) {
	chloe := p.as(ctx, "chloe")
	ds, err := all[catalogue.Dataset](ctx, chloe, "/datasets")
	if err != nil {
		return "", err
	}
	dataset := ""
	for _, d := range ds {
		if d.Slug == "emergency-care" {
			dataset = d.ID
		}
	}
	rows := []string{"imd_decile,sex,people"}
	for decile := range 10 {
		for _, sex := range []string{"F", "M"} {
			people := "*"
			if decile == 9 {
				people = "120"
			}
			rows = append(rows, fmt.Sprintf("%d,%s,%s", decile+1, sex, people))
		}
	}
	add := func(c *client.Client, name, text string) (airlock.PublishedTable, error) {
		var x airlock.PublishedTable
		path, err := p.file(name, text)
		if err != nil {
			return x, err
		}
		fields := map[string]string{"title": "Alcohol related attendances by deprivation", "cited": "Made up by the play, page 1", "on": "2026-01-31", "dataset": dataset, "unit": "people", "population": "Everybody with such an attendance."}
		if err := c.UploadForm(ctx, "/published", fields, []string{path}, &x); err != nil {
			return x, err
		}
		return x, c.Until(ctx, longest, "a published table to be looked into", "/published/"+x.ID, &x, func() (bool, error) { return x.State != "checking", nil })
	}
	amina := p.as(ctx, "amina")
	if _, err := add(amina, "office.csv", rows[0]); err == nil || !ark.Is(err, ark.Forbidden) {
		return "", fmt.Errorf("a published table added by a researcher: %w", err)
	}
	if err := refused(amina.Get(ctx, "/published", nil), "reading the list of published tables", ark.Forbidden); err != nil {
		return "", err
	}
	none, err := add(chloe, "nothing.csv", "nothing\n")
	if err != nil {
		return "", err
	}
	x, err := add(chloe, "office.csv", strings.Join(rows, "\n")+"\n")
	if err != nil {
		return "", err
	}
	return x.ID, must(none.State == "refused" && x.State == "kept" && x.Figures >= 20, "a file without figures is %s, a table %s with %d figures", none.State, x.State, x.Figures)
}

// caughtBeside holds that an author reads that outputs conflict with what left
// before and nothing else of it, and a checker with what; then two checkers
// take the table back.
func (p *play) caughtBeside(ctx context.Context, published string, v airlock.View) error {
	n := 0
	for _, f := range v.Files {
		for _, x := range f.Findings {
			if x.Rule == "release-similar" {
				n++
				if err := must(x.Says == "conflicts with an earlier release" && len(x.Evidence) == 0, "an author reads %s", jsonText(x)); err != nil {
					return err
				}
			}
		}
	}
	if err := must(n > 0, "no output conflicts with the published table"); err != nil {
		return err
	}
	if err := must(!strings.Contains(jsonText(v), published), "an author reads which table it is"); err != nil {
		return err
	}
	for _, who := range []string{"chloe", "dev"} {
		if err := p.as(ctx, who).Post(ctx, "/published/"+published+"/withdraw", map[string]string{"reason": "The play made it up."}, nil); err != nil {
			return err
		}
	}
	var x airlock.PublishedTable
	if err := p.as(ctx, "dev").Get(ctx, "/published/"+published, &x); err != nil {
		return err
	}
	return must(x.State == "withdrawn", "taken back by two checkers, it is %s", x.State)
}
