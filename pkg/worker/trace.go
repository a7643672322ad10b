package worker

import (
	"context"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/catalogue/publish"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/pseudonym"
	"github.com/ark-tre/ark/pkg/work"
	"github.com/ark-tre/ark/workspace/cut"
	"github.com/ark-tre/ark/workspace/trace"
	"github.com/ark-tre/ark/workspace/trace/seal"
)

// traceSteps find whose a project's pseudonym is by naming everybody in the
// index as the project does: names go one way only.
func (b Bench) traceSteps() []work.Step {
	return []work.Step{step("find", func(ctx context.Context, job trace.FindJob, _ none) (any, error) {
		inArk, err := b.hasher(ctx, publish.NamesKey(job.Names), "names")
		if err != nil {
			return nil, err
		}
		project, err := b.hasher(ctx, cut.ProjectKey(job.Project), "names")
		if err != nil {
			return nil, err
		}
		var res trace.FindResult
		var last string
		var theirs bool
		err = b.rows(ctx, job.Index, []string{"person_record_key", "person_id"}, func(r []columnar.Value) {
			if id := r[1].Str(); id != last {
				last, theirs = id, project.Name(pseudonym.Person, inArk.Name(pseudonym.Person, id)) == job.Pseudonym
			}
			if theirs {
				res.Records = append(res.Records, r[0].Str())
			}
		})
		return res, err
	})}
}

// rotateSteps make the next key of names. One that is there was made by an
// attempt that was cut off, for numbers are given once.
func (b Bench) rotateSteps() []work.Step {
	return []work.Step{step("make", func(ctx context.Context, job catalogue.NameKeyJob, _ none) (any, error) {
		if job.Number < 2 {
			return nil, ark.Faultf(ark.Invalid, "the first key of names is not made twice")
		}
		if err := b.Keys.Create(ctx, publish.NamesKey(job.Number)); err != nil && !ark.Is(err, ark.Conflict) {
			return nil, err
		}
		return catalogue.NameKeyResult{}, nil
	})}
}

// identifySteps read the sending organisations' own records, and seal them to
// the keys of those organisations.
func (b Bench) identifySteps() []work.Step {
	return []work.Step{step("seal", func(ctx context.Context, job trace.IdentifyJob, _ none) (any, error) {
		found := map[string]map[string]seal.Record{} // organisation → record → what it says; a later delivery's counts
		for _, in := range job.Inputs {
			err := b.rows(ctx, in.Ref, []string{"record_key", "nhs_number", "given_name", "family_name", "date_of_birth"}, func(r []columnar.Value) {
				if !slices.Contains(job.Records, r[0].Str()) {
					return
				}
				if found[in.Org] == nil {
					found[in.Org] = map[string]seal.Record{}
				}
				found[in.Org][r[0].Str()] = seal.Record{Source: in.Source, NHSNumber: r[1].Text(), GivenName: r[2].Text(), FamilyName: r[3].Text(), DateOfBirth: r[4].Text()}
			})
			if err != nil {
				return nil, err
			}
		}
		var res trace.IdentifyResult
		for org, public := range job.Keys {
			if len(found[org]) == 0 {
				continue
			}
			a := seal.Answer{Trace: job.Trace, Why: job.Why, About: job.About}
			for _, key := range job.Records {
				if rec, ok := found[org][key]; ok {
					a.Records = append(a.Records, rec)
				}
			}
			tok, err := seal.Seal(public, org, a)
			if err != nil {
				return nil, err
			}
			res.Tokens = append(res.Tokens, *tok)
		}
		slices.SortFunc(res.Tokens, func(x, y seal.Token) int {
			if x.Org < y.Org {
				return -1
			}
			return 1
		})
		return res, nil
	})}
}

func (b Bench) hasher(ctx context.Context, key keys.Name, context string) (*pseudonym.Hasher, error) {
	secret, err := b.Keys.Derive(ctx, key, context)
	if err != nil {
		return nil, err
	}
	defer secret.Wipe()
	return pseudonym.New(secret.Reveal())
}
