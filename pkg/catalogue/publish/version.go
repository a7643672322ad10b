package publish

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/catalogue/selection"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/intake"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/pseudonym"
	"github.com/ark-tre/ark/policies/disclosure"
)

// Columns that every published table has beside its variables. OrgColumn says
// whose row it is, so that an organisation's rows can be carved out of a cut;
// it is never granted.
const (
	PersonColumn = "person"
	OrgColumn    = "_org"
	OrgsColumn   = "_orgs"
)

// Build makes the version that a job describes.
func (s Shop) Build(ctx context.Context, job catalogue.PublishJob) (catalogue.PublishResult, error) {
	b, err := s.begin(ctx, job)
	if err != nil {
		return catalogue.PublishResult{}, err
	}
	if err := s.Keys.Create(ctx, VersionKey(job.Version)); err != nil && !ark.Is(err, ark.Conflict) {
		return catalogue.PublishResult{}, err
	}
	res := catalogue.PublishResult{Marginals: map[string]objects.Ref{}, OwnKey: true}
	for _, t := range job.Dataset.Tables {
		if t.Name == catalogue.PersonTable {
			continue
		}
		if err := b.table(ctx, t, &res); err != nil {
			return res, fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	person, ok := job.Dataset.Table(catalogue.PersonTable)
	if !ok {
		return res, ark.Faultf(ark.Invalid, "the dataset has no table %q", catalogue.PersonTable)
	}
	if err := b.persons(ctx, person, &res); err != nil {
		return res, fmt.Errorf("table %s: %w", person.Name, err)
	}
	res.People = disclosure.RoundCount(b.profile, b.published()).Text
	res.Manifest, err = b.manifest(ctx, res)
	return res, err
}

// build is one version in the making.
type build struct {
	Shop
	job      catalogue.PublishJob
	profile  disclosure.Profile
	names    *pseudonym.Hasher
	people   *roster
	orgs     []string                   // by their number in the roster
	left     map[string]map[string]bool // source → person record keys whose own record was withdrawn
	withheld int64                      // rows of those
	removed  int64                      // rows of those who objected
	loose    int64                      // rows whose record no person has
	row      []columnar.Value
}

func (s Shop) begin(ctx context.Context, job catalogue.PublishJob) (*build, error) {
	profile, err := disclosure.Shipped(job.Dataset.Profile)
	if err != nil {
		return nil, err
	}
	key, err := s.Keys.Derive(ctx, NamesKey(job.Names), "names")
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	names, err := pseudonym.New(key.Reveal())
	if err != nil {
		return nil, err
	}
	b := &build{Shop: s, job: job, profile: profile, names: names, left: map[string]map[string]bool{}}
	b.people, err = s.roster(ctx, job, names)
	return b, err
}

// org is the number of an organisation.
func (b *build) org(id string) uint16 {
	if i := slices.Index(b.orgs, id); i >= 0 {
		return uint16(i)
	}
	b.orgs = append(b.orgs, id)
	return uint16(len(b.orgs) - 1)
}

// schema is the published shape of a table.
func schema(t catalogue.Table) columnar.Schema {
	out := columnar.Schema{{Name: PersonColumn, Type: cell.String}}
	if t.Name == catalogue.PersonTable {
		out = append(out, columnar.Field{Name: OrgsColumn, Type: cell.String})
	} else {
		out = append(out, columnar.Field{Name: OrgColumn, Type: cell.String})
	}
	for _, v := range t.Variables {
		out = append(out, columnar.Field{Name: v.Name, Type: catalogue.CellType(v.Type), Nullable: true})
	}
	return out
}

// sortMemory is what sorting a table may hold, in bytes.
const sortMemory = 192 << 20

// table publishes one table: the newest row of every record, of every origin.
func (b *build) table(ctx context.Context, t catalogue.Table, res *catalogue.PublishResult) error {
	shape := schema(t)
	sorted, err := columnar.NewSorter(shape, columnar.SortOptions{By: []string{PersonColumn}, Dir: b.Tmp, Memory: sortMemory})
	if err != nil {
		return err
	}
	defer sorted.Close()
	for _, origin := range t.From {
		if err := b.origin(ctx, t, origin, sorted); err != nil {
			return err
		}
	}
	return b.finish(ctx, t, shape, sorted, res)
}

// finish writes a sorted table, the counts for its synthetic sibling and its
// quality. People
// are counted as the rows pass in order: only there are one person's together.
func (b *build) finish(ctx context.Context, t catalogue.Table, shape columnar.Schema, sorted *columnar.Sorter, res *catalogue.PublishResult) error {
	n, q := sorted.Rows(), newTally(b.profile, t, b.job.Own)
	q.twice = newTwice(t, len(b.orgs))
	ref, err := b.write(ctx, b.job.Version, b.name(t.Name+".parquet"), shape, sorted, q.record)
	if err != nil {
		return err
	}
	table := catalogue.PublishedTable{Name: t.Name, Ref: ref, Rows: n, RowText: disclosure.RoundCount(b.profile, n).Text}
	if q.twice.on {
		table.Twice = disclosure.RoundCount(b.profile, q.twice.rows).Text
	}
	res.Tables = append(res.Tables, table)
	res.Quality = append(res.Quality, q.quality()...)
	m, withheld := q.marginals()
	res.Withheld = append(res.Withheld, withheld...)
	res.Marginals[t.Name], err = b.putMarginals(ctx, m)
	return err
}

func (b *build) name(file string) string {
	return b.job.Dataset.Slug + "/" + b.job.Version + "/" + file
}

// origin adds the current rows of one source's payload table: of the rows with
// one record key the newest delivery's, unless it withdraws the record.
func (b *build) origin(ctx context.Context, t catalogue.Table, o catalogue.Origin, out *columnar.Sorter) error {
	var inputs []catalogue.PublishInput
	for _, in := range b.job.Inputs {
		if in.Table == t.Name && in.Source == o.Source && in.Origin == o.Table {
			inputs = append(inputs, in)
		}
	}
	if len(inputs) == 0 {
		return nil
	}
	readers, done, err := b.readers(ctx, inputs)
	defer done()
	if err != nil {
		return err
	}
	gone, err := b.gone(ctx, o.Source)
	if err != nil {
		return err
	}
	columns := []string{"record_key", "person_record_key"}
	for _, v := range t.Variables {
		columns = append(columns, from(v))
	}
	org := b.org(inputs[0].Org)
	for r, err := range intake.Current(ctx, readers, columns...) {
		if err != nil {
			return fmt.Errorf("source %s: %w", o.Source, err)
		}
		if len(gone) > 0 && gone[r[1].Str()] {
			b.withheld++
			continue
		}
		if err := b.add(t, inputs[0].Org, org, r, out); err != nil {
			return err
		}
	}
	return nil
}

// readers opens inputs, the oldest delivery first; done closes them.
func (b *build) readers(ctx context.Context, inputs []catalogue.PublishInput) (readers []*columnar.Reader, done func(), err error) {
	var open []io.Closer
	done = func() {
		for _, c := range open {
			c.Close()
		}
	}
	slices.SortStableFunc(inputs, func(x, y catalogue.PublishInput) int {
		return cmp.Or(x.Order-y.Order, x.Number-y.Number)
	})
	for _, in := range inputs {
		r, c, err := selection.Objects(b.Objects)(ctx, in.Ref)
		if err != nil {
			return nil, done, fmt.Errorf("delivery %d of %s: %w", in.Number, in.Source, err)
		}
		open, readers = append(open, c), append(readers, r)
	}
	return readers, done, nil
}

// gone is the person record keys of a source whose own record is withdrawn or
// left out: by whatever delivery, and whatever other table still speaks of them.
func (b *build) gone(ctx context.Context, source string) (map[string]bool, error) {
	if keys, ok := b.left[source]; ok {
		return keys, nil
	}
	tables := map[string][]catalogue.PublishInput{}
	for _, g := range b.job.Guards {
		if g.Source == source {
			tables[g.Origin] = append(tables[g.Origin], g)
		}
	}
	keys := map[string]bool{}
	for _, inputs := range tables {
		if err := b.addGone(ctx, inputs, keys); err != nil {
			return nil, fmt.Errorf("who left source %s: %w", source, err)
		}
	}
	b.left[source] = keys
	return keys, nil
}

func (b *build) addGone(ctx context.Context, inputs []catalogue.PublishInput, keys map[string]bool) error {
	readers, done, err := b.readers(ctx, inputs)
	defer done()
	if err != nil {
		return err
	}
	for r, err := range intake.Withdrawn(ctx, readers, "person_record_key") {
		if err != nil {
			return err
		}
		keys[r[0].Str()] = true
	}
	return nil
}

// from is the payload column of a variable.
func from(v catalogue.Variable) string {
	if v.From != "" {
		return v.From
	}
	return v.Name
}

// add names a payload row and adds it to the sort, unless it is nobody's or of
// somebody who objected.
func (b *build) add(t catalogue.Table, org string, number uint16, r []columnar.Value, out *columnar.Sorter) error {
	key, ok := keyOf(r[1].Str())
	n, known := b.people.records[key]
	if !ok || !known {
		b.loose++
		return nil
	}
	if b.people.objects[n] {
		b.removed++
		return nil
	}
	b.people.saw(n, number)
	b.row = append(b.row[:0], cell.Str(b.people.name(n)), cell.Str(org))
	for i, v := range t.Variables {
		b.row = append(b.row, b.transform(v, r[i+2]))
	}
	return out.Append(b.row)
}

// published is how many people have a row.
func (b *build) published() (n int64) {
	for _, orgs := range b.people.seen {
		if len(orgs) > 0 {
			n++
		}
	}
	return n
}

// transform applies the declared transformation of a variable.
func (b *build) transform(v catalogue.Variable, x columnar.Value) columnar.Value {
	if x.IsNull() {
		return x
	}
	switch v.Transform {
	case "year":
		return cell.Int(int64(x.Time().Year()))
	case "month":
		t := x.Time()
		return cell.DayOf(t.AddDate(0, 0, 1-t.Day()))
	case "entity":
		return cell.Str(b.names.Name(pseudonym.Kind(v.Name), x.Text()))
	}
	return x
}

// persons publishes the person table: everybody who has a row in another table.
func (b *build) persons(ctx context.Context, t catalogue.Table, res *catalogue.PublishResult) error {
	shape := schema(t)
	sorted, err := columnar.NewSorter(shape, columnar.SortOptions{By: []string{PersonColumn}, Dir: b.Tmp, Memory: sortMemory})
	if err != nil {
		return err
	}
	defer sorted.Close()
	columns := []string{"person_id"}
	for _, v := range t.Variables {
		columns = append(columns, from(v))
	}
	if err := b.knows(ctx, columns); err != nil {
		return err
	}
	err = b.rows(ctx, b.job.Persons, columns, func(r []columnar.Value) error {
		key, ok := keyOf(r[0].Str())
		n, known := b.people.ids[key]
		if !ok || !known || len(b.people.seen[n]) == 0 {
			return nil
		}
		var orgs []string
		for _, o := range b.people.seen[n] {
			orgs = append(orgs, b.orgs[o])
		}
		slices.Sort(orgs)
		row := []columnar.Value{cell.Str(b.people.name(n)), cell.Str(strings.Join(orgs, " "))}
		for i, v := range t.Variables {
			row = append(row, b.transform(v, r[i+1]))
		}
		return sorted.Append(row)
	})
	if err != nil {
		return err
	}
	return b.finish(ctx, t, shape, sorted, res)
}

// knows refuses columns that the person index was made without: an index of an
// older Ark has no homes and postcodes.
func (b *build) knows(ctx context.Context, columns []string) error {
	r, c, err := selection.Objects(b.Objects)(ctx, b.job.Persons)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, name := range columns {
		if r.Schema().Index(name) < 0 {
			return ark.Faultf(ark.Conflict, "the person index that this version rests on has no column %q", name).Do("link again, then publish")
		}
	}
	return nil
}

// sourcesOf lists the deliveries behind the version, in order.
func sourcesOf(job catalogue.PublishJob) []string {
	set := map[string]bool{}
	for _, in := range job.Inputs {
		set[in.Delivery] = true
	}
	return slices.Sorted(maps.Keys(set))
}
