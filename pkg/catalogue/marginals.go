package catalogue

import (
	"context"
	"maps"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue/restricted"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// Withheld is what the disclosure rules took out of the counts of one variable
// before a custodian sees them.
type Withheld struct {
	Table      string `json:"table"`
	Variable   string `json:"variable"`
	Shown      int    `json:"shown"`                // values with their people
	Few        int    `json:"few,omitempty"`        // values of fewer people than the profile shows
	Restricted bool   `json:"restricted,omitempty"` // codes of legally restricted groups were left out
	Open       bool   `json:"open,omitempty"`       // it has too many values to be a category, or is a key: none is counted
}

// Approval is a custodian's act by which the marginals of a version, each named
// by its hash, may become its synthetic version.
type Approval struct {
	Dataset   string            `json:"dataset"`
	Version   string            `json:"version"`
	Custodian string            `json:"custodian"`
	Org       string            `json:"org"`
	At        time.Time         `json:"at"`
	Hashes    map[string]string `json:"hashes"` // table → SHA-256 of the marginals
}

// SynthesisJob is what the publishing worker is given to make a synthetic
// version: the approved marginals and nothing else of the data. Tables are for
// the attack on what came of it, which is another step.
type SynthesisJob struct {
	Version   string                 `json:"version"`
	Slug      string                 `json:"slug"`
	Profile   string                 `json:"profile"`
	Marginals map[string]objects.Ref `json:"marginals"`
	Approval  Approval               `json:"approval"`
	Own       restricted.Codes       `json:"own,omitempty"`

	Tables     []PublishedTable `json:"tables"`
	Dictionary []Table          `json:"dictionary"`
}

// SynthesisResult is what it gives back.
type SynthesisResult struct {
	Failed     string                 `json:"failed,omitempty"`
	Synthetic  map[string]objects.Ref `json:"synthetic"`
	Approval   objects.Ref            `json:"approval"` // the signed statement of the custodian's act
	Membership map[string]string      `json:"membership"`
}

// Synthesis is how far the synthetic version of a version has come.
type Synthesis struct {
	State      string            `json:"state"` // "making", "made" or "failed"; empty: it waits for a custodian
	Says       string            `json:"says,omitempty"`
	Approval   Approval          `json:"approval"`
	Statement  objects.Ref       `json:"statement,omitzero"`
	Membership map[string]string `json:"membership,omitempty"` // table → how often an attacker tells a member from somebody held out
}

// ApproveMarginals records a custodian's act: the marginals of a version, with
// exactly these hashes, may become its synthetic version, which is then made.
func (r *Room) ApproveMarginals(ctx context.Context, actor store.Actor, dataset, version string, hashes map[string]string) (*Synthesis, error) {
	var out Synthesis
	err := r.St.Act(ctx, actor, "marginals.approve", store.Resource{Type: "Dataset", ID: dataset}, func(tx *store.Tx) ([]store.Event, error) {
		v, err := versions.Get(ctx, tx, version)
		if err != nil {
			return nil, err
		}
		d, err := datasets.Get(ctx, tx, dataset)
		if err != nil {
			return nil, err
		}
		switch {
		case v.Dataset != dataset:
			return nil, ark.Faultf(ark.Unknown, "this dataset has no such version").Do("use a version of its page")
		case v.State != "published":
			return nil, ark.Faultf(ark.Conflict, "the version is not published (any more)")
		case v.Synthesis != nil && v.Synthesis.State != "failed":
			return nil, ark.Faultf(ark.Conflict, "the counts of this version are approved already")
		case len(v.Marginals) == 0:
			return nil, ark.Faultf(ark.Conflict, "this version has no counts to approve").Do("publish a version again")
		}
		pinned := map[string]string{}
		for table, ref := range v.Marginals {
			pinned[table] = ref.SHA256
		}
		if !maps.Equal(pinned, hashes) {
			return nil, ark.Faultf(ark.Conflict, "these are not the counts of this version").At("", 0, "hashes").Do("look at them again, and approve what you see")
		}
		if r.Who == nil {
			return nil, ark.Faultf(ark.Unavailable, "nobody here knows whose custodian you are")
		}
		_, org, err := r.Who(ctx, tx, actor.User)
		if err != nil {
			return nil, err
		}
		out = Synthesis{State: "making", Approval: Approval{Dataset: dataset, Version: version, Custodian: actor.User, Org: org, At: tx.Now(), Hashes: pinned}}
		v.Synthesis = &out
		job := SynthesisJob{Version: v.ID, Slug: d.Slug, Profile: d.Profile, Marginals: v.Marginals, Approval: out.Approval, Tables: v.Tables, Dictionary: v.Dictionary}
		if job.Own, err = ownCodes(ctx, tx, *d); err != nil {
			return nil, err
		}
		if _, err := tx.Enqueue(ctx, "synthesize", "publish", v.ID, job); err != nil {
			return nil, err
		}
		return []store.Event{{Type: "marginals.approved", Subjects: []string{v.ID, dataset}, Body: out.Approval}}, versions.Update(ctx, tx, v)
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// ApplySynthesis records a synthetic version inside the change that ends its job.
func (r *Room) ApplySynthesis(ctx context.Context, tx *store.Tx, id string, res SynthesisResult) ([]store.Event, error) {
	v, err := versions.Get(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if v.Synthesis == nil || v.Synthesis.State != "making" {
		return nil, ark.Faultf(ark.Conflict, "no custodian has approved the counts of this version")
	}
	kind := "synthetic.made"
	if v.Synthesis.State = "made"; res.Failed != "" {
		kind, v.Synthesis.State, v.Synthesis.Says = "synthetic.failed", "failed", res.Failed
	}
	v.Synthetic, v.Synthesis.Statement, v.Synthesis.Membership = res.Synthetic, res.Approval, res.Membership
	return []store.Event{{Type: kind, Subjects: []string{v.ID, v.Dataset}, Body: map[string]any{"statement": res.Approval.SHA256, "membership": res.Membership}}}, versions.Update(ctx, tx, v)
}

// MarginalsWaiting are the newest versions of datasets that an organisation
// feeds whose counts no custodian has approved.
func MarginalsWaiting(ctx context.Context, q store.Querier, org string) ([]Version, error) {
	all, err := datasets.Where(ctx, q, "")
	if err != nil {
		return nil, err
	}
	var out []Version
	for _, d := range all {
		if d.Latest == "" || !feeds(d, org) {
			continue
		}
		v, err := versions.Get(ctx, q, d.Latest)
		if err != nil {
			return nil, err
		}
		if len(v.Marginals) > 0 && v.Synthesis == nil {
			out = append(out, *v)
		}
	}
	return out, nil
}

func feeds(d Dataset, org string) bool {
	for _, o := range d.Orgs {
		if o == org {
			return true
		}
	}
	return false
}

// WithSynthetic is the newest published version that has a synthetic one, nil
// if there is none.
func WithSynthetic(vs []Version) *Version {
	var out *Version
	for i, v := range vs {
		if v.State == "published" && len(v.Synthetic) > 0 && (out == nil || v.Number > out.Number) {
			out = &vs[i]
		}
	}
	return out
}
