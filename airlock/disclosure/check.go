package disclosure

import (
	"context"
	"errors"
	"io"
	"path"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// File is a table to judge.
type File struct {
	Name   string    // as findings name it; only its extension is interpreted
	Reader io.Reader // the bytes

	// Pseudonym tells whether a word is a pseudonym of the project (or any
	// other known key). Nil: no such key is known, and none is looked for.
	Pseudonym func(string) bool

	// Populations are published populations by area, lower case: whoever has
	// them can turn a rate into a count.
	Populations map[string]int64

	// Attacker narrows withheld counts by linear programmes. Nil: bounds and
	// elimination alone, which find less.
	Attacker Attacker
}

// perRule bounds the findings of one rule; one more says how many were left.
const perRule = 500

// CheckTable judges one table under a profile. An error means that judging
// itself was interrupted; anything wrong with the file is a finding, and a
// file that can't be read fails.
func CheckTable(ctx context.Context, p policy.Profile, f File) (Verdict, []Finding, error) {
	if err := p.Check(); err != nil && !strings.Contains(p.Name, "+") {
		return Fail, nil, err // the zero profile, or a damaged one, judges nothing
	}
	if f.Reader == nil {
		return Fail, nil, ark.Faultf(ark.Invalid, "there is nothing to check")
	}
	b, err := io.ReadAll(io.LimitReader(f.Reader, maxBytes+1))
	if err != nil {
		return Fail, nil, ark.Faultf(ark.Unavailable, "the file could not be read").Because(err)
	}
	findings, t := readBytes(p, f, b)
	if t != nil {
		got, err := judgeTable(ctx, p, f, t)
		if err != nil {
			return Fail, nil, err
		}
		findings = append(findings, got...)
	}
	attribute(p, findings)
	Sort(findings)
	return Judge(findings), findings, nil
}

// judgeTable applies every rule to a table.
func judgeTable(ctx context.Context, p policy.Profile, f File, t *table) ([]Finding, error) {
	v := understand(t, p)
	v.pseudonym, v.populations = f.Pseudonym, f.Populations
	var out []Finding
	for _, r := range Rules() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if r.check == nil {
			continue
		}
		got := r.check(v)
		for i := range got {
			got[i].Rule = r.ID
		}
		out = append(out, limit(got)...)
	}
	got, err := recoverable(ctx, []*view{v}, nil, f.Attacker)
	return append(out, got...), err
}

// readBytes reads the file; without a table it gives the findings that say why.
func readBytes(p policy.Profile, f File, b []byte) ([]Finding, *table) {
	ext := strings.ToLower(strings.TrimPrefix(path.Ext(f.Name), "."))
	findings := []Finding{}
	if !p.AllowsFile(ext) {
		findings = append(findings, Finding{Rule: "file-type", Severity: SevFail, File: f.Name, Evidence: map[string]string{"extension": ext, "allowed": strings.Join(p.Files, " ")},
			Says: "this type of file may not leave under the profile", Repair: "save the table as CSV"})
	}
	if p.AllowsFile(ext) && ext != "csv" && ext != "tsv" && !isParquet(b) {
		return append(findings, checkText(p, f, b)...), nil
	}
	t, err := readTable(f.Name, b)
	if err != nil {
		says, line := "the file cannot be read as a table", 0
		var u *errUnreadable
		if errors.As(err, &u) {
			says, line = u.says, u.line
		}
		return append(findings, Finding{Rule: "table-unreadable", Severity: SevFail, File: f.Name, Where: Where{Line: line},
			Says: says, Repair: "save the table as UTF-8 CSV with one header row and one record per line", Evidence: map[string]string{}}), nil
	}
	return findings, t
}

// limit keeps the first findings of a rule and says how many more there were.
func limit(fs []Finding) []Finding {
	if len(fs) <= perRule {
		return fs
	}
	more := fs[perRule]
	more.Where.Cell, more.row, more.col = nil, 1<<30, 0
	more.Evidence = map[string]string{"more": itoa(len(fs) - perRule)}
	more.Says = "further places break this rule; they are not listed"
	for _, f := range fs[perRule:] {
		if f.Severity == SevFail {
			more.Severity = SevFail
		}
	}
	return append(fs[:perRule:perRule], more)
}
