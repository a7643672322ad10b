package worker

import (
	"bytes"
	"context"

	"github.com/ark-tre/ark/airlock"
	disclose "github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/rederive"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/work"
)

// makeSteps make the table of a standing output from its specification and the
// extract of a new version: small cells withheld and counts rounded as the
// profile says. A trial makes it and keeps nothing.
func (b Bench) makeSteps() []work.Step {
	return []work.Step{step("make", func(ctx context.Context, job airlock.MakeJob, _ none) (any, error) {
		table, rows, err := b.makeTable(ctx, job)
		switch ark.KindOf(err) {
		case ark.Invalid, ark.TooMuch:
			return airlock.MakeResult{Failed: fault(err).Says}, nil
		}
		if err != nil {
			return nil, err
		}
		res := airlock.MakeResult{Rows: rows}
		if job.Run != "" {
			res.Table, err = b.Objects.Put(ctx, objects.Outputs, job.Project+"/standing/"+job.Run+".csv", OutputsKey, bytes.NewReader(table))
		}
		return res, err
	})}
}

func (b Bench) makeTable(ctx context.Context, job airlock.MakeJob) ([]byte, int, error) {
	profile, err := Profile(job.Profile)
	if err != nil {
		return nil, 0, err
	}
	a := b.again(profile, airlock.Behind{Data: job.Data})
	defer a.close()
	raw, err := a.b.Objects.Get(ctx, job.Spec)
	if err != nil {
		return nil, 0, err
	}
	spec, err := rederive.Read(bytes.NewReader(raw))
	if err != nil {
		return nil, 0, err
	}
	if spec.Kind != disclose.KindCrosstab {
		return nil, 0, ark.Faultf(ark.Invalid, "only a table can be made again, and this specification is of another kind")
	}
	if len(job.Data.Tables) == 0 {
		return nil, 0, ark.Faultf(ark.Invalid, "the extract behind it has no tables")
	}
	frame, err := a.records(ctx, spec)
	if err != nil {
		return nil, 0, err
	}
	var out bytes.Buffer
	if err := rederive.WriteTable(&out, disclose.Microdata{Frame: frame, Spec: spec.Table(), Unit: person}, profile, true); err != nil {
		return nil, 0, err
	}
	return out.Bytes(), bytes.Count(out.Bytes(), []byte{'\n'}) - 1, nil
}
