package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"runtime/debug"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/bundle"
	disclose "github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/attest"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/policies/disclosure"
)

// InsideType is the payload type of the internal record of a release.
const InsideType = "application/vnd.ark.release-internal+json"

// insideRecord is the internal record of a release: everything that was found
// and decided. It is signed like the public one and never leaves.
type insideRecord struct {
	Schema  string           `json:"schema"`
	Public  bundle.Statement `json:"public"`
	Decided json.RawMessage  `json:"decided"` // by people: votes, sign-offs, overrides, rounds
	Checked []insideFile     `json:"checked"` // by the rules, on the bundle's own bytes
}

type insideFile struct {
	Ordinal    int                `json:"ordinal"`
	SHA256     string             `json:"sha256"`
	Submitted  string             `json:"submitted"` // SHA-256 of what the author sent
	Verdict    string             `json:"verdict"`
	Overridden []string           `json:"overridden,omitempty"`
	Findings   []disclose.Finding `json:"findings"`
}

// publicRecord is what everybody may know of how a release was judged.
func publicRecord(job airlock.ReleaseJob, profile disclosure.Profile) (bundle.Record, error) {
	thresholds, err := json.Marshal(profile)
	if err != nil {
		return bundle.Record{}, err
	}
	r := bundle.Record{Schema: bundle.RecordSchema, Program: program(), Profile: thresholds, Class: job.Class, Apart: job.Apart, SignOffs: job.SignOffs, Released: bundle.Day(job.At)}
	if r.Class == "" {
		r.Class = "output"
	}
	for _, rule := range disclose.Rules() {
		r.Rules = append(r.Rules, bundle.RuleRef{ID: rule.ID, Clause: rule.Clause, Effective: rule.Effective})
	}
	for _, f := range job.Files {
		r.Decisions = append(r.Decisions, bundle.Decision{Ordinal: f.Ordinal, Decision: "approved", Approvals: f.Approvals})
	}
	return r, nil
}

// program names this program and the commit that it was built from.
func program() string {
	out := "ark"
	if info, ok := debug.ReadBuildInfo(); ok {
		out += " " + info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				out += " " + s.Value
			}
		}
	}
	return out
}

// keepRecord signs the internal record and stores it beside the bundle.
func (b Bench) keepRecord(ctx context.Context, job airlock.ReleaseJob, st bundle.Statement, inside insideRecord) (objects.Ref, error) {
	inside.Public = st
	raw, err := json.Marshal(inside)
	if err != nil {
		return objects.Ref{}, err
	}
	signed, err := attest.Sign(ctx, b.Keys, ReleaseKey, InsideType, raw)
	if err != nil {
		return objects.Ref{}, err
	}
	return b.Objects.Put(ctx, objects.Releases, job.Project+"/"+job.Release+".record.json", OutputsKey, bytes.NewReader(signed))
}
