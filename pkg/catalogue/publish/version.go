package publish

import (
	"context"
	"fmt"
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
	res := catalogue.PublishResult{Synthetic: map[string]objects.Ref{}}
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
	if err := b.people(ctx, person, &res); err != nil {
		return res, fmt.Errorf("table %s: %w", person.Name, err)
	}
	res.People = disclosure.RoundCount(b.profile, int64(len(b.seen))).Text
	res.Manifest, err = b.manifest(ctx, res)
	return res, err
}

// build is one version in the making.
type build struct {
	Shop
	job     catalogue.PublishJob
	profile disclosure.Profile
	names   *pseudonym.Hasher
	index   map[string]string   // record key → person id
	objects map[string]bool     // persons who objected, by person id
	seen    map[string][]string // pseudonyms of persons with a row → the organisations it comes from
	removed int64               // rows of those who objected
	loose   int64               // rows whose record no person has
}

func (s Shop) begin(ctx context.Context, job catalogue.PublishJob) (*build, error) {
	profile, err := disclosure.Shipped(job.Dataset.Profile)
	if err != nil {
		return nil, err
	}
	key, err := s.Keys.Derive(ctx, DomainKey, "names")
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	names, err := pseudonym.New(key.Reveal())
	if err != nil {
		return nil, err
	}
	b := &build{Shop: s, job: job, profile: profile, names: names, index: map[string]string{}, objects: map[string]bool{}, seen: map[string][]string{}}
	err = s.rows(ctx, job.Index, []string{"person_record_key", "person_id"}, func(r []columnar.Value) error {
		b.index[r[0].Str()] = r[1].Str()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("person index: %w", err)
	}
	if job.Objections.Name != "" {
		err = s.rows(ctx, job.Objections, []string{"person_id"}, func(r []columnar.Value) error {
			b.objects[r[0].Str()] = true
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("objections: %w", err)
		}
	}
	return b, nil
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

// table publishes one table: the newest row of every record, of every origin.
func (b *build) table(ctx context.Context, t catalogue.Table, res *catalogue.PublishResult) error {
	shape := schema(t)
	sorted, err := columnar.NewSorter(shape, columnar.SortOptions{By: []string{PersonColumn}, Dir: b.Tmp})
	if err != nil {
		return err
	}
	defer sorted.Close()
	q := newTally(b.profile, t)
	for _, origin := range t.From {
		if err := b.origin(ctx, t, origin, sorted, q); err != nil {
			return err
		}
	}
	return b.finish(ctx, t, shape, sorted, q, res)
}

// finish writes a sorted table, its synthetic sibling and its quality.
func (b *build) finish(ctx context.Context, t catalogue.Table, shape columnar.Schema, sorted *columnar.Sorter, q *tally, res *catalogue.PublishResult) error {
	n := sorted.Rows()
	ref, err := b.write(ctx, b.name(t.Name+".parquet"), shape, sorted)
	if err != nil {
		return err
	}
	res.Tables = append(res.Tables, catalogue.PublishedTable{Name: t.Name, Ref: ref, Rows: n, RowText: disclosure.RoundCount(b.profile, n).Text})
	res.Quality = append(res.Quality, q.quality()...)
	syn, err := b.Objects.Put(ctx, objects.Versions, b.name("synthetic/"+t.Name+".csv"), VersionsKey, q.synthetic(b.job.Version))
	if err != nil {
		return err
	}
	res.Synthetic[t.Name] = syn
	return nil
}

func (b *build) name(file string) string {
	return b.job.Dataset.Slug + "/" + b.job.Version + "/" + file
}

// origin adds the current rows of one source's payload table: of the rows with
// one record key the newest delivery's, unless it withdraws the record.
func (b *build) origin(ctx context.Context, t catalogue.Table, o catalogue.Origin, out *columnar.Sorter, q *tally) error {
	var inputs []catalogue.PublishInput
	for _, in := range b.job.Inputs {
		if in.Table == t.Name && in.Source == o.Source && in.Origin == o.Table {
			inputs = append(inputs, in)
		}
	}
	if len(inputs) == 0 {
		return nil
	}
	slices.SortFunc(inputs, func(x, y catalogue.PublishInput) int { return x.Number - y.Number })
	readers := make([]*columnar.Reader, len(inputs))
	for i, in := range inputs {
		r, c, err := selection.Objects(b.Objects)(ctx, in.Ref)
		if err != nil {
			return fmt.Errorf("delivery %d of %s: %w", in.Number, in.Source, err)
		}
		defer c.Close()
		readers[i] = r
	}
	columns := []string{"record_key", "person_record_key"}
	for _, v := range t.Variables {
		columns = append(columns, from(v))
	}
	for r, err := range intake.Current(ctx, readers, columns...) {
		if err != nil {
			return fmt.Errorf("source %s: %w", o.Source, err)
		}
		if err := b.row(t, inputs[0].Org, r, out, q); err != nil {
			return err
		}
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

func (b *build) row(t catalogue.Table, org string, r []columnar.Value, out *columnar.Sorter, q *tally) error {
	id, ok := b.index[r[1].Str()]
	if !ok {
		b.loose++
		return nil
	}
	if b.objects[id] {
		b.removed++
		return nil
	}
	person := b.names.Name(pseudonym.Person, id)
	if !slices.Contains(b.seen[person], org) {
		b.seen[person] = append(b.seen[person], org)
	}
	row := make([]columnar.Value, 0, len(t.Variables)+2)
	row = append(row, cell.Str(person), cell.Str(org))
	for i, v := range t.Variables {
		row = append(row, b.transform(v, r[i+2]))
	}
	q.add(person, row[2:])
	return out.Append(row)
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

// people publishes the person table: everybody who has a row in another table.
func (b *build) people(ctx context.Context, t catalogue.Table, res *catalogue.PublishResult) error {
	shape := schema(t)
	sorted, err := columnar.NewSorter(shape, columnar.SortOptions{By: []string{PersonColumn}, Dir: b.Tmp})
	if err != nil {
		return err
	}
	defer sorted.Close()
	q := newTally(b.profile, t)
	columns := []string{"person_id"}
	for _, v := range t.Variables {
		columns = append(columns, from(v))
	}
	err = b.rows(ctx, b.job.Persons, columns, func(r []columnar.Value) error {
		person := b.names.Name(pseudonym.Person, r[0].Str())
		orgs := b.seen[person]
		if len(orgs) == 0 {
			return nil
		}
		slices.Sort(orgs)
		row := []columnar.Value{cell.Str(person), cell.Str(strings.Join(orgs, " "))}
		for i, v := range t.Variables {
			row = append(row, b.transform(v, r[i+1]))
		}
		q.add(person, row[2:])
		return sorted.Append(row)
	})
	if err != nil {
		return err
	}
	return b.finish(ctx, t, shape, sorted, q, res)
}

// sourcesOf lists the deliveries behind the version, in order.
func sourcesOf(job catalogue.PublishJob) []string {
	set := map[string]bool{}
	for _, in := range job.Inputs {
		set[in.Delivery] = true
	}
	return slices.Sorted(maps.Keys(set))
}
