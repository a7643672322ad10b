package worker

import (
	"context"
	"slices"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/acro"
	disclose "github.com/ark-tre/ark/airlock/disclosure"
)

// claims are what ACRO or SACRO says of a request's files, where its author put
// results.json among the supporting files. They are shown beside the findings
// and count for nothing.
type claims struct {
	b       Bench
	files   []airlock.CheckOf
	results *acro.Results
	finding *disclose.Finding // why the results could not be read
	of      string            // the file of the results
}

func (b Bench) claims(ctx context.Context, files []airlock.CheckOf) (*claims, error) {
	c := &claims{b: b, files: files}
	at := slices.IndexFunc(files, func(f airlock.CheckOf) bool {
		return f.Name == acro.ResultsName && f.Kind == airlock.KindSupporting && f.Ref.Size <= acro.MaxBytes
	})
	if at < 0 {
		return c, nil
	}
	c.of = files[at].ID
	data, err := b.bytes(ctx, files[at].Ref)
	if err != nil {
		return nil, err
	}
	if c.results, err = acro.Parse(data); err != nil {
		c.finding = &disclose.Finding{Rule: "acro-unreadable", Severity: disclose.SevInfo, File: files[at].Name, Says: "what ACRO says of the outputs could not be read", Repair: "finalise the outputs again", Evidence: map[string]string{}}
	}
	return c, nil
}

// on is the claim about a file as it was submitted; nil: none was made.
func (c *claims) on(ctx context.Context, f airlock.CheckOf, data []byte) (*acro.Claim, error) {
	if c.results == nil {
		return nil, nil
	}
	claim := c.results.Of(f.Name, data)
	if claim == nil {
		return nil, nil
	}
	at := slices.IndexFunc(c.files, func(o airlock.CheckOf) bool {
		return o.Name == f.Name+".txt" && o.Kind == airlock.KindSupporting && o.Ref.Size < 200
	})
	if at >= 0 {
		recorded, err := c.b.bytes(ctx, c.files[at].Ref)
		if err != nil {
			return nil, err
		}
		claim.Checksum(recorded, f.Ref.SHA256)
	}
	return claim, nil
}
