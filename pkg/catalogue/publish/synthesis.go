package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/gowebpki/jcs"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/attest"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/catalogue/restricted"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/policies/disclosure"
)

// ApprovalType is the payload type of a custodian's signed approval.
const ApprovalType = "application/vnd.ark.marginals-approval+json"

// Synthesize makes the synthetic version that a custodian approved, from the
// approved marginals and from nothing else. The statement of the act is signed
// and stored beside it.
func (s Shop) Synthesize(ctx context.Context, job catalogue.SynthesisJob) (catalogue.SynthesisResult, error) {
	res := catalogue.SynthesisResult{Synthetic: map[string]objects.Ref{}}
	profile, err := disclosure.Shipped(job.Profile)
	if err != nil {
		return res, err
	}
	drawn := map[string]io.Reader{}
	for _, table := range slices.Sorted(maps.Keys(job.Marginals)) {
		if drawn[table], err = s.generate(ctx, job, table, profile); err != nil {
			return res, fmt.Errorf("table %s: %w", table, err)
		}
	}
	base := job.Slug + "/" + job.Version + "/synthetic/"
	for table, rows := range drawn {
		if res.Synthetic[table], err = s.Objects.Put(ctx, objects.Versions, base+table+".csv", VersionsKey, rows); err != nil {
			return res, err
		}
	}
	raw, err := json.Marshal(job.Approval)
	if err != nil {
		return res, err
	}
	if raw, err = jcs.Transform(raw); err != nil {
		return res, err
	}
	signed, err := attest.Sign(ctx, s.Keys, SigningKey, ApprovalType, raw)
	if err != nil {
		return res, err
	}
	res.Approval, err = s.Objects.Put(ctx, objects.Versions, fmt.Sprintf("%sapproval-%d.json", base, job.Approval.At.UnixMicro()), VersionsKey, bytes.NewReader(signed))
	return res, err
}

// generate makes one table. It refuses marginals that no custodian's act names
// by their hash, that this Ark's key did not sign, that are of another version
// or table, or that the profile would not let pass.
func (s Shop) generate(ctx context.Context, job catalogue.SynthesisJob, table string, profile disclosure.Profile) (io.Reader, error) {
	a, pinned := job.Approval, job.Marginals[table]
	if a.Custodian == "" || a.Version != job.Version || pinned.SHA256 == "" || a.Hashes[table] != pinned.SHA256 {
		return nil, ark.Faultf(ark.Forbidden, "no custodian has approved these counts").Do("let a custodian of the dataset look at them, and approve them")
	}
	signed, err := s.Objects.Get(ctx, pinned)
	if err != nil {
		return nil, err
	}
	public, err := s.Keys.Public(ctx, SigningKey)
	if err != nil {
		return nil, err
	}
	raw, err := attest.Verify(ctx, signed, MarginalsType, public)
	if err != nil {
		return nil, err
	}
	m, err := ReadMarginals(raw)
	if err != nil {
		return nil, err
	}
	if m.Version != job.Version || m.Table != table || m.Dataset != job.Slug {
		return nil, ark.Faultf(ark.Forbidden, "these counts are of another version or table than was approved")
	}
	judge := restricted.New(nil, job.Own)
	i := slices.IndexFunc(job.Dictionary, func(t catalogue.Table) bool { return t.Name == table })
	if i < 0 {
		return nil, ark.Faultf(ark.Invalid, "the version has no such table")
	}
	if wrong := m.Findings(profile, job.Dictionary[i], judge); len(wrong) > 0 {
		return nil, ark.Faultf(ark.Forbidden, "these counts may not pass: %s", wrong[0])
	}
	return Synthetic(raw, judge)
}
