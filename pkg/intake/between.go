package intake

import (
	"context"
	"slices"

	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// Between is a condition between rows of one delivery, of two tables or of one.
// It holds nothing back: what breaks it is counted with the rules of its table.
// It is judged by what passed, after everything else.
type Between struct {
	ID    string      `yaml:"id"`
	Says  string      `yaml:"says"` // the reason a sender reads
	Check BetweenKind `yaml:"check"`
	Table string      `yaml:"table"` // whose rows or people are judged
	Of    string      `yaml:"of"`    // within, accompanied: the table they are held against
	By    string      `yaml:"by"`    // within: the entity column that both tables have
	At    string      `yaml:"at"`    // within: the table's day
	From  string      `yaml:"from"`  // within: first day of Of's row; apart: of the table's
	Until string      `yaml:"until"` // and its last; a row without one is a day long
	Days  int         `yaml:"days"`  // within: so many days before and after are right too
	Kind  Kahn        `yaml:"kind"`
}

// BetweenKind is what is asked.
type BetweenKind string

// The kinds.
const (
	Within      BetweenKind = "within"      // a day lies within the visit that the row names
	Accompanied BetweenKind = "accompanied" // a person of the table has a row in another
	Apart       BetweenKind = "apart"       // no two spans of one person overlap
)

// checkBetween settles defaults and returns what is wrong with the conditions.
func (c *Contract) checkBetween() error {
	seen := map[string]bool{}
	for i := range c.Between {
		b := &c.Between[i]
		where := "between " + b.ID
		t, of := c.Table(b.Table), c.Table(b.Of)
		switch {
		case !slugPattern.MatchString(b.ID) || seen[b.ID] || b.Says == "":
			return wrong("between", "every condition needs an id of its own, and says: the reason a sender reads")
		case t == nil:
			return wrong(where, "it judges the table %q, which the contract has not", b.Table)
		case slices.ContainsFunc(t.Rules, func(r Rule) bool { return r.ID == b.ID }):
			return wrong(where, "a rule of the table has the same id")
		case b.Days < 0 || b.Days > 3660:
			return wrong(where, "days are 0 to 3660")
		}
		seen[b.ID] = true
		var days [][2]string // table and column
		kind := Plausibility
		switch b.Check {
		case Within:
			if of == nil || of == t {
				return wrong(where, "of must name another table of the contract")
			}
			for _, x := range []*Table{t, of} {
				f := x.output(b.By)
				if f == nil || f.To != ToEntity {
					return wrong(where, "by must name an entity column that %s and %s both have", b.Table, b.Of)
				}
			}
			if t.output(b.By).Entity != of.output(b.By).Entity {
				return wrong(where, "the column %q names another entity in %s than in %s", b.By, b.Table, b.Of)
			}
			days = [][2]string{{b.Table, b.At}, {b.Of, b.From}, {b.Of, b.Until}}
		case Accompanied:
			if of == nil || of == t || len(of.Person) == 0 || b.By != "" || b.From != "" {
				return wrong(where, "of must name another table of the contract, with people, and nothing else is asked")
			}
			kind = Completeness
		case Apart:
			if b.Of != "" || b.By != "" || b.At != "" {
				return wrong(where, "it is about the spans of one table: from and until")
			}
			days = [][2]string{{b.Table, b.From}, {b.Table, b.Until}}
		default:
			return wrong(where, "check must say within, accompanied or apart")
		}
		if b.Check != Within && len(t.Person) == 0 {
			return wrong(where, "the table %s does not say whose its rows are", b.Table)
		}
		for _, d := range days {
			if f := c.Table(d[0]).output(d[1]); f == nil || f.Type != TypeDate && f.Type != TypeDatetime {
				return wrong(where, "%q is no day that the table %s sends out", d[1], d[0])
			}
		}
		b.Kind = Kahn(cmpOr(string(b.Kind), string(kind)))
		if !slices.Contains([]Kahn{Conformance, Completeness, Plausibility}, b.Kind) {
			return wrong(where, "kind must say conformance, completeness or plausibility")
		}
	}
	return nil
}

// output is the field of a column that goes out, nil if there is none.
func (t *Table) output(column string) *Field {
	for _, f := range t.Fields {
		if (f.To == ToPayload || f.To == ToEntity) && f.Column == column {
			return f
		}
	}
	return nil
}

// betweenRun gathers what one condition needs of the rows that pass, in a sort
// by what joins them: memory is the sort's, however many rows there are.
type betweenRun struct {
	Between
	sort   *columnar.Sorter
	counts *RuleReport
}

// The sides of a join: what a row is held against comes first.
const (
	against = 0
	judging = 1
)

// tap is how a table's rows go into a condition: columns of the payload, -1 for none.
type tap struct {
	run             *betweenRun
	side            int64
	key, from, upto int
}

// taps are a table's parts in the contract's conditions. Each condition begins
// with the first table of it that is delivered.
func (p *process) taps(r *tableRun) (out []tap, err error) {
	for _, b := range p.job.Contract.Between {
		if b.Table != r.table.Name && b.Of != r.table.Name {
			continue
		}
		run := p.between[b.ID]
		if run == nil {
			run = &betweenRun{Between: b, counts: &RuleReport{Rule: b.ID, Kind: b.Kind, Action: Flag}}
			schema := columnar.Schema{{Name: "key", Type: cell.String}, {Name: "side", Type: cell.Int64}, {Name: "from", Type: cell.Int64}, {Name: "until", Type: cell.Int64}}
			run.sort, err = columnar.NewSorter(schema, columnar.SortOptions{By: schema.Names(), Dir: p.job.Scratch, Memory: betweenMemory, Unique: b.Check == Accompanied})
			if err != nil {
				return nil, err
			}
			p.between[b.ID] = run
		}
		t := tap{run: run, side: judging, key: r.person, from: -1, upto: -1}
		if b.Of == r.table.Name {
			t.side = against
		} else {
			r.report.Rules = append(r.report.Rules, run.counts)
		}
		switch {
		case b.Check == Within && t.side == against:
			t.key, t.from, t.upto = r.schema.Index(b.By), r.schema.Index(b.From), r.schema.Index(b.Until)
		case b.Check == Within:
			t.key, t.from = r.schema.Index(b.By), r.schema.Index(b.At)
		case b.Check == Apart:
			t.from, t.upto = r.schema.Index(b.From), r.schema.Index(b.Until)
		}
		out = append(out, t)
	}
	return out, nil
}

// betweenMemory is what the sort of one condition may hold, in bytes.
const betweenMemory = 16 << 20

// day is a day as a number; false where there is none.
func day(v cell.Value) (int64, bool) {
	if v.IsNull() {
		return 0, false
	}
	const second = 86400
	n := v.Time().Unix()
	if n < 0 {
		n -= second - 1
	}
	return n / second, true
}

// take gives a row that passes to a condition.
func (t tap) take(row columnar.Row) error {
	key := row.Cell(t.key)
	if key.IsNull() {
		return nil // it names no visit, and completeness is another rule's
	}
	var from, until int64
	if t.from >= 0 {
		var ok bool
		if from, ok = day(row.Cell(t.from)); !ok {
			return nil
		}
		until = from
	}
	if t.upto >= 0 {
		if d, ok := day(row.Cell(t.upto)); ok {
			until = d
		}
	}
	return t.run.sort.Append([]cell.Value{key, cell.Int(t.side), cell.Int(from), cell.Int(until)})
}

// judgeBetween counts what breaks the conditions.
func (p *process) judgeBetween(ctx context.Context) error {
	for _, b := range p.job.Contract.Between {
		run := p.between[b.ID]
		if run == nil {
			continue // neither table was delivered
		}
		delivered := func(name string) bool {
			return name == "" || slices.ContainsFunc(p.tables, func(t *tableRun) bool { return t.table.Name == name })
		}
		if !delivered(b.Of) || !delivered(b.Table) {
			run.counts.Unjudged = true
			continue
		}
		g := group{run: run}
		for row, err := range run.sort.All(ctx) {
			if err != nil {
				return err
			}
			if k := row[0].Str(); k != g.key {
				g = group{run: run, key: k, held: g.held[:0]}
			}
			g.add(row[1].Int(), row[2].Int(), row[3].Int())
		}
	}
	return nil
}

// group is one visit with what names it, or one person. What a row is held
// against comes first, and spans come by their first day, so rows pass through.
type group struct {
	run    *betweenRun
	key    string
	held   [][2]int64 // spans
	seen   bool       // a judged row
	failed bool       // of a person, who counts once
	last   int64      // the last day of the spans so far
}

// mostHeld bounds the spans of one key: what is beyond is not held against.
const mostHeld = 1 << 12

func (g *group) add(side, from, until int64) {
	counts := g.run.counts
	if side == against {
		if len(g.held) < mostHeld {
			g.held = append(g.held, [2]int64{from, until})
		}
		return
	}
	switch g.run.Check {
	case Within:
		if len(g.held) == 0 {
			return // its visit is not in the delivery
		}
		counts.Checked++
		days := int64(g.run.Days)
		if !slices.ContainsFunc(g.held, func(v [2]int64) bool { return from >= v[0]-days && from <= v[1]+days }) {
			counts.Failed++
		}
	case Accompanied:
		counts.Checked++
		if len(g.held) == 0 {
			counts.Failed++
		}
	case Apart:
		if !g.seen {
			counts.Checked++
			g.seen, g.last = true, until
			return
		}
		if from <= g.last && !g.failed {
			counts.Failed++
			g.failed = true
		}
		g.last = max(g.last, until)
	}
}
