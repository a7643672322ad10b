package worker

import (
	"bytes"
	"context"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/differencing"
	disclose "github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/airlock/rederive"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/work"
	"github.com/ark-tre/ark/policies/disclosure"
)

// publishedSteps look into the file of a table that was published elsewhere
// and keep its figures by their labels in the sealed store, beside those of
// releases: who stands behind them is not known.
func (b Bench) publishedSteps() []work.Step {
	return []work.Step{step("keep", func(ctx context.Context, job airlock.PublishedJob, _ none) (any, error) {
		profile, err := Profile(job.Profile)
		if err != nil {
			return nil, err
		}
		data, err := b.bytes(ctx, job.File)
		if err != nil {
			return nil, err
		}
		s, err := b.Inspect.Start(ctx, nil)
		if err != nil {
			return nil, err
		}
		defer s.Close()
		found, err := s.Look(ctx, inspect.Item{Name: job.Name, Data: data, Allowed: airlock.PublishedEndings(), Tables: true})
		if err != nil {
			return nil, err
		}
		return b.keepPublished(ctx, profile, job, data, found)
	})}
}

// keepPublished keeps the figures of an inspected table.
func (b Bench) keepPublished(ctx context.Context, profile disclosure.Profile, job airlock.PublishedJob, data []byte, found inspect.Result) (airlock.PublishedResult, error) {
	var res airlock.PublishedResult
	for _, x := range found.Findings {
		if x.Severity == disclose.SevFail {
			res.Refused = "its file was stopped by inspection: " + x.Says
			return res, nil
		}
	}
	if found.Rebuilt != nil && found.Ending == "" {
		data = found.Rebuilt
	}
	tables, err := tablesOf(airlock.CheckOf{Name: job.Name}, data, found)
	if ark.Is(err, ark.TooMuch) {
		res.Refused = fault(err).Says
		return res, nil
	}
	if err != nil {
		return res, err
	}
	kept := differencing.Release{ID: job.ID}
	for _, t := range tables {
		one, _, err := rederive.Contents(profile, rederive.Output{Name: t.name, Data: t.data}, nil)
		if err != nil {
			return res, err
		}
		kept.Plain = append(kept.Plain, one.Plain...)
	}
	switch res.Figures = len(kept.Plain); {
	case res.Figures == 0:
		res.Refused = "no figures were found in it that could be compared: give a table with a heading, a column of labels and columns of figures"
		return res, nil
	case res.Figures > airlock.MaxPublishedFigures:
		return airlock.PublishedResult{Refused: "it holds more figures than are compared; give the tables about this dataset alone"}, nil
	}
	sets, err := kept.Marshal()
	if err != nil {
		return res, err
	}
	res.Sets, err = b.Objects.Put(ctx, objects.Contributors, "published/"+job.ID+".sets", ContributorsKey, bytes.NewReader(sets))
	return res, err
}
