package demonstration

import (
	"context"
	"fmt"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/client"
)

// approveCounts is a custodian's act without which there is no synthetic
// version: she sees the counts that it is drawn from, and approves exactly those.
func (p *play) approveCounts(ctx context.Context, amina *client.Client, d catalogue.Dataset) error {
	carol := p.as(ctx, "carol")
	vs, err := all[struct {
		ID        string
		Number    int
		Synthetic map[string]string
	}](ctx, carol, "/datasets/"+d.ID+"/versions")
	if err != nil {
		return err
	}
	path, made := "", false
	for _, v := range vs {
		made = made || len(v.Synthetic) > 0
		if v.ID == d.Latest {
			path = fmt.Sprintf("/datasets/%s/versions/%d/counts", d.ID, v.Number)
		}
	}
	if _, _, err := amina.Page(ctx, "/catalogue/"+d.ID+"/synthetic/attendances.csv"); err == nil && !made {
		return must(false, "there is a synthetic version whose counts nobody approved")
	}
	if err := refused(amina.Get(ctx, path, nil), "a researcher's look at the counts behind a synthetic version", ark.Forbidden, ark.Unknown, ark.Withheld); err != nil {
		return err
	}
	var seen struct {
		Synthesis *catalogue.Synthesis
		Tables    []struct{ Table, Hash string }
	}
	if err := carol.Get(ctx, path, &seen); err != nil {
		return err
	}
	if seen.Synthesis == nil {
		wrong, hashes := map[string]string{}, map[string]string{}
		for _, t := range seen.Tables {
			hashes[t.Table], wrong[t.Table] = t.Hash, t.Hash[1:]+"0"
		}
		if err := refused(carol.Post(ctx, path, map[string]any{"hashes": wrong}, nil), "approving other counts than those of the version", ark.Conflict); err != nil {
			return err
		}
		if err := carol.Post(ctx, path, map[string]any{"hashes": hashes}, nil); err != nil {
			return err
		}
	}
	if err := carol.Until(ctx, longest, "the synthetic version to be made", path, &seen, func() (bool, error) {
		s := seen.Synthesis
		return s != nil && s.State == "made", must(s == nil || s.State != "failed", "the synthetic version could not be made: %+v", s)
	}); err != nil {
		return err
	}
	p.Say("    a custodian approved the counts of %d tables; membership is told with %v (0.50 is guessing)", len(seen.Tables), seen.Synthesis.Membership)
	return nil
}
