package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gowebpki/jcs"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/attest"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/objects"
)

// CertificateType is the payload type of a signed certificate of deletion.
const CertificateType = "application/vnd.ark.version-destroyed+json"

// Certificate says that a version is destroyed: who ordered and confirmed it,
// how it was done, that nothing of it opened afterwards, and what remains.
type Certificate struct {
	Dataset   string             `json:"dataset"`
	Version   string             `json:"version"`
	Number    int                `json:"number"`
	Manifest  string             `json:"manifest"` // SHA-256 of the signed manifest, which stays
	Tables    []CertificateTable `json:"tables"`
	Ordered   string             `json:"ordered"`
	OrderedAt time.Time          `json:"ordered_at"`
	Confirmed string             `json:"confirmed"`
	At        time.Time          `json:"at"`
	Key       *keys.Evidence     `json:"key"`
	Remains   []string           `json:"remains"`
}

// CertificateTable is one destroyed table.
type CertificateTable struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"` // of what it held
}

// Certify signs that a version is destroyed, once it has tried to open each of
// its tables and its destroyed key refused.
func (s Shop) Certify(ctx context.Context, job catalogue.EndVersionJob) (catalogue.EndVersionResult, error) {
	var res catalogue.EndVersionResult
	if job.Ending.Key == nil || job.Ending.Key.Name != VersionKey(job.Version) || job.Ending.Ordered == "" || job.Ending.Confirmed == "" {
		return res, ark.Faultf(ark.Forbidden, "there is no evidence that this version's key was destroyed by two people's order")
	}
	c := Certificate{Dataset: job.Dataset, Version: job.Version, Number: job.Number, Manifest: job.Manifest, Tables: []CertificateTable{}, Ordered: job.Ending.Ordered, OrderedAt: job.Ending.OrderedAt, Confirmed: job.Ending.Confirmed, At: job.At, Key: job.Ending.Key, Remains: []string{
		fmt.Sprintf("the sealed bytes of %d tables, which no key opens any more: the object store gives them up when their lock has run out", len(job.Tables)),
		"the manifest, the counts of people that passed the disclosure rules and the synthetic tables: they hold no row of anybody",
		"the deliveries and the person index that it was made from, and other versions, each by its own retention",
	}}
	for _, t := range job.Tables {
		f, err := s.Objects.Open(ctx, t.Ref)
		if err == nil {
			f.Close()
			return res, ark.Faultf(ark.Internal, "the table %s still opens after its key was destroyed", t.Name).Do("find the key's copy; nothing is certified before it is gone")
		}
		if !ark.Is(err, ark.Lapsed) {
			return res, err
		}
		c.Tables = append(c.Tables, CertificateTable{t.Name, t.Ref.SHA256})
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return res, err
	}
	if raw, err = jcs.Transform(raw); err != nil {
		return res, err
	}
	signed, err := attest.Sign(ctx, s.Keys, SigningKey, CertificateType, raw)
	if err != nil {
		return res, err
	}
	res.Certificate, err = s.Objects.Put(ctx, objects.Versions, job.Dataset+"/"+job.Version+"/destroyed.json", VersionsKey, bytes.NewReader(signed))
	return res, err
}
