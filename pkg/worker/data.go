package worker

import (
	"context"
	"path/filepath"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/catalogue/publish"
	"github.com/ark-tre/ark/pkg/catalogue/selection"
	"github.com/ark-tre/ark/pkg/engine"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/work"
	"github.com/ark-tre/ark/policies/disclosure"
	"github.com/ark-tre/ark/workspace"
	"github.com/ark-tre/ark/workspace/cut"
)

func (b Bench) publishSteps() []work.Step {
	shop := publish.Shop{Objects: b.Objects, Keys: b.Keys, Tmp: b.Tmp}
	return []work.Step{step("build", func(ctx context.Context, job catalogue.PublishJob, _ none) (any, error) {
		return shop.Build(ctx, job)
	})}
}

// certifySteps end a version whose key was destroyed.
func (b Bench) certifySteps() []work.Step {
	shop := publish.Shop{Objects: b.Objects, Keys: b.Keys, Tmp: b.Tmp}
	return []work.Step{step("certify", func(ctx context.Context, job catalogue.EndVersionJob, _ none) (any, error) {
		return shop.Certify(ctx, job)
	})}
}

// synthesisSteps make a synthetic version from what a custodian approved, and
// then attack it with the version's own rows, which the first step never has.
func (b Bench) synthesisSteps() []work.Step {
	shop := publish.Shop{Objects: b.Objects, Keys: b.Keys, Tmp: b.Tmp}
	return []work.Step{step("draw", func(ctx context.Context, job catalogue.SynthesisJob, _ none) (any, error) {
		job.Tables = nil
		return shop.Synthesize(ctx, job)
	}), step("attack", func(ctx context.Context, job catalogue.SynthesisJob, drawn catalogue.SynthesisResult) (any, error) {
		return shop.Attack(ctx, job, drawn)
	})}
}

func (b Bench) feasibilitySteps() []work.Step {
	return []work.Step{step("count", func(ctx context.Context, job catalogue.FeasibilityJob, _ none) (any, error) {
		profile, err := disclosure.Shipped(job.Cut.Profile)
		if err != nil {
			return nil, err
		}
		people, err := selection.Reader{Open: selection.Objects(b.Objects), Cut: job.Cut}.People(ctx)
		if err != nil {
			return nil, err
		}
		return catalogue.FeasibilityResult{People: disclosure.RoundCount(profile, int64(len(people))).Text}, nil
	})}
}

// assessSteps measure how identifiable the first dataset's cut would be for
// each dataset asked, and give the largest figures.
func (b Bench) assessSteps() []work.Step {
	return []work.Step{step("measure", func(ctx context.Context, job governance.AssessJob, _ none) (any, error) {
		var out governance.Assessment
		for _, c := range job.Asks {
			profile, err := disclosure.Shipped(c.Profile)
			if err != nil {
				return nil, err
			}
			m, err := selection.Reader{Open: selection.Objects(b.Objects), Cut: c}.Measure(ctx, profile, c.Quasi)
			if err != nil {
				return nil, err
			}
			out.Datasets = append(out.Datasets, governance.DatasetAssessment{Dataset: c.Dataset, Title: c.Slug, People: m.People, Coverage: m.Coverage, Unique: m.Unique})
			out.Quasi = append(out.Quasi, c.Quasi...)
			out.Sensitive = append(out.Sensitive, c.Sensitive...)
			out.ComputedFrom = append(out.ComputedFrom, c.Version)
			for _, t := range c.Tables {
				out.Variables += len(t.Variables)
			}
		}
		return out, nil
	})}
}

func (b Bench) cutSteps() []work.Step {
	shop := cut.Shop{Objects: b.Objects, Keys: b.Keys, Tmp: b.Tmp, Database: func(ctx context.Context, dir string, tables map[string]string, out string) error {
		files := engine.Tables{}
		for name, path := range tables {
			files[name] = filepath.Base(path)
		}
		return b.Engine.BuildDatabase(ctx, dir, files, filepath.Base(out))
	}}
	return []work.Step{step("cut", func(ctx context.Context, job workspace.CutJob, _ none) (any, error) {
		return shop.Cut(ctx, job)
	})}
}

// endSteps delete an extract's objects. With an object goes its data key, which
// lies in it, wrapped by the project's key.
func (b Bench) endSteps() []work.Step {
	return []work.Step{step("delete", func(ctx context.Context, job workspace.EndJob, _ none) (any, error) {
		var res workspace.EndResult
		for _, ref := range job.Refs {
			if ref.Zone != objects.Extracts {
				return nil, ark.Faultf(ark.Invalid, "an extract names an object of another zone")
			}
			if err := b.Objects.Delete(ctx, ref.Zone, ref.Name); err != nil && !ark.Is(err, ark.Unknown) {
				return nil, err
			}
			res.Objects, res.Bytes = res.Objects+1, res.Bytes+ref.Size
		}
		return res, nil
	})}
}
