package catalogue

import (
	"context"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue/restricted"
	"github.com/ark-tre/ark/pkg/intake"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// PublishInput is one payload table of one delivery that feeds a version.
type PublishInput struct {
	Table    string      `json:"table"`    // of the dataset
	Source   string      `json:"source"`   // slug
	Org      string      `json:"org"`      // org_…
	Origin   string      `json:"origin"`   // payload table
	Delivery string      `json:"delivery"` // dlv_…
	Number   int         `json:"number"`   // of its source, as it arrived
	Order    int         `json:"order"`    // of its source, as it was sent: later replaces earlier
	Ref      objects.Ref `json:"ref"`
}

// PublishJob is what the publishing worker is given.
type PublishJob struct {
	Version string `json:"version"`
	Number  int    `json:"number"`
	Edition string `json:"edition,omitempty"`
	// Contracts are the sources' contracts, by name and version.
	Contracts map[string]string `json:"contracts,omitempty"`
	Dataset   Dataset           `json:"dataset"`
	Inputs    []PublishInput    `json:"inputs"`
	Index     objects.Ref       `json:"index"`
	Persons   objects.Ref       `json:"persons"`
	Linkage   string            `json:"linkage"`
	Names     int               `json:"names,omitempty"` // number of the key that names people and entities; 0 is the first
	// Guards are the tables, of the sources behind Inputs, in which a person's
	// own record can be withdrawn or left out. Nothing of such a person at that
	// source is published, in whatever table and delivery it came.
	Guards []PublishInput `json:"guards,omitempty"`
	// Own are the dataset's own codes of restricted groups, which the synthetic
	// version must not hold.
	Own restricted.Codes `json:"own,omitempty"`
	// Objections are persons whose whole record is left out.
	Objections objects.Ref `json:"objections,omitzero"`
}

// PublishResult is what it gives back.
type PublishResult struct {
	Failed    string                 `json:"failed,omitempty"`
	Tables    []PublishedTable       `json:"tables"`
	People    string                 `json:"people"`
	Manifest  objects.Ref            `json:"manifest"`
	Synthetic map[string]objects.Ref `json:"synthetic,omitempty"` // of an older worker
	Marginals map[string]objects.Ref `json:"marginals,omitempty"` // table → signed counts, for a custodian to approve
	Withheld  []Withheld             `json:"withheld,omitempty"`
	Quality   []VariableQuality      `json:"quality"`
	OwnKey    bool                   `json:"own_key,omitempty"` // the tables are sealed by the version's own key
}

// Publish starts the building of a dataset's next version from all accepted
// deliveries and the newest linkage.
func (r *Room) Publish(ctx context.Context, actor store.Actor, dataset string) (*Version, error) {
	var v Version
	err := r.St.Act(ctx, actor, "version.publish", store.Resource{Type: "Dataset", ID: dataset}, func(tx *store.Tx) ([]store.Event, error) {
		d, err := datasets.Get(ctx, tx, dataset)
		if err != nil {
			return nil, err
		}
		l, err := lastLinkage(ctx, tx)
		if err != nil {
			return nil, err
		}
		if err := objectionsLinked(ctx, tx, l); err != nil {
			return nil, err
		}
		if gone, err := holdsRecalled(ctx, tx, l.Deliveries); err != nil || gone {
			if err == nil {
				err = ark.Faultf(ark.Conflict, "a delivery was taken back that the newest linkage used").Do("link again, so that nothing of it is left in the person index")
			}
			return nil, err
		}
		if err := tied(ctx, tx, *d); err != nil {
			return nil, err
		}
		before, err := versions.Where(ctx, tx, "dataset = $1", dataset)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(before, func(v Version) bool { return v.State == "building" }) {
			return nil, ark.Faultf(ark.Conflict, "a version of this dataset is being built already").Do("wait for it to end")
		}
		names, err := CurrentNames(ctx, tx)
		if err != nil {
			return nil, err
		}
		v = Version{ID: tx.NewID(ark.PrefixVersion), Dataset: d.ID, Number: len(before) + 1, State: r.version.Start, Linkage: l.ID, Started: tx.Now(), Dictionary: d.Tables, NamedUnder: names}
		if v.Contracts, err = contractsOf(ctx, tx, *d); err != nil {
			return nil, err
		}
		v.edit(before)
		job := PublishJob{Version: v.ID, Number: v.Number, Edition: v.Edition(), Contracts: v.Contracts, Names: names, Dataset: *d, Index: l.Outputs["index"], Persons: l.Outputs["persons"], Linkage: l.ID, Objections: l.Outputs[ListObjections]}
		if job.Own, err = ownCodes(ctx, tx, *d); err != nil {
			return nil, err
		}
		if job.Inputs, job.Guards, err = publishInputs(ctx, tx, *d); err != nil {
			return nil, err
		}
		for _, in := range job.Inputs {
			if !slices.Contains(v.Deliveries, in.Delivery) {
				v.Deliveries = append(v.Deliveries, in.Delivery)
			}
		}
		if len(job.Inputs) == 0 {
			return nil, ark.Faultf(ark.Conflict, "none of this dataset's sources has an accepted delivery").Do("deliver files first")
		}
		if _, err := tx.Enqueue(ctx, "publish", "publish", v.ID, job); err != nil {
			return nil, err
		}
		return []store.Event{{Type: "version.started", Subjects: []string{v.ID, d.ID, l.ID}}}, versions.Insert(ctx, tx, &v)
	})
	if err != nil {
		return nil, err
	}
	return &v, nil
}

// publishInputs names what feeds a dataset's tables, and what guards it.
func publishInputs(ctx context.Context, q store.Querier, d Dataset) (in, guards []PublishInput, err error) {
	guarded := map[string]bool{}
	for _, t := range d.Tables {
		for _, o := range t.From {
			s, err := sources.First(ctx, q, "slug = $1", o.Source)
			if err != nil {
				return nil, nil, err
			}
			ds, err := deliveries.Where(ctx, q, "source = $1 AND state = 'accepted'", s.ID)
			if err != nil {
				return nil, nil, err
			}
			BySending(ds)
			contract, err := intake.ParseContract([]byte(s.Contract))
			if err != nil {
				return nil, nil, err
			}
			if contract.Delivers == intake.Full && len(ds) > 1 {
				ds = ds[len(ds)-1:] // the one sent last is all there is
			}
			of := func(table, origin string) (out []PublishInput) {
				for i, dl := range ds {
					if ref, ok := dl.Outputs["payload/"+origin]; ok {
						out = append(out, PublishInput{Table: table, Source: s.Slug, Org: s.Org, Origin: origin, Delivery: dl.ID, Number: dl.Number, Order: i + 1, Ref: ref})
					}
				}
				return out
			}
			in = append(in, of(t.Name, o.Table)...)
			if guarded[s.Slug] {
				continue
			}
			guarded[s.Slug] = true
			for _, ct := range contract.Tables {
				if ct.Withdraws() {
					guards = append(guards, of("", ct.Name)...)
				}
			}
		}
	}
	return in, guards, nil
}

// ApplyVersion records a publishing's result inside the change that ends its job.
func (r *Room) ApplyVersion(ctx context.Context, tx *store.Tx, id string, res PublishResult) ([]store.Event, error) {
	v, err := versions.Get(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	to := "published"
	gone, err := holdsRecalled(ctx, tx, v.Deliveries)
	if err != nil {
		return nil, err
	}
	if gone && res.Failed == "" {
		res.Failed = "A delivery in it was taken back while it was built."
	}
	if res.Failed != "" {
		to = "failed"
	}
	if err := r.version.Move(v.State, to, "version.apply"); err != nil {
		return nil, err
	}
	v.State, v.Says = to, res.Failed
	if to == "failed" {
		return []store.Event{{Type: "version.failed", Subjects: []string{v.ID, v.Dataset}}}, versions.Update(ctx, tx, v)
	}
	v.Published, v.Tables, v.People, v.Manifest, v.Hash, v.Synthetic, v.Marginals, v.Withheld, v.Quality, v.OwnKey = tx.Now(), res.Tables, res.People, res.Manifest, res.Manifest.SHA256, res.Synthetic, res.Marginals, res.Withheld, res.Quality, res.OwnKey
	if err := versions.Update(ctx, tx, v); err != nil {
		return nil, err
	}
	d, err := datasets.Get(ctx, tx, v.Dataset)
	if err != nil {
		return nil, err
	}
	d.Latest = v.ID
	if err := datasets.Update(ctx, tx, d); err != nil {
		return nil, err
	}
	events, err := r.recut(ctx, tx)
	return append([]store.Event{{Type: "version.published", Subjects: []string{v.ID, d.ID}, Body: map[string]any{"manifest": v.Hash, "number": v.Number}}}, events...), err
}
