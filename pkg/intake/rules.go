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
	_, err := t.bindRules(where)
	return err
}

// bindRules compiles the table's rules.
func (t *Table) bindRules(where string) ([]boundRule, error) {
	scope := filter.Scope{Types: map[string]cell.Type{today: cell.Date}, Refs: map[string]*filter.Expr{}}
	columns := make([]string, 0, len(t.Fields)+1)
	for _, f := range t.Fields {
		scope.Types[f.Name] = f.columnType()
		columns = append(columns, f.Name)
	}
	columns = append(columns, today)
	for _, n := range t.Define {
		if _, twice := scope.Refs[n.Name]; twice || !namePattern.MatchString(n.Name) {
			return nil, wrong(where, "every definition needs a name of its own")
		}
		e, err := filter.Parse(n.Is)
		if err != nil {
			return nil, inside(err, where+" definition "+n.Name)
		}
		scope.Refs[n.Name] = e
	}
	for _, n := range t.Define { // also those no rule uses: a circle is wrong wherever it is
		if _, err := scope.Refs[n.Name].Check(scope); err != nil {
			return nil, inside(err, where+" definition "+n.Name)
		}
	}
	var out []boundRule
	for _, r := range t.Rules {
		e, err := filter.Parse(r.Require)
		if err != nil {
			return nil, inside(err, where+" rule "+r.ID)
		}
		checked, err := e.Check(scope)
		if err != nil {
			return nil, inside(err, where+" rule "+r.ID)
		}
		b, err := checked.Bind(columns)
		if err != nil {
			return nil, inside(err, where+" rule "+r.ID)
		}
		out = append(out, boundRule{Rule: r, expr: b})
	}
	return out, nil
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
