package worker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/bundle"
	disclose "github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/work"
	"github.com/ark-tre/ark/policies/disclosure"
)

// Profile returns the profile that a permit names: one, or several joined by
// "+", combined as the design says.
func Profile(name string) (disclosure.Profile, error) {
	return disclosure.Joined(name, disclosure.Shipped)
}

func (b Bench) checkSteps() []work.Step {
	return []work.Step{step("inspect", func(ctx context.Context, job airlock.CheckJob, _ none) (any, error) {
		profile, err := Profile(job.Profile)
		if err != nil {
			return nil, err
		}
		res := airlock.CheckResult{}
		damaged, err := b.damaged(ctx, job.Files)
		if err != nil {
			return nil, err
		}
		if len(damaged) > 0 { // nothing is judged: what is not judged counts as failed
			for _, f := range job.Files {
				if slices.Contains(damaged, f.ID) {
					res.Files = append(res.Files, airlock.CheckedFile{ID: f.ID, Verdict: "fail", Damaged: true, Findings: []disclose.Finding{{Rule: "file-changed", Severity: disclose.SevFail, File: f.Name,
						Says: "the stored bytes are not what was submitted", Repair: "submit the file again", Evidence: map[string]string{}}}})
				}
			}
			return res, nil
		}
		look, err := b.look(ctx, profile, job.Behind.Data)
		if err != nil {
			return nil, err
		}
		defer look.Close()
		var all []leaving
		at := []int{} // of each leaving file among the results
		again := b.again(profile, job.Behind)
		again.attacker = look.attacker
		defer again.close()
		said, err := b.claims(ctx, job.Files)
		if err != nil {
			return nil, err
		}
		for _, f := range job.Files {
			data, err := b.bytes(ctx, f.Ref)
			if err != nil {
				return nil, err
			}
			sent := f
			var found inspect.Result
			if f.Kind == airlock.KindSupporting {
				found, err = look.file(ctx, f, data)
			} else {
				found, f, data, err = look.clean(ctx, f, data, job.Files)
			}
			if err != nil {
				return nil, err
			}
			if f.Kind != airlock.KindSupporting {
				l := leaving{file: f}
				if l.tables, err = tablesOf(f, data, found); err != nil {
					return nil, err
				}
				all, at = append(all, l), append(at, len(res.Files))
				if found.Findings, err = again.judge(ctx, l, found.Findings); err != nil {
					return nil, err
				}
				found.Verdict = disclose.Judge(found.Findings)
			}
			verdict := string(found.Verdict)
			if f.Kind == airlock.KindSupporting && verdict == "fail" {
				verdict = "review" // it never leaves: checkers may see what cannot go
			}
			c := airlock.CheckedFile{ID: f.ID, Type: found.Type, Verdict: verdict, Findings: found.Findings}
			if c.ACRO, err = said.on(ctx, sent, data); err != nil {
				return nil, err
			}
			if f.ID == said.of && said.finding != nil {
				c.Findings = append(c.Findings, *said.finding)
			}
			if f.Submitted.Name != "" {
				if c.Clean, err = b.keepClean(ctx, job.Project, f, data); err != nil {
					return nil, err
				}
				if c.Clean.Ref.SHA256 == sent.Ref.SHA256 && c.Clean.Name == sent.Name {
					return nil, ark.Faultf(ark.Internal, "the clean file is the submitted one")
				}
			}
			res.Files = append(res.Files, c)
		}
		joint, err := look.together(ctx, all)
		if err != nil {
			return nil, err
		}
		for i, more := range joint {
			if len(more) > 0 {
				c := &res.Files[at[i]]
				c.Findings = append(c.Findings, more...)
				disclose.Sort(c.Findings)
				c.Verdict = string(disclose.Judge(c.Findings))
			}
		}
		return res, nil
	})}
}

// keepClean stores the clean file made of a submitted one.
func (b Bench) keepClean(ctx context.Context, project string, f airlock.CheckOf, data []byte) (airlock.Submitted, error) {
	sum := sha256.Sum256(data)
	ref, err := b.Objects.Put(ctx, objects.Outputs, project+"/clean/"+f.ID+"-"+hex.EncodeToString(sum[:8]), OutputsKey, bytes.NewReader(data))
	return airlock.Submitted{Name: f.Name, Ref: ref}, err
}

// bytes reads a submitted file, verified against its pin.
func (b Bench) bytes(ctx context.Context, ref objects.Ref) ([]byte, error) {
	if ref.Size > inspect.MaxFile {
		return bytes.Repeat([]byte{0}, inspect.MaxFile+1), nil // inspect refuses it by its size
	}
	r, err := b.Objects.Open(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// damaged names the submitted files whose stored bytes are not what was
// submitted.
func (b Bench) damaged(ctx context.Context, files []airlock.CheckOf) (out []string, err error) {
	for _, f := range files {
		whole, err := b.whole(ctx, f.Ref)
		if err != nil {
			return nil, err
		}
		if !whole {
			out = append(out, f.ID)
		}
	}
	return out, nil
}

// whole reads an object to its end and reports whether it is what was stored.
func (b Bench) whole(ctx context.Context, ref objects.Ref) (bool, error) {
	r, err := b.Objects.Open(ctx, ref)
	if err == nil {
		_, err = io.Copy(io.Discard, r)
		r.Close()
	}
	if errors.Is(err, objects.ErrDamaged) {
		return false, nil
	}
	return err == nil, err
}

// releaseSteps assemble the bundle, open it again from its bytes, judge every
// file once more, and only then sign and store it.
func (b Bench) releaseSteps() []work.Step {
	return []work.Step{step("seal", func(ctx context.Context, job airlock.ReleaseJob, _ none) (any, error) {
		profile, err := Profile(job.Profile)
		if err != nil {
			return nil, err
		}
		st := bundle.Statement{Release: job.Release, Request: job.Request, Project: job.Project, Permit: job.Permit, PermitHash: job.PermitHash,
			Destination: job.Destination, Checkers: job.Checkers, Checkpoint: job.Checkpoint,
			Checked: bundle.Rule{Profile: job.Profile}}
		if st.Record, err = publicRecord(job, profile); err != nil {
			return nil, err
		}
		inside := insideRecord{Schema: "ark-internal-record/1", Decided: job.Inside, Checked: []insideFile{}}
		look, err := b.look(ctx, profile, job.Behind.Data)
		if err != nil {
			return nil, err
		}
		defer look.Close()
		again := b.again(profile, job.Behind)
		again.attacker = look.attacker
		defer again.close()
		damaged, err := b.damaged(ctx, job.Files)
		if err != nil {
			return nil, err
		}
		if len(damaged) > 0 {
			return airlock.ReleaseResult{Refused: "the stored bytes of a file are not what was submitted", Damaged: damaged}, nil
		}
		var all []leaving
		var results []inspect.Result
		for _, f := range job.Files {
			data, err := b.bytes(ctx, f.Ref)
			if err != nil {
				return nil, err
			}
			found, err := look.file(ctx, f, data)
			if err != nil {
				return nil, err
			}
			l := leaving{file: f}
			if l.tables, err = tablesOf(f, data, found); err != nil {
				return nil, err
			}
			all, results = append(all, l), append(results, found)
			st.Files = append(st.Files, bundle.File{Ordinal: f.Ordinal, Name: f.Name, Data: data})
		}
		joint, err := look.together(ctx, all)
		if err != nil {
			return nil, err
		}
		for i, f := range job.Files {
			found := results[i]
			found.Findings = append(found.Findings, joint[i]...)
			if found.Findings, err = again.judge(ctx, all[i], found.Findings); err != nil {
				return nil, err
			}
			disclose.Sort(found.Findings)
			found.Verdict = disclose.Judge(found.Findings)
			if found.Verdict != "pass" && found.Verdict != "review" && !waved(found.Findings, f.Overridden) {
				return airlock.ReleaseResult{Refused: "the files did not pass the checks that come before signing"}, nil
			}
			sent := f.Ref.SHA256
			if f.Submitted.Name != "" {
				sent = f.Submitted.Ref.SHA256
			}
			inside.Checked = append(inside.Checked, insideFile{f.Ordinal, f.Ref.SHA256, sent, string(found.Verdict), f.Overridden, found.Findings})
		}
		res, err := b.seal(ctx, job, st, inside)
		if err != nil {
			return nil, err
		}
		res.Contributors, res.Exposure, err = again.keepSets(ctx, job, all)
		return res, err
	})}
}

// waved reports whether every rule that failed is one that was decided not to
// apply to this file.
func waved(found []disclose.Finding, overridden []string) bool {
	failed := false
	for _, x := range found {
		if x.Severity != disclose.SevFail {
			continue
		}
		if failed = true; !slices.Contains(overridden, x.Rule) {
			return false
		}
	}
	return failed
}

func (b Bench) seal(ctx context.Context, job airlock.ReleaseJob, st bundle.Statement, inside insideRecord) (airlock.ReleaseResult, error) {
	var res airlock.ReleaseResult
	data, err := bundle.Seal(ctx, b.Keys, ReleaseKey, st)
	if err != nil {
		return res, err
	}
	pub, err := b.Keys.Public(ctx, ReleaseKey)
	if err != nil {
		return res, err
	}
	again, err := bundle.Verify(ctx, data, pub)
	if err != nil {
		return res, err
	}
	for i, f := range again.Files {
		if f.SHA256 != job.Files[i].Ref.SHA256 {
			return res, ark.Faultf(ark.Internal, "the bundle does not hold what was approved")
		}
		res.Files = append(res.Files, airlock.ReleasedFile{Ordinal: f.Ordinal, Name: f.Name, SHA256: f.SHA256, Size: f.Size})
	}
	if res.Record, err = b.keepRecord(ctx, job, again, inside); err != nil {
		return res, err
	}
	res.Bundle, err = b.Objects.Put(ctx, objects.Releases, job.Project+"/"+job.Release+".zip", OutputsKey, bytes.NewReader(data))
	return res, err
}
