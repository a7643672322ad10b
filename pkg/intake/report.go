package intake

import (
	"encoding/json"
	"slices"
	"strings"
)

// Report is a delivery's quality report. It holds counts, never values. Its
// figures are exact: whoever shows them outside the zones passes them through
// the dataset's disclosure profile first.
type Report struct {
	Source      string          `json:"source"`
	Delivery    string          `json:"delivery"`
	Contract    string          `json:"contract"`
	Version     string          `json:"contract_version"`
	Hash        string          `json:"contract_sha256"`
	Declared    Declared        `json:"declared"`
	Received    string          `json:"received"`
	Files       []*FileReport   `json:"files"`
	Tables      []*TableReport  `json:"tables"`
	Identifiers *IdentityReport `json:"identifiers,omitempty"`
	Outputs     []Output        `json:"outputs"`
	Unlisted    int64           `json:"quarantined_unlisted,omitempty"` // over the limit of the listing
}

// TableReport counts one table of a delivery.
type TableReport struct {
	Table       string         `json:"table"`
	Rows        int64          `json:"rows"`
	Accepted    int64          `json:"accepted"`
	Quarantined int64          `json:"quarantined"`
	Duplicates  int64          `json:"duplicates"`           // equal rows, removed
	Superseded  int64          `json:"superseded,omitempty"` // replaced by a later row of the same delivery
	Withdrawn   int64          `json:"withdrawn,omitempty"`
	LeftOut     int64          `json:"left_out,omitempty"` // may not pass: withdrawn by the contract's leave_out
	Skipped     int64          `json:"skipped,omitempty"`  // messages for other tables, and segments the contract's where leaves out
	Fields      []*FieldReport `json:"fields"`
	Rules       []*RuleReport  `json:"rules"`
	Scores      Scores         `json:"scores"`
}

// FieldReport counts one field.
type FieldReport struct {
	Field   string        `json:"field"`
	To      To            `json:"to"`
	Filled  int64         `json:"filled"`
	Missing int64         `json:"missing"`
	Changed int64         `json:"changed,omitempty"` // values that cleansing changed; both are kept in the field's zone
	Rules   []*RuleReport `json:"rules,omitempty"`
	// Changes count those by the rule that changed them.
	Changes []*ChangeReport `json:"changes,omitempty"`
}

// ChangeReport counts the values of a field that one rule changed.
type ChangeReport struct {
	Rule    string `json:"rule"`
	Changed int64  `json:"changed"`
	Emptied int64  `json:"emptied,omitempty"` // of these, how many were left empty
}

// RuleReport counts one rule.
type RuleReport struct {
	Rule   string `json:"rule"`
	Kind   Kahn   `json:"kind"`
	Action Action `json:"action"`
	Failed int64  `json:"failed"`
	// Of a condition between rows: how many rows or people it was asked of, and
	// whether it could not be, a table of it not being delivered.
	Checked  int64 `json:"checked,omitempty"`
	Unjudged bool  `json:"unjudged,omitempty"`
}

// Scores are shares of what was checked that held, from 0 to 1, in the terms
// of Kahn et al.
type Scores struct {
	Conformance  float64 `json:"conformance"`
	Completeness float64 `json:"completeness"`
	Plausibility float64 `json:"plausibility"`
}

// IdentityReport counts identity records and what is wrong with them.
type IdentityReport struct {
	Records int64            `json:"records"`
	Flags   map[string]int64 `json:"flags"`
}

// Output is one file written.
type Output struct {
	Zone   Zone   `json:"zone"`
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // of the plaintext
}

func (f *FieldReport) rule(id string, kind Kahn, action Action) *RuleReport {
	for _, r := range f.Rules {
		if r.Rule == id {
			return r
		}
	}
	r := &RuleReport{Rule: id, Kind: kind, Action: action}
	f.Rules = append(f.Rules, r)
	return r
}

// change counts a value that a rule changed.
func (f *FieldReport) change(rule string, emptied bool) {
	f.Changed++
	i := slices.IndexFunc(f.Changes, func(c *ChangeReport) bool { return c.Rule == rule })
	if i < 0 {
		i, f.Changes = len(f.Changes), append(f.Changes, &ChangeReport{Rule: rule})
	}
	f.Changes[i].Changed++
	if emptied {
		f.Changes[i].Emptied++
	}
}

// score settles the table's scores and the order of its rules.
func (t *TableReport) score() {
	failed, filled, all := map[Kahn]int64{}, int64(0), int64(0)
	for _, r := range t.Rules {
		if r.Action != "leave-out" { // nothing is wrong with those rows
			failed[r.Kind] += r.Failed
		}
	}
	for _, f := range t.Fields {
		slices.SortFunc(f.Rules, func(a, b *RuleReport) int { return strings.Compare(a.Rule, b.Rule) })
		slices.SortFunc(f.Changes, func(a, b *ChangeReport) int { return strings.Compare(a.Rule, b.Rule) })
		filled += f.Filled
		all += f.Filled + f.Missing
		for _, r := range f.Rules {
			failed[r.Kind] += r.Failed
		}
	}
	share := func(bad, of int64) float64 {
		if of == 0 {
			return 1
		}
		return max(0, 1-float64(bad)/float64(of))
	}
	t.Scores = Scores{share(failed[Conformance], filled), share(all-filled, all), share(failed[Plausibility], filled)}
}

// JSON is the report as quality.json.
func (r *Report) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	return append(b, '\n'), err
}

// Scores are the tables' scores, weighed by their rows.
func (r *Report) Scores() Scores {
	var out Scores
	var rows float64
	for _, t := range r.Tables {
		n := float64(t.Rows)
		rows += n
		out.Conformance += n * t.Scores.Conformance
		out.Completeness += n * t.Scores.Completeness
		out.Plausibility += n * t.Scores.Plausibility
	}
	if rows == 0 {
		return Scores{1, 1, 1}
	}
	return Scores{out.Conformance / rows, out.Completeness / rows, out.Plausibility / rows}
}

// Quarantined is how many rows wait for their sender.
func (r *Report) Quarantined() (n int64) {
	for _, t := range r.Tables {
		n += t.Quarantined
	}
	return n
}
