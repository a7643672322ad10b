package publish

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/gowebpki/jcs"

	"github.com/ark-tre/ark/pkg/attest"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/policies/disclosure"
)

// ManifestType is the payload type of a signed version manifest.
const ManifestType = "application/vnd.ark.version+json"

// Manifest says what a version is and what was done to make it. Every count of
// people or of what was left out has passed the disclosure profile.
type Manifest struct {
	Dataset    string            `json:"dataset"`
	Version    string            `json:"version"`
	Number     int               `json:"number"`
	Edition    string            `json:"edition,omitempty"`
	Contracts  map[string]string `json:"contracts,omitempty"` // source → name and version
	Linkage    string            `json:"linkage"`
	Names      int               `json:"names"` // number of the key that names people and entities
	Deliveries []string          `json:"deliveries"`
	Profile    string            `json:"profile"`
	People     string            `json:"people"`
	Objections string            `json:"objections"` // rows left out, as the profile shows them
	Unlinked   string            `json:"unlinked"`   // rows without a person
	Withheld   string            `json:"withheld"`   // rows of people whose own record the source withdrew, or may not pass
	Tables     []ManifestTable   `json:"tables"`
}

// ManifestTable is one table in a manifest.
type ManifestTable struct {
	Name      string               `json:"name"`
	SHA256    string               `json:"sha256"`
	Rows      string               `json:"rows"`
	Marginals string               `json:"marginals"`       // SHA-256 of the signed counts behind the synthetic version
	Twice     string               `json:"twice,omitempty"` // rows that two organisations sent alike of one person
	Variables []catalogue.Variable `json:"variables"`
}

// manifest writes and signs the version's manifest.
func (b *build) manifest(ctx context.Context, res catalogue.PublishResult) (objects.Ref, error) {
	m := Manifest{Dataset: b.job.Dataset.Slug, Version: b.job.Version, Number: b.job.Number, Edition: b.job.Edition, Contracts: b.job.Contracts, Linkage: b.job.Linkage, Names: max(1, b.job.Names), Deliveries: sourcesOf(b.job),
		Profile: b.job.Dataset.Profile, People: res.People,
		Objections: disclosure.RoundCount(b.profile, b.removed).Text, Unlinked: disclosure.RoundCount(b.profile, b.loose).Text,
		Withheld: disclosure.RoundCount(b.profile, b.withheld).Text}
	for _, t := range res.Tables {
		def, _ := b.job.Dataset.Table(t.Name)
		m.Tables = append(m.Tables, ManifestTable{Name: t.Name, SHA256: t.Ref.SHA256, Rows: t.RowText, Marginals: res.Marginals[t.Name].SHA256, Twice: t.Twice, Variables: def.Variables})
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return objects.Ref{}, err
	}
	canonical, err := jcs.Transform(raw)
	if err != nil {
		return objects.Ref{}, err
	}
	signed, err := attest.Sign(ctx, b.Keys, SigningKey, ManifestType, canonical)
	if err != nil {
		return objects.Ref{}, err
	}
	return b.Objects.Put(ctx, objects.Versions, b.name("manifest.json"), VersionsKey, bytes.NewReader(signed))
}
