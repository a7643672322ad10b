package airlock

import (
	"context"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// SampleJob is what the airlock's worker is given to write the files of an
// incident down as samples of the rules.
type SampleJob struct {
	Incident string    `json:"incident"`
	Request  string    `json:"request"`
	Project  string    `json:"project"`
	Profile  string    `json:"profile"`
	Files    []CheckOf `json:"files"`
}

// SampleResult is what it gives back: the file of samples, and which of the
// files the rules stop by themselves, by number.
type SampleResult struct {
	Sample  objects.Ref `json:"sample"`
	Stopped []int       `json:"stopped"`
}

// enqueueSample has the files of an incident written down as samples.
func (in *Incident) enqueueSample(ctx context.Context, tx *store.Tx, r *Request) error {
	job := SampleJob{Incident: in.ID, Request: r.ID, Project: r.Project, Profile: r.Profile}
	for _, f := range r.Files {
		if slices.ContainsFunc(in.Cases, func(c Case) bool { return c.Ordinal == f.Ordinal && c.Ref.SHA256 == f.Ref.SHA256 }) {
			job.Files = append(job.Files, CheckOf{ID: f.ID, Name: f.Name, Kind: f.Kind, Ref: f.Ref, Ordinal: f.Ordinal})
		}
	}
	if len(job.Files) == 0 {
		return nil
	}
	_, err := tx.Enqueue(ctx, "sample", "airlock", r.ID, job)
	return err
}

// ApplySample records the samples inside the change that ends their job.
func (x *Room) ApplySample(ctx context.Context, tx *store.Tx, job SampleJob, res SampleResult) ([]store.Event, error) {
	in, err := incidents.Get(ctx, tx, job.Incident)
	if err != nil {
		return nil, err
	}
	if res.Sample.Zone != objects.Outputs || len(res.Sample.SHA256) != 64 {
		return nil, ark.Faultf(ark.Internal, "the samples are not where they are kept")
	}
	in.Sample = res.Sample
	for i := range in.Cases {
		in.Cases[i].Judged, in.Cases[i].Stopped = true, slices.Contains(res.Stopped, in.Cases[i].Ordinal)
	}
	return []store.Event{{Type: "incident.sampled", Project: in.Project, Subjects: []string{in.Release, in.Project, in.ID}, Body: map[string]int{"cases": len(in.Cases)}}}, incidents.Update(ctx, tx, in)
}
