package catalogue

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/intake"
	"github.com/ark-tre/ark/pkg/store"
)

// Break is the step of a source to the next major version of its contract: what
// was made for versions of datasets from before it need not fit those after it.
type Break struct {
	From string              `json:"from"` // the contract's name and version
	To   string              `json:"to"`
	At   time.Time           `json:"at"`
	What []intake.Difference `json:"what"` // one a column; what holds for a whole table, or for all, has none
}

// mostOfColumn is how many differences of one column a break tells.
const mostOfColumn = 5

// breaks holds a source's new contract against the one in force. It refuses one
// whose version does not rise as its differences ask, and returns the break, nil
// if there is none.
func breaks(s *Source, now *intake.Contract, at time.Time) (*Break, error) {
	old, err := intake.ParseContract([]byte(s.Contract))
	if err != nil {
		return nil, fmt.Errorf("the contract in force of source %s: %w", s.Slug, err)
	}
	all, err := intake.Diff(old, now)
	if err != nil {
		return nil, err
	}
	out := &Break{From: old.Name + " " + old.Version, To: now.Name + " " + now.Version, At: at}
	more := map[[2]string]int{}
	for _, d := range all {
		if !d.Breaking {
			continue
		}
		column := [2]string{d.Table, d.Column}
		i := slices.IndexFunc(out.What, func(x intake.Difference) bool { return x.Table == d.Table && x.Column == d.Column })
		switch more[column]++; {
		case i < 0:
			out.What = append(out.What, d)
		case more[column] <= mostOfColumn:
			out.What[i].What += ", " + d.What
		}
	}
	if len(out.What) == 0 {
		return nil, nil
	}
	for i, d := range out.What {
		if n := more[[2]string{d.Table, d.Column}] - mostOfColumn; n > 0 {
			out.What[i].What += fmt.Sprintf(", and %d more", n)
		}
	}
	return out, nil
}

// broken says how variables that takes names no longer are, in the later of two
// versions of a dataset, what they were in the earlier, for the contract of a
// source behind them broke in between.
func broken(ctx context.Context, q store.Querier, a, b Version, takes func(name string) bool) (wrong []string, err error) {
	if a.Started.After(b.Started) {
		a, b = b, a
	}
	all, err := sourcesBySlug(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, t := range a.Dictionary {
		from := t.From
		if t.Name == PersonTable {
			for _, x := range a.Dictionary {
				from = append(from, x.From...)
			}
		}
		for _, o := range from {
			for _, d := range all[o.Source].between(a, b) {
				for _, v := range t.Variables {
					name, said := t.Name+"."+v.Name, ""
					switch {
					case !takes(name):
					case d.Table == "" || d.Table == o.Table && d.Column == "" && t.Name != PersonTable:
						said = t.Name + ": " + d.What
					case t.Name == PersonTable && d.Column == "coarse "+v.column(), t.Name != PersonTable && d.Table == o.Table && d.Column == v.column():
						said = name + ": " + d.What
					}
					if said != "" && !slices.Contains(wrong, said) {
						wrong = append(wrong, said)
					}
				}
			}
		}
	}
	return wrong, nil
}

func sourcesBySlug(ctx context.Context, q store.Querier) (map[string]Source, error) {
	all, err := sources.Where(ctx, q, "")
	out := make(map[string]Source, len(all))
	for _, s := range all {
		out[s.Slug] = s
	}
	return out, err
}

// between are the breaking differences of a source's contract that came after
// one version was begun and before another was.
func (s Source) between(a, b Version) (out []intake.Difference) {
	for _, x := range s.Breaks {
		if x.At.After(a.Started) && !x.At.After(b.Started) {
			out = append(out, x.What...)
		}
	}
	return out
}

// column is the payload column, or that of the person index, that a variable is
// made from.
func (v Variable) column() string {
	if v.From != "" {
		return v.From
	}
	return v.Name
}

// tied refuses a dataset that asks of its sources' contracts what these do not
// give (any more), with the names of all that is missing or of another type.
func tied(ctx context.Context, q store.Querier, d Dataset) error {
	var wrong []string
	all, err := sourcesBySlug(ctx, q)
	if err != nil {
		return err
	}
	known := map[string]*intake.Contract{} // hundreds of practices share one
	for _, t := range d.Tables {
		for _, o := range t.From {
			s := all[o.Source]
			c := known[s.ContractHash]
			if c == nil {
				if c, err = intake.ParseContract([]byte(s.Contract)); err != nil {
					return err
				}
				known[s.ContractHash] = c
			}
			given := map[string]intake.FieldType{}
			ct := c.Table(o.Table)
			if ct == nil {
				wrong = append(wrong, fmt.Sprintf("source %s has no table %s", s.Slug, o.Table))
				continue
			}
			for _, f := range ct.Fields {
				if f.To == intake.ToPayload || f.To == intake.ToEntity {
					given[f.Column] = f.Type
				}
			}
			for _, v := range t.Variables {
				switch is, there := given[v.column()]; {
				case !there:
					wrong = append(wrong, fmt.Sprintf("%s.%s is not in source %s", t.Name, v.Name, s.Slug))
				case !v.takes(is):
					wrong = append(wrong, fmt.Sprintf("%s.%s is of the type %s in source %s", t.Name, v.Name, is, s.Slug))
				}
			}
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	if n := len(wrong) - mostWrong; n > 0 {
		wrong = append(wrong[:mostWrong], fmt.Sprintf("and %d more", n))
	}
	return ark.Faultf(ark.Conflict, "the dataset %s does not fit the contracts of its sources: %s", d.Slug, strings.Join(wrong, "; ")).
		Do("offer the dataset again with its variables as the contracts give them; a permit that names one of these needs an amendment")
}

// mostWrong is how many variables a refusal names.
const mostWrong = 20

// takes reports whether a variable can be made of a contract's type.
func (v Variable) takes(is intake.FieldType) bool {
	date := is == intake.TypeDate || is == intake.TypeDatetime
	switch v.Transform {
	case "year":
		return date && v.Type == "integer"
	case "month":
		return date && v.Type == "date"
	case "entity":
		return v.Type == "string"
	}
	switch is {
	case intake.TypeInteger:
		return v.Type == "integer"
	case intake.TypeNumber:
		return v.Type == "number"
	case intake.TypeBoolean:
		return v.Type == "boolean"
	case intake.TypeDate:
		return v.Type == "date"
	case intake.TypeDatetime:
		return v.Type == "timestamp"
	}
	return v.Type == "string"
}
