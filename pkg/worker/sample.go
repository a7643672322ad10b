package worker

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/ark-tre/ark/airlock"
	disclose "github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/work"
)

// sampleSteps write what should not have left down as samples of the rules:
// the bytes, the profile, and the rules of the day that found something. The
// file stays sealed; checkers off the project and auditors may have it.
func (b Bench) sampleSteps() []work.Step {
	return []work.Step{step("write", func(ctx context.Context, job airlock.SampleJob, _ none) (any, error) {
		profile, err := Profile(job.Profile)
		if err != nil {
			return nil, err
		}
		attacker := b.attacker()
		defer attacker.Close()
		res := airlock.SampleResult{Stopped: []int{}}
		var cases []disclose.Case
		for _, f := range job.Files {
			data, err := b.bytes(ctx, f.Ref)
			if err != nil {
				return nil, err
			}
			c := disclose.NewCase(fmt.Sprintf("file-%d", f.Ordinal), "incident "+job.Incident, job.Profile, f.Name, data)
			verdict, found, err := c.Judge(ctx, profile, disclose.File{Attacker: attacker})
			if err != nil {
				return nil, err
			}
			for _, x := range found {
				if x.Severity != disclose.SevInfo && !slices.Contains(c.Rules, x.Rule) {
					c.Rules = append(c.Rules, x.Rule)
				}
			}
			if verdict == disclose.Fail {
				res.Stopped = append(res.Stopped, f.Ordinal)
			}
			cases = append(cases, c)
		}
		text, err := disclose.FormatCases(cases)
		if err != nil {
			return nil, err
		}
		res.Sample, err = b.Objects.Put(ctx, objects.Outputs, job.Project+"/samples/"+job.Incident+".yaml", OutputsKey, bytes.NewReader(text))
		return res, err
	})}
}
