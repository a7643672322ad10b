package disclosure

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"path"
	"sort"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// acroResults is the part of ACRO's results.json that Ark reads. What it says
// about outcomes is not believed: outputs are judged afresh.
type acroResults struct {
	Version string                `json:"version"`
	Results map[string]acroOutput `json:"results"`
}

type acroOutput struct {
	UID    string `json:"uid"`
	Status string `json:"status"`
	Type   string `json:"type"`
	Files  []struct {
		Name string `json:"name"`
	} `json:"files"`
}

func fileChanged() Rule {
	return Rule{ID: "file-changed", Effective: "2026-11-22", Clause: "ACRO checksums/NAME.txt, sha256 in hex",
		Applies: "the results of ACRO or SACRO", Needs: "the results folder",
		Says: "A file is missing, or is not the one whose checksum was recorded."}
}

func fileNotATable() Rule {
	return Rule{ID: "file-not-a-table", Effective: "2026-11-22", Clause: "can't tell is for review",
		Applies: "files that may leave and are no tables", Needs: "the file",
		Says: "Pictures and texts are looked at by a person; texts are searched for identifiers."}
}

// CheckACRO judges the outputs of an ACRO or SACRO results folder from their
// bytes. What like knows besides its name and bytes holds for every file.
func CheckACRO(ctx context.Context, p policy.Profile, dir fs.FS, like File) (map[string]Result, error) {
	b, err := fs.ReadFile(dir, "results.json")
	if err != nil {
		return nil, ark.Faultf(ark.Invalid, "the folder holds no results.json").Do("name the folder that ACRO's finalise wrote").Because(err)
	}
	var rs acroResults
	if err := json.Unmarshal(b, &rs); err != nil || rs.Version == "" || rs.Results == nil {
		return nil, ark.Faultf(ark.Invalid, "results.json is not ACRO's: version and results are needed")
	}
	out := map[string]Result{}
	for name, o := range rs.Results {
		findings := []Finding{}
		for _, f := range o.Files {
			fs, err := checkACROFile(ctx, p, dir, f.Name, like)
			if err != nil {
				return nil, err
			}
			findings = append(findings, fs...)
		}
		if len(o.Files) == 0 {
			findings = append(findings, Finding{Rule: "file-changed", Severity: SevFail, Says: "the output names no file", Repair: "finalise the outputs again", Evidence: map[string]string{}})
		}
		Sort(findings)
		out[name] = Result{Verdict: Judge(findings), Findings: findings}
	}
	return out, nil
}

func checkACROFile(ctx context.Context, p policy.Profile, dir fs.FS, name string, like File) ([]Finding, error) {
	gone := func(says string) []Finding {
		return []Finding{{Rule: "file-changed", Severity: SevFail, File: path.Base(name), Says: says, Repair: "finalise the outputs again", Evidence: map[string]string{}}}
	}
	if !fs.ValidPath(name) || strings.Contains(name, "/") {
		return gone("an output names a file outside its folder"), nil
	}
	f, err := dir.Open(name)
	if err != nil {
		return gone("an output's file is missing"), nil
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return gone("an output's file can't be read"), nil
	}
	var out []Finding
	if sum, err := fs.ReadFile(dir, "checksums/"+name+".txt"); err == nil {
		h := sha256.Sum256(b)
		if !strings.EqualFold(strings.TrimSpace(string(sum)), hex.EncodeToString(h[:])) {
			out = gone("the file is not the one whose checksum was recorded")
		}
	}
	_, found, err := CheckTable(ctx, p, File{Name: name, Reader: strings.NewReader(string(b)), Pseudonym: like.Pseudonym, Attacker: like.Attacker})
	return append(out, found...), err
}

// checkText searches a text for identifiers, line by line, and leaves the rest
// to a person.
func checkText(p policy.Profile, f File, b []byte) []Finding {
	v := &view{t: &table{file: f.Name}, p: p, pseudonym: f.Pseudonym, at: map[[2]int][]int{}}
	for i, line := range strings.Split(string(b), "\n") {
		v.t.notes = append(v.t.notes, note{line: i + 1, text: strings.TrimSpace(line)})
	}
	out := []Finding{{Rule: "file-not-a-table", Severity: SevReview, File: f.Name, Says: "this is no table: a person must look at it", Repair: "say in the context what it shows and what is behind it", Evidence: map[string]string{}}}
	for _, r := range Rules() {
		if strings.HasPrefix(r.ID, "identifier-") || r.ID == "label-encoded" {
			for _, x := range limit(r.check(v)) {
				x.Rule = r.ID
				out = append(out, x)
			}
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Where.Line < out[j].Where.Line })
	return out
}
