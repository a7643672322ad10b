package intake

import (
	"bytes"
	"context"
	"io"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/filter"
	"github.com/ark-tre/ark/pkg/pseudonym"
)

// tableRun takes the rows of one table of a delivery.
type tableRun struct {
	p        *process
	table    *Table
	fields   []fieldRun
	rules    []boundRule
	leave    []boundLeave
	report   *TableReport
	schema   columnar.Schema // of the payload file
	sort     *columnar.Sorter
	sortRow  []cell.Value // payload columns, then the row's number
	sortKey  []byte
	entities []int // fields
	persons  personMemo
	values   []cell.Value // by field, then the day of the delivery
	key, who []int        // fields of the record's and the person's key
	change   int          // field, -1 if none
	number   []byte       // a key being put together
	person   int          // column of person_record_key, -1 if none
	deleted  int          // column of the mark, -1 if none
	flags    flagSet
	names    []cell.Value // an identity row
	nobody   []cell.Value // an identity row of nobody, where the table has none
	coarse   []cell.Value // a demographics row
	code     [pseudonym.CodeLen]byte
	identity bool
	files    []string // names, by the number in a row number
	changed  []change // values of the row in hand
	taps     []tap
	judge    *pseudonym.Hasher
	batch    *judged      // rows judged and not yet handed on
	out      chan *judged // to the goroutine that stores them, nil where none runs
	stored   chan error
	spare    chan *judged // to be used again
}

// fieldRun is a field ready for rows.
type fieldRun struct {
	*Field
	column   int // of the payload, -1 if none
	role     int // of the identity row, -1 if none
	min, max cell.Value
	codes    map[string]string
	missing  map[string]bool
	report   *FieldReport
	counts   map[string]*RuleReport
	memo     memo
	idle     bool // checked only: nothing uses its value
}

func newTableRun(p *process, t *Table) (*tableRun, error) {
	r := &tableRun{p: p, table: t, report: &TableReport{Table: t.Name}, change: -1, identity: t.Identifies(), judge: p.hasher.Clone(), spare: make(chan *judged, batchAhead)}
	var err error
	if r.rules, r.leave, err = t.bindRules("table " + t.Name); err != nil {
		return nil, err
	}
	r.report.Rules = []*RuleReport{}
	for i := range r.rules {
		r.rules[i].counts = &RuleReport{Rule: r.rules[i].ID, Kind: r.rules[i].Kind, Action: r.rules[i].OnFail}
		r.report.Rules = append(r.report.Rules, r.rules[i].counts)
	}
	for _, l := range r.leave {
		r.report.Rules = append(r.report.Rules, l.counts)
	}
	missing := map[string]bool{}
	for _, m := range p.job.Contract.Format.Missing {
		missing[m] = true
	}
	r.schema = t.PayloadSchema()
	r.person, r.deleted = r.schema.Index("person_record_key"), r.schema.Index(markColumn)
	spoken := t.spokenOf()
	if r.taps, err = p.taps(r); err != nil {
		return nil, err
	}
	for i, f := range t.Fields {
		r.fields = append(r.fields, r.newField(f, missing))
		r.fields[i].idle = f.Type == TypeString && f.To == ToNone && !spoken[f.Name]
		if f.To == ToEntity {
			r.entities = append(r.entities, i)
		}
	}
	if t.Change != nil {
		r.change = t.by[t.Change.Field]
	}
	for _, k := range t.Key {
		r.key = append(r.key, t.by[k])
	}
	for _, k := range t.Person {
		r.who = append(r.who, t.by[k])
	}
	r.sortRow = make([]cell.Value, len(r.schema)+1)
	r.values = make([]cell.Value, len(r.fields)+1)
	r.values[len(r.fields)] = p.today
	sorted := append(slices.Clone(r.schema), columnar.Field{Name: rowColumn, Type: columnar.Int64})
	r.sort, err = columnar.NewSorter(sorted, columnar.SortOptions{By: []string{"record_key", rowColumn}, Dir: p.job.Scratch, Memory: p.limits.Sort, Pool: p.pool})
	if err != nil {
		return nil, err
	}
	if (r.identity || len(t.Coarse) > 0) && p.who == nil {
		if p.who, err = newIdentitySorts(p); err != nil {
			return nil, err
		}
	}
	if p.who != nil {
		p.who.identity = p.who.identity || r.identity
		p.who.demographics = p.who.demographics || len(t.Coarse) > 0
	}
	r.nobody = make([]cell.Value, len(identitySchema(p.encoded...))+1)
	r.names, r.coarse = make([]cell.Value, len(r.nobody)), make([]cell.Value, len(demographicsSchema())+2)
	return r, err
}

// rowColumn is the hidden last column of sorts: where the row came from.
const rowColumn = "row number"

func (r *tableRun) newField(f *Field, missing map[string]bool) fieldRun {
	run := fieldRun{Field: f, column: -1, role: -1, missing: missing, counts: map[string]*RuleReport{}, report: &FieldReport{Field: f.Name, To: f.To}}
	if f.To == ToEntity || f.To == ToPayload {
		run.column = r.schema.Index(f.Column)
	}
	if f.To == ToIdentifier {
		run.role = 2 + slices.Index(roles[:], f.Role)
		if f.Role.encoded() {
			run.role = 2 + len(roles) + slices.Index(r.p.encoded, f.Role)
		}
	}
	if f.Min != "" {
		run.min, _ = f.bound(f.Min, r.p.today)
	}
	if f.Max != "" {
		run.max, _ = f.bound(f.Max, r.p.today)
	}
	if f.Codes != "" {
		run.codes = map[string]string{}
		list := r.p.job.Contract.Lists[f.Codes]
		for code := range list.Codes {
			run.codes[code] = cmpOr(list.Becomes[code], code)
		}
	}
	r.report.Fields = append(r.report.Fields, run.report)
	return run
}

// refuse quarantines a row.
func (r *tableRun) refuse(file string, row int64, field, rule string, kind Kahn, reason string) error {
	r.report.Quarantined++
	return r.p.bad.add(Bad{file, row, field, rule, kind, reason})
}

// failing is the first thing that quarantines a row.
type failing struct {
	field, rule, reason string
	kind                Kahn
}

// take checks a row and parts it.
func (r *tableRun) take(file string, row, number int64, raw [][]byte) error {
	for len(r.files) <= int(number>>44) {
		r.files = append(r.files, file)
	}
	r.files[number>>44] = file
	deleted := r.isDeleted(raw)
	r.flags.list = r.flags.list[:0]
	if r.identity {
		clear(r.names)
	}
	bad := r.readFields(raw, deleted)
	if bad == nil && !deleted && r.leftOut() {
		r.report.LeftOut++
		deleted = true
		if r.isPerson() {
			code := r.judge.PersonRecordKey(r.p.job.Source, r.joined(raw, r.who))
			r.p.left[cell.Str(string(code[:]))] = true
		}
	}
	if bad == nil && !deleted {
		bad = r.applyRules()
	}
	if bad != nil {
		return r.refuse(file, row, bad.field, bad.rule, bad.kind, bad.reason)
	}
	if !deleted && len(r.changed) > 0 {
		if err := r.keepChanges(file, row, raw); err != nil {
			return err
		}
	}
	return r.hand(raw, number, deleted)
}

func (r *tableRun) isDeleted(raw [][]byte) bool {
	return r.change >= 0 && slices.Contains(r.table.Change.Deleted, string(trimmed(raw[r.change])))
}

// readFields reads every field into r.values and r.names, and returns the
// first failure that quarantines the row. Of a withdrawn row only the keys
// have to be right.
func (r *tableRun) readFields(raw [][]byte, deleted bool) (first *failing) {
	r.changed = r.changed[:0]
	for i := range r.fields {
		f := &r.fields[i]
		flags := len(r.flags.list)
		if f.role >= 0 {
			r.names[f.role] = f.identify(raw[i], r.p.today, &r.flags)
		}
		v, bad := f.value(raw[i], r.p.today)
		r.values[i] = v
		if bad == nil {
			if f.Role == Sex && !v.IsNull() {
				r.names[f.role] = v // the Ark's code for the sender's
			}
			r.note(f, raw[i], v, flags)
			continue
		}
		if f.role >= 0 { // flagged above; a wrong identifier holds no row back
			if f.Role == Sex {
				r.flags.add(flagSexInvalid)
			}
			r.note(f, raw[i], v, flags)
			continue
		}
		action := f.OnFail
		if bad.rule == "required" {
			action = Quarantine
		}
		if deleted && !slices.Contains(r.key, i) && !slices.Contains(r.who, i) {
			continue
		}
		c := f.counts[bad.rule]
		if c == nil {
			c = f.report.rule(bad.rule, bad.kind, action)
			f.counts[bad.rule] = c
		}
		c.Failed++
		switch {
		case action == Blank:
			r.values[i] = cell.Null
			if f.To == ToPayload {
				r.changed = append(r.changed, change{f, bad.rule, trimmed(raw[i]), cell.Null})
			}
		case action == Quarantine && first == nil:
			first = bad
		}
	}
	return first
}

// keepChanges keeps the changed values of a row that passes; whose they are is
// known only where somebody can still be left out as a whole.
func (r *tableRun) keepChanges(file string, row int64, raw [][]byte) error {
	person := cell.Null
	if len(r.who) > 0 && slices.ContainsFunc(r.p.job.Contract.Tables, (*Table).Withdraws) {
		code := r.judge.PersonRecordKey(r.p.job.Source, r.joined(raw, r.who))
		person = cell.Str(string(code[:]))
	}
	for _, x := range r.changed {
		if err := r.p.raws.add(file, row, r.table.Name, person, x); err != nil {
			return err
		}
	}
	return nil
}

// note keeps a value that became another: a code of the Ark's for the sender's,
// an identifier in another form, or one that is nobody's and went. flags is how
// many flags the row had before the field.
func (r *tableRun) note(f *fieldRun, raw []byte, v cell.Value, flags int) {
	if f.To != ToPayload && f.role < 0 || f.role < 0 && f.codes == nil {
		return
	}
	raw = trimmed(raw)
	if len(raw) == 0 {
		return
	}
	rule := "code"
	if f.role >= 0 {
		v, rule = r.names[f.role], "form"
		if v.IsNull() && len(r.flags.list) > flags {
			rule = r.flags.list[len(r.flags.list)-1]
		}
	} else if v.IsNull() {
		return // a text that means nothing is there
	}
	if v.IsNull() || v.Type() != cell.String && v.Text() != string(raw) || v.Type() == cell.String && v.Str() != string(raw) {
		r.changed = append(r.changed, change{f, rule, raw, v})
	}
}

// judge reads a field's raw text and checks it. Of a value that breaks a rule
// the value is returned too where it has its type, so that flag can keep it.
func (f *fieldRun) judge(raw []byte, today cell.Value) (cell.Value, *failing) {
	raw = trimmed(raw)
	if len(raw) == 0 || len(raw) < 16 && f.missing[string(raw)] {
		f.report.Missing++
		if f.Required {
			return cell.Null, &failing{f.Name, "required", "the field is empty and must not be", Completeness}
		}
		return cell.Null, nil
	}
	f.report.Filled++
	if f.codes != nil {
		code, ok := f.codes[string(raw)]
		if !ok {
			return cell.Null, &failing{f.Name, "code", "the code is not in the list " + f.Codes, Conformance}
		}
		return cell.Str(code), nil
	}
	if hasControl(raw) {
		return cell.Null, &failing{f.Name, "control", "the text holds a control character", Conformance}
	}
	if f.Type == TypeBirth {
		return f.birth(raw, today)
	}
	if f.idle {
		return cell.Null, f.checkValue(cell.Null, raw)
	}
	v, ok := f.read(raw)
	if !ok {
		return cell.Null, &failing{f.Name, "type", "the value is not a " + string(f.Type), Conformance}
	}
	return v, f.checkValue(v, raw)
}

// birth reads a date of birth; its value is the text, and only plausible ones
// have one, so that a coarse year is never taken from a placeholder.
func (f *fieldRun) birth(raw []byte, today cell.Value) (cell.Value, *failing) {
	var flags flagSet
	v := f.identifyBirth(raw, today, &flags)
	if v.IsNull() || flags.has(flagBirthImpossible) {
		return cell.Null, &failing{f.Name, "birth", "the date of birth is not one", Plausibility}
	}
	return v, nil
}

func (f *fieldRun) checkValue(v cell.Value, raw []byte) *failing {
	switch {
	case !f.min.IsNull() && cell.Compare(v, f.min) < 0:
		return &failing{f.Name, "min", "the value is lower than the contract allows", Plausibility}
	case !f.max.IsNull() && cell.Compare(v, f.max) > 0:
		return &failing{f.Name, "max", "the value is higher than the contract allows", Plausibility}
	case f.Type != TypeString:
		return nil
	case f.MaxLength > 0 && runes(raw) > f.MaxLength, f.MaxLength == 0 && !f.FreeText && runes(raw) > longText:
		return &failing{f.Name, "max-length", "the text is longer than the contract allows", Conformance}
	case f.MinLength > 0 && runes(raw) < f.MinLength:
		return &failing{f.Name, "min-length", "the text is shorter than the contract allows", Conformance}
	case f.pattern != nil && !f.pattern.Match(raw):
		return &failing{f.Name, "pattern", "the text has another form than the contract says", Conformance}
	}
	return nil
}

// leftOut reports whether the row may not pass.
func (r *tableRun) leftOut() bool {
	for _, l := range r.leave {
		if l.expr.Eval(r.values) == filter.True {
			l.counts.Failed++
			return true
		}
	}
	return false
}

func (r *tableRun) applyRules() (first *failing) {
	for i := range r.rules {
		rule := &r.rules[i]
		if rule.expr.Eval(r.values) != filter.False {
			continue
		}
		rule.counts.Failed++
		if rule.OnFail == Quarantine && first == nil {
			first = &failing{"", rule.ID, rule.Says, rule.Kind}
		}
	}
	return first
}

// joined puts the raw texts of key fields together.
func (r *tableRun) joined(raw [][]byte, fields []int) []byte {
	r.number = r.number[:0]
	for i, f := range fields {
		if i > 0 {
			r.number = append(r.number, 0x1e)
		}
		r.number = append(r.number, trimmed(raw[f])...)
	}
	return r.number
}

// write writes the payload file: one row per record key. Equal rows are
// removed; of unequal ones with one key the first stays and the others are
// quarantined, or, where the table marks changes, the last one stays.
func (r *tableRun) write(ctx context.Context, w io.Writer) (int64, error) {
	return parquet(w, r.schema, func(out *columnar.Writer) error {
		p := newPacker(out, r.sort)
		err := r.merge(ctx, p.add)
		if e := p.finish(); err == nil {
			err = e
		}
		return err
	})
}

// merge gives the keys of the rows that stay to keep. A key begins with the
// record's key, then the row's number; the rest says whether two are equal.
func (r *tableRun) merge(ctx context.Context, keep func(key []byte)) error {
	var held []byte // the row that would stay
	var first int   // bytes of its record key
	var rest int    // where its columns begin
	flush := func() error {
		if held == nil {
			return nil
		}
		r.report.Accepted++
		row := r.sort.Row(held)
		if r.person >= 0 && len(r.p.left) > 0 && r.p.left[row.Cell(r.person)] && !row.Cell(r.deleted).Flag() {
			r.report.LeftOut++
			if err := row.Values(r.sortRow); err != nil {
				return err
			}
			r.strip(r.sortRow)
			held = r.sort.Encode(held[:0], r.sortRow)
			row = r.sort.Row(held)
		}
		if r.deleted >= 0 && row.Cell(r.deleted).Flag() {
			r.report.Withdrawn++
		} else {
			for _, t := range r.taps {
				if err := t.take(row); err != nil {
					return err
				}
			}
		}
		keep(held)
		return nil
	}
	for row, err := range r.sort.Sorted(ctx) {
		if err != nil {
			return err
		}
		record, _ := row.Split(1)
		_, columns := row.Split(2)
		switch {
		case held == nil || !bytes.Equal(record, held[:first]):
			if err := flush(); err != nil {
				return err
			}
		case bytes.Equal(columns, held[rest:]):
			r.report.Duplicates++
			continue
		case r.change >= 0:
			r.report.Superseded++
		default:
			if err := r.conflict(row.Cell(len(r.schema)).Int()); err != nil {
				return err
			}
			continue
		}
		held = append(held[:0], row.Key...)
		first, rest = len(record), len(row.Key)-len(columns)
	}
	return flush()
}

// strip makes a row the withdrawal of itself: only its keys stay.
func (r *tableRun) strip(row []cell.Value) {
	for i := range r.schema {
		if i != 0 && i != r.person {
			row[i] = cell.Null
		}
	}
	row[r.deleted] = cell.Flag(true)
}

func (r *tableRun) conflict(number int64) error {
	if r.identity || len(r.table.Coarse) > 0 {
		if len(r.p.late) >= 1<<22 {
			return ark.Faultf(ark.TooMuch, "more than %d rows of the table %s have a key that another row has", 1<<22, r.table.Name).Do("check the key fields of the export")
		}
		r.p.late[number] = true
	}
	row := number & (1<<44 - 1)
	return r.refuse(r.files[number>>44], row, r.table.Key[0], "key", Conformance, "another row of the delivery has the same key and other values")
}

// isPerson reports whether the table has one row per person, so that a
// withdrawn row is a withdrawn person.
func (r *tableRun) isPerson() bool { return slices.Equal(r.table.Key, r.table.Person) }

func yearOf(v cell.Value) cell.Value {
	if v.Type() == cell.Date {
		return cell.Int(int64(v.Time().Year()))
	}
	if y, ok := number(bytes.Clone([]byte(v.Str()[:4]))); ok {
		return cell.Int(int64(y))
	}
	return cell.Null
}
