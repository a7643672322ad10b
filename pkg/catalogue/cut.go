package catalogue

import (
	"context"
	"maps"
	"slices"
	"sort"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue/restricted"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/filter"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// CutTable is one table of a cut: where it is and which variables to take.
type CutTable struct {
	Name      string      `json:"name"`
	Ref       objects.Ref `json:"ref"`
	Variables []Variable  `json:"variables"` // in the dictionary's order
	Filter    string      `json:"filter"`    // rows of this table; on "person" it bounds every table
	// Coded are the table's coded variables, granted or not, and their systems:
	// a row with a restricted code stays away as a whole.
	Coded map[string]string `json:"coded,omitempty"`
}

// Cut is an exact piece of one version: what an application asks for, what a
// permit grants, and what a feasibility question counts.
type Cut struct {
	Dataset   string     `json:"dataset"`
	Slug      string     `json:"slug"`
	Version   string     `json:"version"`
	Names     int        `json:"names,omitempty"` // number of the key its people are named under; 0 is the first
	Profile   string     `json:"profile"`
	Tables    []CutTable `json:"tables"`
	Without   []string   `json:"without,omitempty"` // organisations carved out
	Orgs      []string   `json:"orgs"`
	Sensitive []string   `json:"sensitive"` // "table.variable"
	Quasi     []string   `json:"quasi"`     // "table.variable"

	// Allowed are the restricted groups that may pass, by the permit's bases;
	// Own are the dataset's own codes of the groups.
	Allowed []string         `json:"allowed,omitempty"`
	Own     restricted.Codes `json:"own,omitempty"`
}

// Plan checks variables and filters against a version's own dictionary and returns
// the cut they describe. An empty version means the newest published one.
// Unknown tables or variables, a filter that does not parse or names what the
// table does not have, and a version that is not published are refused with
// the name of the offender.
func (r *Room) Plan(ctx context.Context, q store.Querier, dataset, version string, variables map[string][]string, filters map[string]string) (*Cut, error) {
	d, err := datasets.Get(ctx, q, dataset)
	if err != nil {
		return nil, err
	}
	if version == "" {
		version = d.Latest
	}
	if version == "" {
		return nil, ark.Faultf(ark.Conflict, "the dataset %s has no published version yet", d.Slug).Do("ask again when it has")
	}
	v, err := versions.Get(ctx, q, version)
	if err != nil {
		return nil, err
	}
	if v.Dataset != d.ID || v.State != "published" {
		return nil, ark.Faultf(ark.Conflict, "that version of %s is not published (any more)", d.Slug).Do("choose a published version")
	}
	c := &Cut{Dataset: d.ID, Slug: d.Slug, Version: v.ID, Names: v.Names(), Profile: d.Profile, Orgs: d.Orgs, Sensitive: []string{}, Quasi: []string{}}
	if c.Own, err = ownCodes(ctx, q, *d); err != nil {
		return nil, err
	}
	for name := range variables {
		if _, ok := v.Table(name); !ok {
			return nil, ark.Faultf(ark.Invalid, "the dataset %s has no table %q", d.Slug, clip(name)).At("", 0, "variables").Do("use the names of the catalogue")
		}
	}
	for name := range filters {
		if filters[name] != "" && len(variables[name]) == 0 && name != PersonTable {
			return nil, ark.Faultf(ark.Invalid, "a filter names the table %q, of which no variable is asked for", clip(name)).At("", 0, "filters")
		}
	}
	for _, t := range v.asBuilt(*d) {
		if len(variables[t.Name]) == 0 && t.Name != PersonTable {
			continue // the person table says who is in the version, so every cut reads it
		}
		where, err := withLists(ctx, q, filters[t.Name])
		if err != nil {
			return nil, err
		}
		ct, err := planTable(*d, t, *v, variables[t.Name], where)
		if err != nil {
			return nil, err
		}
		for _, x := range ct.Variables {
			switch x.Sensitivity {
			case "sensitive":
				c.Sensitive = append(c.Sensitive, t.Name+"."+x.Name)
			case "quasi":
				c.Quasi = append(c.Quasi, t.Name+"."+x.Name)
			}
		}
		c.Tables = append(c.Tables, ct)
	}
	if !slices.ContainsFunc(c.Tables, func(t CutTable) bool { return len(t.Variables) > 0 }) {
		return nil, ark.Faultf(ark.Invalid, "no variable of %s is asked for", d.Slug).At("", 0, "variables").Do("choose the variables the study needs")
	}
	sort.Strings(c.Sensitive)
	sort.Strings(c.Quasi)
	return c, nil
}

// asBuilt are a version's tables as they were when it was built, under what its
// dataset says today of the codes that they hold and of how sensitive they are.
func (v Version) asBuilt(d Dataset) []Table {
	if v.Dictionary == nil {
		return d.Tables // from before versions kept their dictionary
	}
	out := slices.Clone(v.Dictionary)
	for i, t := range out {
		out[i].Variables = slices.Clone(t.Variables)
		for j, x := range t.Variables {
			today, ok := d.Variable(t.Name, x.Name)
			if !ok {
				continue
			}
			if today.System != "" {
				out[i].Variables[j].System = today.System
			}
			if weight(today.Sensitivity) > weight(x.Sensitivity) {
				out[i].Variables[j].Sensitivity = today.Sensitivity
			}
		}
	}
	return out
}

func planTable(d Dataset, t Table, v Version, names []string, where string) (CutTable, error) {
	pt, ok := v.Table(t.Name)
	if !ok {
		return CutTable{}, ark.Faultf(ark.Conflict, "that version of %s has no table %s", d.Slug, t.Name).Do("choose a newer version")
	}
	ct := CutTable{Name: t.Name, Ref: pt.Ref, Filter: where, Variables: []Variable{}}
	for _, n := range names {
		if !slices.ContainsFunc(t.Variables, func(x Variable) bool { return x.Name == n }) {
			return ct, ark.Faultf(ark.Invalid, "the table %s.%s has no variable %q", d.Slug, t.Name, clip(n)).At("", 0, "variables").Do("use the names of the catalogue")
		}
	}
	schema := map[string]cell.Type{}
	for _, x := range t.Variables {
		schema[x.Name] = CellType(x.Type)
		if x.System != "" {
			if ct.Coded == nil {
				ct.Coded = map[string]string{}
			}
			ct.Coded[x.Name] = x.System
		}
		if slices.Contains(names, x.Name) {
			ct.Variables = append(ct.Variables, x)
		}
	}
	if where == "" {
		return ct, nil
	}
	return ct, checkFilter(where, schema)
}

// checkFilter parses a filter and checks it against a table's variables.
func checkFilter(text string, schema map[string]cell.Type) error {
	e, err := filter.Parse(text)
	if err != nil {
		return err
	}
	_, err = e.Check(filter.Scope{Types: schema})
	return err
}

// CellType is the column type of a dictionary's type.
func CellType(t string) cell.Type {
	switch t {
	case "integer":
		return cell.Int64
	case "number":
		return cell.Float64
	case "boolean":
		return cell.Bool
	case "date":
		return cell.Date
	case "timestamp":
		return cell.Timestamp
	}
	return cell.String
}

// clip shortens a name that a user gave, so that an error cannot be made to
// carry a page of text.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

// PlanGrant is Plan for a permit's grant, without the organisations carved out
// and with the restricted groups for which the permit names a basis.
func (r *Room) PlanGrant(ctx context.Context, q store.Querier, dataset, version string, variables map[string][]string, filters map[string]string, without []string, bases map[string]string) (*Cut, error) {
	c, err := r.Plan(ctx, q, dataset, version, variables, filters)
	if err != nil {
		return nil, err
	}
	if err := restricted.Check(bases); err != nil {
		return nil, err
	}
	c.Without, c.Allowed = without, slices.Sorted(maps.Keys(bases))
	return c, nil
}
