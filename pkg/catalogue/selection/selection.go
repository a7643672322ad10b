// Package selection applies a cut's filters to a published version: which
// persons it reaches, and which rows of a table.
//
// It reads the versions zone through the function it is given and holds
// pseudonyms in memory only. It must never return a count that left the
// process unrounded: Measure is for that.
package selection

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/catalogue/restricted"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/filter"
	"github.com/ark-tre/ark/pkg/objects"
)

// Columns of published tables that every cut may need.
const (
	person = "person"
	org    = "_org"
	orgs   = "_orgs" // of the person table: the organisations a person has rows from
)

// Open opens a Parquet object of the versions zone.
type Open func(ctx context.Context, ref objects.Ref) (*columnar.Reader, io.Closer, error)

// Objects opens Parquet objects of a store.
func Objects(st *objects.Store) Open {
	return func(ctx context.Context, ref objects.Ref) (*columnar.Reader, io.Closer, error) {
		f, err := st.OpenAt(ctx, ref)
		if err != nil {
			return nil, nil, err
		}
		r, err := columnar.Open(f, f.Size(), columnar.Limits{})
		if err != nil {
			f.Close()
			return nil, nil, err
		}
		return r, f, nil
	}
}

// Reader applies one cut to the version it names.
type Reader struct {
	Open Open
	Cut  catalogue.Cut
	// Dropped are persons, by their pseudonym in the Ark, whose whole record
	// is left out: national data opt-outs.
	Dropped map[string]bool
	// Left counts, where it is set, the persons of the version whom Persons
	// leaves out because they are dropped. It must not be shown unrounded.
	Left *int64
}

// Persons returns the pseudonyms that the filter on the person table reaches,
// without those dropped, in order.
func (r Reader) Persons(ctx context.Context) (map[string]bool, error) {
	t, ok := r.table(catalogue.PersonTable)
	if !ok {
		return nil, ark.Faultf(ark.Invalid, "the cut has no table %q", catalogue.PersonTable)
	}
	out := map[string]bool{}
	err := r.each(ctx, t, nil, func(row []columnar.Value) error {
		out[row[0].Str()] = true
		return nil
	})
	return out, err
}

// Rows calls fn for every row of a table that the cut reaches, with its
// person first and then the cut's variables in order. A row of an organisation
// that is carved out, of a dropped person or of one outside persons is skipped.
func (r Reader) Rows(ctx context.Context, table string, persons map[string]bool, fn func(row []columnar.Value) error) error {
	t, ok := r.table(table)
	if !ok {
		return ark.Faultf(ark.Invalid, "the cut has no table %q", table)
	}
	return r.each(ctx, t, persons, fn)
}

func (r Reader) table(name string) (catalogue.CutTable, bool) {
	for _, t := range r.Cut.Tables {
		if t.Name == name {
			return t, true
		}
	}
	return catalogue.CutTable{}, false
}

func (r Reader) each(ctx context.Context, t catalogue.CutTable, persons map[string]bool, fn func([]columnar.Value) error) error {
	f, c, err := r.Open(ctx, t.Ref)
	if err != nil {
		return err
	}
	defer c.Close()
	have := f.Schema()
	columns := []string{person}
	for _, v := range t.Variables {
		columns = append(columns, v.Name)
	}
	want := len(columns)
	judge := restricted.New(r.Cut.Allowed, r.Cut.Own)
	var coded []coding // columns that are held against the restricted groups
	for i, v := range t.Variables {
		if t.Coded[v.Name] == "" && catalogue.CellType(v.Type) == cell.String && v.Transform == "keep" {
			coded = append(coded, coding{at: i + 1})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Coded)) {
		if have.Index(name) < 0 {
			continue // of a version from before the variable
		}
		at := slices.Index(columns, name)
		if at < 0 {
			at, columns = len(columns), append(columns, name)
		}
		coded = append(coded, coding{at: at, system: t.Coded[name]})
	}
	if have.Index(org) >= 0 {
		columns = append(columns, org)
	}
	if have.Index(orgs) >= 0 {
		columns = append(columns, orgs)
	}
	keep, extra, err := bind(t.Filter, have, columns)
	if err != nil {
		return err
	}
	columns = append(columns, extra...)
	orgAt, orgsAt := slices.Index(columns, org), slices.Index(columns, orgs)
	row, last, in, first := make([]columnar.Value, len(columns)), "", false, true
	for rec, err := range columnar.Ahead(f.Coded(ctx, columns...)) {
		if err != nil {
			return err
		}
		for i := range int(rec.NumRows()) {
			// A version's rows come in runs of one person: who is out is asked once.
			if p := columnar.At(rec.Column(0), i).Str(); first || p != last {
				last, first, in = p, false, !r.Dropped[p] && (persons == nil || persons[p])
				if persons == nil && r.Left != nil && r.Dropped[p] {
					*r.Left++
				}
			}
			if !in {
				continue
			}
			for c, col := range rec.Columns() {
				row[c] = columnar.At(col, i)
			}
			if !r.keeps(row, keep, orgAt, orgsAt) || restrictedRow(judge, row, coded) {
				continue
			}
			if err := fn(row[:want]); err != nil {
				return err
			}
		}
	}
	return nil
}

// coding is a column that is held against the restricted groups, with its last
// value and what was said of it: values repeat.
type coding struct {
	at     int
	system string
	last   string
	held   bool
}

// restrictedRow reports whether a row holds a code that may not pass.
func restrictedRow(judge *restricted.Judge, row []columnar.Value, coded []coding) bool {
	for i := range coded {
		c := &coded[i]
		if row[c.at].IsNull() {
			continue
		}
		text := ""
		if row[c.at].Type() == cell.String {
			text = row[c.at].Str()
		} else {
			text = row[c.at].Text()
		}
		if text != c.last {
			c.held, c.last = judge.Holds(c.system, text), strings.Clone(text)
		}
		if c.held {
			return true
		}
	}
	return false
}

// keeps reports whether a row of a person who is in passes the organisations
// carved out and the filter.
func (r Reader) keeps(row []columnar.Value, keep *filter.Bound, orgAt, orgsAt int) bool {
	if orgAt >= 0 && slices.Contains(r.Cut.Without, row[orgAt].Str()) || orgsAt >= 0 && r.carvedOut(row[orgsAt].Str()) {
		return false
	}
	return keep == nil || keep.Eval(row) == filter.True
}

// carvedOut reports whether all that is known of a person comes from
// organisations that are carved out.
func (r Reader) carvedOut(list string) bool {
	for _, o := range strings.Fields(list) {
		if !slices.Contains(r.Cut.Without, o) {
			return false
		}
	}
	return true
}

// bind checks a filter against a table and returns it bound to the columns,
// with the columns it needs beyond them. An empty filter is nil: it keeps all.
func bind(text string, have columnar.Schema, columns []string) (*filter.Bound, []string, error) {
	if text == "" {
		return nil, nil, nil
	}
	e, err := filter.Parse(text)
	if err != nil {
		return nil, nil, err
	}
	types := have.Types()
	delete(types, org)
	delete(types, orgs)
	delete(types, person)
	c, err := e.Check(filter.Scope{Types: types})
	if err != nil {
		return nil, nil, err
	}
	var extra []string
	for _, name := range c.Fields() {
		if !slices.Contains(columns, name) {
			extra = append(extra, name)
		}
	}
	b, err := c.Bind(append(slices.Clone(columns), extra...))
	if err != nil {
		return nil, nil, fmt.Errorf("filter: %w", err)
	}
	return b, extra, nil
}

// DroppedFrom reads persons to drop from an index object, naming each by name.
func DroppedFrom(ctx context.Context, open Open, ref objects.Ref, name func(personID string) string) (map[string]bool, error) {
	out := map[string]bool{}
	if ref.Name == "" {
		return out, nil
	}
	f, c, err := open(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	for row, err := range f.Rows(ctx, "person_id") {
		if err != nil {
			return nil, err
		}
		out[name(row[0].Str())] = true
	}
	return out, nil
}
