package catalogue

import (
	"bytes"
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue/restricted"
	"github.com/ark-tre/ark/pkg/store"
)

// PersonTable is the table that every dataset has: one row a person.
const PersonTable = "person"

var plainName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// TableName is what a dataset's table is called in a workspace.
func TableName(slug, table string) string {
	return strings.ReplaceAll(slug, "-", "_") + "__" + table
}

// ParseDataset reads a dataset's definition from YAML. Unknown keys, doubtful
// names and unknown kinds of sensitivity or transformation are refused.
func ParseDataset(text []byte) (*Dataset, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	var d Dataset
	if err := dec.Decode(&d); err != nil {
		return nil, ark.Faultf(ark.Invalid, "the dataset's definition cannot be read: %v", err).Do("mend the YAML")
	}
	if d.Slug == "" || d.Title == "" || d.Summary == "" || d.Profile == "" {
		return nil, ark.Faultf(ark.Invalid, "a dataset needs slug, title, summary and profile").Do("add what is missing")
	}
	person := false
	for _, t := range d.Tables {
		if !plainName.MatchString(t.Name) {
			return nil, ark.Faultf(ark.Invalid, "the name of a table has to be lower-case letters, digits and underscores").At("", 0, "tables.name")
		}
		person = person || t.Name == PersonTable
		if (t.Name == PersonTable) != (len(t.From) == 0) {
			return nil, ark.Faultf(ark.Invalid, "the table %s: every table but %q has to say which sources feed it", t.Name, PersonTable).At("", 0, "tables.from")
		}
		seen := map[string]bool{}
		for _, v := range t.Variables {
			at := t.Name + "." + v.Name
			switch {
			case !plainName.MatchString(v.Name) || seen[v.Name]:
				return nil, ark.Faultf(ark.Invalid, "the variable %q is named twice, or by more than lower-case letters, digits and underscores", at)
			case !slices.Contains([]string{"string", "integer", "number", "boolean", "date", "timestamp"}, v.Type):
				return nil, ark.Faultf(ark.Invalid, "the variable %q has no known type", at).Do("use string, integer, number, boolean, date or timestamp")
			case !slices.Contains([]string{"ordinary", "quasi", "sensitive"}, v.Sensitivity):
				return nil, ark.Faultf(ark.Invalid, "the variable %q has no known sensitivity", at).Do("use ordinary, quasi or sensitive")
			case !slices.Contains([]string{"keep", "year", "month", "entity"}, v.Transform):
				return nil, ark.Faultf(ark.Invalid, "the variable %q has no known transformation", at).Do("use keep, year, month or entity")
			case !slices.Contains([]string{"", restricted.ICD10, restricted.OPCS4, restricted.SNOMED}, v.System):
				return nil, ark.Faultf(ark.Invalid, "the variable %q has no known code system", at).Do("use icd10, opcs4 or snomed, or say nothing")
			case v.Meaning == "":
				return nil, ark.Faultf(ark.Invalid, "the variable %q has no meaning", at).Do("say in one line what it means")
			}
			if t.Name == PersonTable {
				if err := checkPersonal(v); err != nil {
					return nil, err
				}
			}
			seen[v.Name] = true
		}
	}
	if !person {
		return nil, ark.Faultf(ark.Invalid, "a dataset needs the table %q", PersonTable).At("", 0, "tables")
	}
	return &d, d.Retention.check()
}

// personColumns are what the person index knows of a person and a dataset's
// table of people may declare: coarse facts, and two keys that tell who shares
// a postcode and who a home, and nothing of where that is.
func personColumns() []string {
	return []string{"year_of_birth", "sex", "lsoa", "imd_decile", "ethnicity", HouseholdColumn, PlaceColumn}
}

// The keys of homes and postcodes in the person index.
const (
	HouseholdColumn = "household"
	PlaceColumn     = "place"
)

// checkPersonal refuses a variable of people that the person index has not, or
// that would give one of its own keys away.
func checkPersonal(v Variable) error {
	of := cmp.Or(v.From, v.Name)
	at := PersonTable + "." + v.Name
	if !slices.Contains(personColumns(), of) {
		return ark.Faultf(ark.Invalid, "the variable %q is nothing that the person index knows", at).Do("use one of " + strings.Join(personColumns(), ", "))
	}
	if of != HouseholdColumn && of != PlaceColumn {
		return nil
	}
	if v.Transform != "entity" || v.Type != "string" || v.Name != of {
		return ark.Faultf(ark.Invalid, "the variable %q is a key of the person index, which stays in the Ark", at).
			Do("declare it under its own name with type: string and transform: entity, so that each project has keys of its own")
	}
	if v.Sensitivity == "ordinary" {
		return ark.Faultf(ark.Invalid, "the variable %q says who lives together or nearby: it is not ordinary", at).Do("use sensitivity quasi or sensitive")
	}
	return nil
}

// OfferDataset adds a dataset to the catalogue, or changes its definition for
// the versions to come.
func (r *Room) OfferDataset(ctx context.Context, actor store.Actor, d Dataset) (*Dataset, error) {
	err := r.St.Act(ctx, actor, "dataset.offer", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		d.Orgs = []string{}
		if err := expandOrigins(ctx, tx, &d); err != nil {
			return nil, err
		}
		if _, err := ownCodes(ctx, tx, d); err != nil {
			return nil, err
		}
		for _, t := range d.Tables {
			for _, o := range t.From {
				s, err := sources.First(ctx, tx, "slug = $1", o.Source)
				if err != nil {
					return nil, ark.Faultf(ark.Invalid, "the table %s is fed by a source that is not registered", t.Name).At("", 0, "tables.from").Do("register the source first")
				}
				if !slices.Contains(d.Orgs, s.Org) {
					d.Orgs = append(d.Orgs, s.Org)
				}
			}
		}
		slices.Sort(d.Orgs)
		if err := tied(ctx, tx, d); err != nil {
			return nil, err
		}
		if old, err := datasets.First(ctx, tx, "slug = $1", d.Slug); err == nil {
			d.ID, d.Latest = old.ID, old.Latest
			return []store.Event{{Type: "dataset.changed", Subjects: append([]string{d.ID}, d.Orgs...)}}, datasets.Update(ctx, tx, &d)
		}
		d.ID = tx.NewID(ark.PrefixDataset)
		return []store.Event{{Type: "dataset.offered", Subjects: append([]string{d.ID}, d.Orgs...)}}, datasets.Insert(ctx, tx, &d)
	})
	if err != nil {
		return nil, err
	}
	return &d, nil
}

// expandOrigins puts every registered source with a contract in the place of
// the contract's name.
func expandOrigins(ctx context.Context, q store.Querier, d *Dataset) error {
	all, err := sources.Where(ctx, q, "")
	if err != nil {
		return err
	}
	for i := range d.Tables {
		var from []Origin
		for _, o := range d.Tables[i].From {
			if o.Contract == "" {
				from = append(from, o)
				continue
			}
			n := len(from)
			for _, s := range all {
				if s.ContractName == o.Contract {
					from = append(from, Origin{Source: s.Slug, Table: o.Table})
				}
			}
			if len(from) == n {
				return ark.Faultf(ark.Invalid, "the table %s is fed by a contract that no registered source has", d.Tables[i].Name).At("", 0, "tables.from").Do("register the sources first")
			}
		}
		d.Tables[i].From = from
	}
	return nil
}

// Variable returns a table's variable by name.
func (d Dataset) Variable(table, name string) (Variable, bool) {
	for _, t := range d.Tables {
		if t.Name != table {
			continue
		}
		for _, v := range t.Variables {
			if v.Name == name {
				return v, true
			}
		}
	}
	return Variable{}, false
}

// Table returns a table by name.
func (d Dataset) Table(name string) (Table, bool) {
	for _, t := range d.Tables {
		if t.Name == name {
			return t, true
		}
	}
	return Table{}, false
}

// GetDataset returns a dataset.
func GetDataset(ctx context.Context, q store.Querier, id string) (*Dataset, error) {
	return datasets.Get(ctx, q, id)
}

// DatasetBySlug returns a dataset by its short name.
func DatasetBySlug(ctx context.Context, q store.Querier, slug string) (*Dataset, error) {
	return datasets.First(ctx, q, "slug = $1", slug)
}

// Datasets returns all datasets.
func Datasets(ctx context.Context, q store.Querier) ([]Dataset, error) {
	return datasets.Where(ctx, q, "")
}

// GetVersion returns a version.
func GetVersion(ctx context.Context, q store.Querier, id string) (*Version, error) {
	return versions.Get(ctx, q, id)
}

// Versions returns a dataset's versions, oldest first.
func Versions(ctx context.Context, q store.Querier, dataset string) ([]Version, error) {
	return versions.Where(ctx, q, "dataset = $1", dataset)
}
