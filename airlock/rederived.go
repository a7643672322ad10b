package airlock

import (
	"context"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// Data is the pinned extract behind a request. It is for the airlock's worker,
// which alone holds the keys.
type Data struct {
	Tables  []DataTable `json:"tables,omitempty"`
	Sidecar objects.Ref `json:"sidecar,omitzero"` // who stands behind each row
	// Linked names the linkages that told its people apart.
	Linked string `json:"linked,omitempty"`
	// Aliases are the numbers of those whom linkage ever joined or parted.
	Aliases objects.Ref `json:"aliases,omitzero"`
	// Relinked is how many these are, where Aliases were not kept.
	Relinked int `json:"relinked,omitempty"`
}

// DataTable is one table of the extract.
type DataTable struct {
	Name string      `json:"name"`
	Ref  objects.Ref `json:"ref"`
}

// Behind is what the worker needs to compute outputs again and to judge them
// beside everything that left.
type Behind struct {
	Data    Data          `json:"data,omitzero"`
	Specs   []CheckOf     `json:"specs,omitempty"`
	History []objects.Ref `json:"history,omitempty"` // the figures of every release and published table
}

// SpecSuffix ends the name of the file that says how another was made: the
// specification of table.csv is table.csv.ark.json, a supporting file.
const SpecSuffix = ".ark.json"

// behind gathers it inside the change that asks for the work, so that the list
// of releases is that of the moment.
func (x *Room) behind(ctx context.Context, tx *store.Tx, r *Request) (Behind, error) {
	var b Behind
	for _, f := range r.Files {
		if strings.HasSuffix(f.Name, SpecSuffix) {
			b.Specs = append(b.Specs, CheckOf{ID: f.ID, Name: f.Name, Kind: f.Kind, Ref: f.Ref, Ordinal: f.Ordinal})
		}
	}
	var err error
	if b.History, err = contributorSets(ctx, tx); err != nil || x.Data == nil {
		return b, err
	}
	b.Data, err = x.Data(ctx, tx, r.Extract)
	return b, err
}

// contributorSets are the figures that outputs are compared with: of every
// release, with who stands behind them, and of tables published elsewhere.
func contributorSets(ctx context.Context, q store.Querier) ([]objects.Ref, error) {
	all, err := releases.Where(ctx, q, "id <> $1", "")
	if err != nil {
		return nil, err
	}
	out, err := publishedSets(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		if r.Contributors.Name != "" {
			out = append(out, r.Contributors)
		}
	}
	return out, nil
}

// overtaken reports whether a release left, or a published table was added, that a job was not compared with.
func (j ReleaseJob) overtaken(ctx context.Context, q store.Querier) (bool, error) {
	now, err := contributorSets(ctx, q)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(now, func(r objects.Ref) bool { return !slices.Contains(j.Behind.History, r) }), nil
}

// BesideRule reports whether a rule judges an output beside earlier releases:
// whose they are, and how many people tell them apart, is not for authors.
func BesideRule(rule string) bool { return strings.HasPrefix(rule, "release-") }

// forAuthor is what an author may know of findings: that an output conflicts
// with an earlier release and what mends it; not where, with what, or by how
// many.
func forAuthor(all []disclosure.Finding) []disclosure.Finding {
	var out []disclosure.Finding
	told := map[string]bool{}
	for _, f := range all {
		if BesideRule(f.Rule) && f.Rule != "release-unspecified" && !ownFiles(f) {
			if told[f.Repair] {
				continue
			}
			told[f.Repair] = true
			says := "conflicts with an earlier release"
			if f.Rule == "release-unsearched" {
				says = "is compared with earlier releases by a checker"
			}
			f = disclosure.Finding{Rule: f.Rule, Severity: f.Severity, File: f.File, Says: says, Repair: f.Repair, Evidence: map[string]string{}}
		}
		out = append(out, f)
	}
	return out
}

// ownFiles reports whether a finding is about files of the same request alone:
// nothing in it is another's.
func ownFiles(f disclosure.Finding) bool { return f.Evidence["within"] == "this request" }

// nearMisses is how many rounds of a project may conflict with what left
// before it is an alarm: the comparison can be asked like an oracle.
const nearMisses = 3

// alarm counts a round that conflicted, and raises an alarm when a project has
// too many of them.
func (x *Room) alarm(ctx context.Context, tx *store.Tx, r *Request) ([]store.Event, error) {
	conflicts := slices.ContainsFunc(r.Files, func(f File) bool {
		return slices.ContainsFunc(f.Findings, func(d disclosure.Finding) bool {
			return BesideRule(d.Rule) && d.Severity == disclosure.SevFail && !ownFiles(d)
		})
	})
	if !conflicts {
		return nil, nil
	}
	r.Conflicts++
	others, err := requests.Where(ctx, tx, "project = $1", r.Project)
	if err != nil {
		return nil, err
	}
	n := r.Conflicts
	for _, o := range others {
		if o.ID != r.ID {
			n += o.Conflicts
		}
	}
	if n < nearMisses {
		return nil, nil
	}
	return []store.Event{{Type: "differencing.alarm", Body: map[string]any{"project": r.Project, "request": r.ID, "rounds": n}}}, nil
}
