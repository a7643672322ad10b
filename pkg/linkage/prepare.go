package linkage

import (
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// Prepare returns f with the columns that m looks at: canonical ones, or, for
// a raw model, as they are in the input. A column a_b_concat that is missing is made of a and b with a space
// between, as Splink's name comparison wants it.
func Prepare(f *frame.Frame, m *model.Model) (*frame.Frame, error) {
	need, err := m.Columns()
	if err != nil {
		return nil, err
	}
	if !m.Raw {
		f = canonical(f)
	}
	out := &frame.Frame{N: f.N, Sources: f.Sources, Source: f.Source, Cols: append([]*frame.Column(nil), f.Cols...)}
	for name := range need {
		if f.Col(name) != nil {
			continue
		}
		a, b := halves(f, name)
		if a == nil {
			return nil, ark.Faultf(ark.Invalid, "the model names a column that the input lacks").At("", 0, name).
				Do("give the column in the input or take it out of the model")
		}
		out.Cols = append(out.Cols, joined(a, b, name))
	}
	return out, nil
}

// halves finds the columns a and b of a name a_b_concat.
func halves(f *frame.Frame, name string) (a, b *frame.Column) {
	s, ok := strings.CutSuffix(name, "_concat")
	if !ok {
		return nil, nil
	}
	for i := range len(s) {
		if s[i] == '_' {
			if a, b = f.Col(s[:i]), f.Col(s[i+1:]); a != nil && b != nil {
				return a, b
			}
		}
	}
	return nil, nil
}

// PartOf reports whether a column is half of one that need names as a_b_concat.
func PartOf(column string, need map[string]bool) bool {
	for n := range need {
		if s, ok := strings.CutSuffix(n, "_concat"); ok && (strings.HasPrefix(s, column+"_") || strings.HasSuffix(s, "_"+column)) {
			return true
		}
	}
	return false
}
