package intake

import (
	"errors"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/filter"
)

// today is the name under which a rule may speak of the day of the delivery.
const today = "today"

// boundRule is a rule ready for rows. Its row is the table's fields in order,
// and the day of the delivery behind them.
type boundRule struct {
	Rule
	expr   *filter.Bound
	counts *RuleReport
}

// checkRules parses and types every rule; a name that is not there, or parts
// that refer to each other in a circle, are faults.
func (t *Table) checkRules(where string) error {
	if t.Field(today) != nil {
		return wrong(where, "%q is the day of the delivery, and no field may have that name", today)
	}
	seen := map[string]bool{}
	for i := range t.Rules {
		r := &t.Rules[i]
		if !slugPattern.MatchString(r.ID) || seen[r.ID] || r.Says == "" {
			return wrong(where, "every rule needs an id of its own, and says: the reason a sender reads")
		}
		seen[r.ID] = true
		r.Kind = Kahn(cmpOr(string(r.Kind), string(Plausibility)))
		r.OnFail = Action(cmpOr(string(r.OnFail), string(Quarantine)))
		if r.OnFail != Quarantine && r.OnFail != Flag {
			return wrong(where+" rule "+r.ID, "on_fail must say quarantine or flag")
		}
		if !slices.Contains([]Kahn{Conformance, Completeness, Plausibility}, r.Kind) {
			return wrong(where+" rule "+r.ID, "kind must say conformance, completeness or plausibility")
		}
	}
	for _, l := range t.LeaveOut {
		if !slugPattern.MatchString(l.ID) || seen[l.ID] || l.Says == "" {
			return wrong(where, "every leave_out needs an id of its own, and says: the reason")
		}
		seen[l.ID] = true
	}
	_, _, err := t.bindRules(where)
	return err
}

// boundLeave is a leave_out ready for rows.
type boundLeave struct {
	expr   *filter.Bound
	counts *RuleReport
}

// bindRules compiles the table's rules and what it leaves out.
func (t *Table) bindRules(where string) ([]boundRule, []boundLeave, error) {
	scope, columns, err := t.scope(where)
	if err != nil {
		return nil, nil, err
	}
	bind := func(at, text string) (*filter.Bound, []string, error) {
		e, err := filter.Parse(text)
		if err != nil {
			return nil, nil, inside(err, at)
		}
		checked, err := e.Check(scope)
		if err != nil {
			return nil, nil, inside(err, at)
		}
		b, err := checked.Bind(columns)
		if err != nil {
			return nil, nil, inside(err, at)
		}
		return b, e.Fields(), nil
	}
	var rules []boundRule
	for _, r := range t.Rules {
		b, _, err := bind(where+" rule "+r.ID, r.Require)
		if err != nil {
			return nil, nil, err
		}
		rules = append(rules, boundRule{Rule: r, expr: b})
	}
	var leave []boundLeave
	for _, l := range t.LeaveOut {
		at := where + " leave_out " + l.ID
		b, fields, err := bind(at, l.When)
		if err != nil {
			return nil, nil, err
		}
		for _, name := range fields {
			if f := t.Field(name); f != nil && f.OnFail != Quarantine {
				return nil, nil, wrong(at, "the field %q must be quarantined where it is wrong, or a wrong value would let the row pass", name)
			}
		}
		leave = append(leave, boundLeave{b, &RuleReport{Rule: l.ID, Kind: Conformance, Action: "leave-out"}})
	}
	return rules, leave, nil
}

// spokenOf are the fields whose values rules and coarse columns use.
func (t *Table) spokenOf() map[string]bool {
	out := map[string]bool{}
	var texts []string
	for _, r := range t.Rules {
		texts = append(texts, r.Require)
	}
	for _, l := range t.LeaveOut {
		texts = append(texts, l.When)
	}
	for _, d := range t.Define {
		texts = append(texts, d.Is)
	}
	for _, text := range texts {
		if e, err := filter.Parse(text); err == nil { // every one was, when the contract was read
			for _, name := range e.Fields() {
				out[name] = true
			}
		}
	}
	for _, c := range t.Coarse {
		out[c.From] = true
	}
	return out
}

// scope is what the names in the table's rules may mean.
func (t *Table) scope(where string) (filter.Scope, []string, error) {
	scope := filter.Scope{Types: map[string]cell.Type{today: cell.Date}, Refs: map[string]*filter.Expr{}}
	columns := make([]string, 0, len(t.Fields)+1)
	for _, f := range t.Fields {
		scope.Types[f.Name] = f.columnType()
		columns = append(columns, f.Name)
	}
	columns = append(columns, today)
	for _, n := range t.Define {
		if _, twice := scope.Refs[n.Name]; twice || !namePattern.MatchString(n.Name) {
			return scope, nil, wrong(where, "every definition needs a name of its own")
		}
		e, err := filter.Parse(n.Is)
		if err != nil {
			return scope, nil, inside(err, where+" definition "+n.Name)
		}
		scope.Refs[n.Name] = e
	}
	for _, n := range t.Define { // also those no rule uses: a circle is wrong wherever it is
		if _, err := scope.Refs[n.Name].Check(scope); err != nil {
			return scope, nil, inside(err, where+" definition "+n.Name)
		}
	}
	return scope, columns, nil
}

// inside says in which part of the contract a filter's fault is.
func inside(err error, where string) error {
	var f *ark.Fault
	if !errors.As(err, &f) {
		return wrong(where, "%v", err)
	}
	g := *f
	g.Says = where + ": " + g.Says
	if g.Remedy == "" {
		g.Remedy = "mend the contract"
	}
	return &g
}
