package catalogue

import (
	"context"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

// FeasibilityJob asks the publishing worker for a rounded count of people.
type FeasibilityJob struct {
	ID  string `json:"id"`
	Cut Cut    `json:"cut"`
}

// FeasibilityResult is its answer: a text that passed the disclosure profile.
type FeasibilityResult struct {
	People string `json:"people"`
	Failed string `json:"failed,omitempty"`
}

// AskFeasibility logs a question how many people the filters would reach and
// has it answered.
func (r *Room) AskFeasibility(ctx context.Context, actor store.Actor, dataset string, filters map[string]string) (*Feasibility, error) {
	var f Feasibility
	err := r.St.Act(ctx, actor, "feasibility.ask", store.Resource{Type: "Dataset", ID: dataset}, func(tx *store.Tx) ([]store.Event, error) {
		d, err := datasets.Get(ctx, tx, dataset)
		if err != nil {
			return nil, err
		}
		variables := map[string][]string{}
		for table := range filters {
			if t, ok := d.Table(table); ok {
				for _, v := range t.Variables {
					variables[table] = append(variables[table], v.Name)
				}
			}
		}
		if len(variables) == 0 {
			return nil, ark.Faultf(ark.Invalid, "no filter is given").At("", 0, "filters").Do("write one, such as year_of_birth < 1970 on the table person")
		}
		cut, err := r.Plan(ctx, tx, dataset, "", variables, filters)
		if err != nil {
			return nil, err
		}
		f = Feasibility{ID: tx.NewID(ark.PrefixFeasibility), Dataset: dataset, Version: cut.Version, User: actor.User, Filters: filters, Asked: tx.Now(), State: "asked"}
		if _, err := tx.Enqueue(ctx, "feasibility", "publish", f.ID, FeasibilityJob{ID: f.ID, Cut: *cut}); err != nil {
			return nil, err
		}
		return []store.Event{{Type: "feasibility.asked", Subjects: []string{f.ID, dataset, cut.Version}, Body: filters}}, feasibilities.Insert(ctx, tx, &f)
	})
	if err != nil {
		return nil, err
	}
	return &f, nil
}

// ApplyFeasibility records the answer inside the change that ends its job.
func (r *Room) ApplyFeasibility(ctx context.Context, tx *store.Tx, id string, res FeasibilityResult) ([]store.Event, error) {
	f, err := feasibilities.Get(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	f.State, f.People, f.Says = "answered", res.People, res.Failed
	if res.Failed != "" {
		f.State = "failed"
	}
	return []store.Event{{Type: "feasibility." + f.State, Subjects: []string{id, f.Dataset}}}, feasibilities.Update(ctx, tx, f)
}

// GetFeasibility returns a question and its answer, if it has one yet.
func GetFeasibility(ctx context.Context, q store.Querier, id string) (*Feasibility, error) {
	return feasibilities.Get(ctx, q, id)
}
