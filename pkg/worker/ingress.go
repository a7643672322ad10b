package worker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock"
	disclose "github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/ingress"
	inbound "github.com/ark-tre/ark/airlock/ingress/people"
	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/pseudonym"
	"github.com/ark-tre/ark/pkg/work"
	"github.com/ark-tre/ark/policies/disclosure"
)

// mostIncomingRows is how long a table that comes in may be.
const mostIncomingRows = 1_000_000

// personal are findings that count in what is packed, since it is not held
// against the extract: identifiers and pseudonyms stop it, and records of people
// need the custodians. Addresses of authors and their names are in every package.
var personal = []string{"identifier-nhs-number", "identifier-pseudonym", "identifier-known", "identifier-encoded", "identifier-birth-date", "row-key", "row-level"}

// bringSteps check what is to come into a workspace: what hides in each file,
// malware where a scanner is configured, and what it tells of people, held
// against the extract here, where nobody sees either. What comes in is the
// clean file that inspection makes, where it makes one.
func (b Bench) bringSteps() []work.Step {
	return []work.Step{step("check", func(ctx context.Context, job ingress.CheckJob, _ none) (any, error) {
		if res, err := b.hurt(ctx, job.Files); err != nil || len(res.Files) > 0 {
			return res, err
		}
		known, _, err := b.pseudonyms(ctx, job.Data)
		if err != nil {
			return nil, err
		}
		s, err := b.Inspect.Start(ctx, known)
		if known != nil {
			defer known.Close()
		}
		if err != nil {
			return nil, err
		}
		defer s.Close()
		a := b.again(disclosure.Profile{}, airlock.Behind{Data: job.Data})
		defer a.close()
		res := ingress.CheckResult{}
		for _, f := range job.Files {
			data, err := b.bytes(ctx, f.Ref)
			if err != nil {
				return nil, err
			}
			if f, err = b.bring(ctx, s, a, job, f, data); err != nil {
				return nil, err
			}
			res.Files = append(res.Files, f)
		}
		return res, nil
	})}
}

// hurt are the files to come in whose stored bytes are not what came. Where
// there are any nothing is judged: what is not judged counts as failed.
func (b Bench) hurt(ctx context.Context, files []ingress.File) (res ingress.CheckResult, err error) {
	for _, f := range files {
		whole, err := b.whole(ctx, f.Ref)
		if err != nil {
			return res, err
		}
		if !whole {
			f.Damaged, f.Verdict = true, "fail"
			f.Findings = []disclose.Finding{{Rule: "file-changed", Severity: disclose.SevFail, File: f.Name, Says: "the stored bytes are not what was sent", Repair: "bring the file again", Evidence: map[string]string{}}}
			res.Files = append(res.Files, f)
		}
	}
	return res, nil
}

func (b Bench) bring(ctx context.Context, s *inspect.Session, a *again, job ingress.CheckJob, f ingress.File, data []byte) (ingress.File, error) {
	name, allowed := f.Name, ingress.Endings(job.Kind)
	if strings.EqualFold(path.Ext(name), ".whl") {
		name = strings.TrimSuffix(name, path.Ext(name)) + ".zip" // a wheel is a ZIP of another name
	}
	if job.Kind == ingress.KindPackage {
		allowed = nil // what is packed is of many kinds; each is looked at
	}
	r, err := s.Look(ctx, inspect.Item{Name: name, Data: data, Allowed: allowed, MaxRows: mostIncomingRows})
	if err != nil {
		return f, err
	}
	f.Type = r.Type
	packed := false // records of people, where nobody measures what they could be matched with
	for _, x := range r.Findings {
		if strings.Contains(x.File, "!/") && slices.Contains(personal, x.Rule) {
			packed = packed || strings.HasPrefix(x.Rule, "row-")
			if !strings.HasPrefix(x.Rule, "row-") {
				f.Findings = append(f.Findings, x)
			}
			continue
		}
		if strings.HasPrefix(x.Rule, "identifier-") || x.Rule == "row-key" || x.Rule == "row-level" {
			continue // people in what comes in are judged by what they could be matched with
		}
		f.Findings = append(f.Findings, x)
	}
	// A script or a package stays as it is; of data and pictures the clean file comes in.
	if r.Rebuilt != nil && r.Ending == "" && !bytes.Equal(r.Rebuilt, data) && (job.Kind == ingress.KindFile || job.Kind == ingress.KindReference) {
		sum := sha256.Sum256(r.Rebuilt)
		ref, err := b.Objects.Put(ctx, objects.Outputs, job.Project+"/clean/"+job.Input+"-"+hex.EncodeToString(sum[:8]), OutputsKey, bytes.NewReader(r.Rebuilt))
		if err != nil {
			return f, err
		}
		f.Came, f.Ref, data = f.Ref, ref, r.Rebuilt
	}
	side := extractSide{a: a, data: job.Data}
	found, err := inbound.Look(inbound.Input{Name: f.Name, Data: data, Type: r.Type,
		Own:     func(v string) (bool, error) { return side.own(ctx, v) },
		Extract: func() ([]inbound.Table, error) { return side.tables(ctx) }})
	if err != nil {
		return f, err
	}
	f.Profile = found.Profile
	f.Profile.Persons = f.Profile.Persons || packed
	f.Findings = append(f.Findings, found.Findings...)
	disclose.Sort(f.Findings)
	f.Verdict = string(disclose.Judge(f.Findings))
	return f, nil
}

// extractSide is the extract that an input is held against, read when it is
// first asked for.
type extractSide struct {
	a     *again
	data  airlock.Data
	names map[string]bool
}

func (x *extractSide) tables(ctx context.Context) ([]inbound.Table, error) {
	var out []inbound.Table
	for _, t := range x.data.Tables {
		f, err := x.a.table(ctx, t.Name)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// own reports whether a value is a pseudonym of the extract, of whatever thing.
func (x *extractSide) own(ctx context.Context, v string) (bool, error) {
	if x.names == nil {
		x.names = map[string]bool{}
		all, err := x.tables(ctx)
		if err != nil {
			return false, err
		}
		for _, t := range all {
			for _, name := range t.Names() {
				if t.Len() > 0 && !pseudonym.IsPseudonym(t.At(0, name).Text()) {
					continue // its first value says whether a column holds them
				}
				for i := range t.Len() {
					x.names[t.At(i, name).Text()] = true
				}
			}
		}
	}
	return x.names[v], nil
}
