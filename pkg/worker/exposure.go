package worker

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/differencing"
	"github.com/ark-tre/ark/airlock/rederive"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/policies/disclosure"
)

// exposure says how much is known together of each dataset behind a release
// whose sets have just been kept, rounded as Ark's own numbers are.
func (a *again) exposure(ctx context.Context, job airlock.ReleaseJob, sets []byte) ([]airlock.Exposure, error) {
	if err := a.remember(ctx); err != nil {
		return nil, err
	}
	if err := a.history.Load(sets); err != nil {
		return nil, err
	}
	var out []airlock.Exposure
	for _, c := range job.Concerns {
		of := func(s differencing.Summary) bool {
			return s.ID == job.Release || slices.ContainsFunc(c.Sets, func(r objects.Ref) bool { return strings.HasSuffix(r.Name, "/"+s.ID+".sets") })
		}
		s, err := a.history.Exposure(ctx, of, rederive.Least(a.profile))
		if err != nil {
			return nil, err
		}
		out = append(out, airlock.Exposure{Dataset: c.Dataset, Cells: s.Cells, Atom: people(a.profile, s.Atom, "nobody yet"), Nearest: people(a.profile, s.Nearest, fmt.Sprintf("at least %d", rederive.Least(a.profile)))})
	}
	return out, nil
}

// people writes a number of people as the profile lets it be shown.
func people(p disclosure.Profile, n int, none string) string {
	switch least := rederive.Least(p); {
	case n == 0:
		return none
	case p.Counts.Small(int64(n)) || int64(n) < least:
		return fmt.Sprintf("fewer than %d", max(least, p.Counts.Least()))
	case p.Rounding != nil:
		return fmt.Sprintf("about %d", p.Rounding.Round(int64(n)))
	}
	return fmt.Sprintf("about %d", (n+5)/10*10)
}

// keepSets stores who stands behind the figures of a release, and says how its
// datasets stand from then on.
func (a *again) keepSets(ctx context.Context, job airlock.ReleaseJob, left []leaving) (ref objects.Ref, stand []airlock.Exposure, err error) {
	sets, err := a.sets(ctx, job, left)
	if err != nil {
		return ref, nil, err
	}
	if ref, err = a.b.Objects.Put(ctx, objects.Contributors, job.Project+"/"+job.Release+".sets", ContributorsKey, bytes.NewReader(sets)); err != nil {
		return ref, nil, err
	}
	stand, err = a.exposure(ctx, job, sets)
	return ref, stand, err
}
