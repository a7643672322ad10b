package airlock

import (
	"context"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

// EarlierRelease is a release that a request should be held against: of the
// same project, or of another that used the same data.
type EarlierRelease struct {
	Release
	Same bool `json:"same"` // of the same project
}

// mostEarlier is how many earlier releases a review shows.
const mostEarlier = 40

// EarlierOn returns the latest releases that used any dataset of the request's
// permit, in whichever project, newest first.
func EarlierOn(ctx context.Context, q store.Querier, permit, project string) ([]EarlierRelease, error) {
	mine, err := governance.GetPermit(ctx, q, permit)
	if err != nil {
		return nil, err
	}
	data := map[string]bool{}
	for _, g := range mine.Grants {
		data[g.Dataset] = true
	}
	all, err := releases.Where(ctx, q, "")
	if err != nil {
		return nil, err
	}
	shares := map[string]bool{permit: true}
	asked := map[string]bool{permit: true}
	var out []EarlierRelease
	for i := len(all) - 1; i >= 0 && len(out) < mostEarlier; i-- {
		r := all[i]
		if !asked[r.Permit] {
			p, err := governance.GetPermit(ctx, q, r.Permit)
			if err != nil {
				return nil, err
			}
			asked[r.Permit] = true
			shares[r.Permit] = slices.ContainsFunc(p.Grants, func(g governance.Grant) bool { return data[g.Dataset] })
		}
		if r.Project == project || shares[r.Permit] {
			out = append(out, EarlierRelease{r, r.Project == project})
		}
	}
	return out, nil
}

// OpenReleased authorises and records that actor looks at a file of an earlier
// release, and returns it with the request it came from: what left is these
// very bytes.
func (x *Room) OpenReleased(ctx context.Context, actor store.Actor, release string, ordinal int) (*File, string, error) {
	var out *File
	request := ""
	err := x.St.Act(ctx, actor, "release.read", store.Resource{Type: "Release", ID: release}, func(tx *store.Tx) ([]store.Event, error) {
		rel, err := releases.Get(ctx, tx, release)
		if err != nil {
			return nil, err
		}
		r, err := requests.Get(ctx, tx, rel.Request)
		if err != nil {
			return nil, err
		}
		for _, f := range rel.Files {
			if f.Ordinal != ordinal {
				continue
			}
			for i := range r.Files {
				if r.Files[i].Ordinal == ordinal && r.Files[i].Ref.SHA256 == f.SHA256 {
					out, request = &r.Files[i], r.ID
					return []store.Event{{Type: "access.release.read", Project: rel.Project, Subjects: []string{rel.ID}, Body: map[string]int{"file": ordinal}}}, nil
				}
			}
		}
		return nil, ark.Faultf(ark.Unknown, "this release has no such file")
	})
	return out, request, err
}
