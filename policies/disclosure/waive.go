package disclosure

import (
	"slices"
	"strings"
)

// Parts lists the profiles that a profile combines; itself when it is none of
// several.
func (p Profile) Parts() []Profile {
	if len(p.parts) == 0 {
		return []Profile{p}
	}
	return p.parts
}

// SetBy names the profiles that a value came from: those whose own value, at a
// path such as counts.threshold, is as strict as the combined one.
func (p Profile) SetBy(path string) []string {
	var out []string
	for _, q := range p.Parts() {
		strict := true
		switch path {
		case "counts.threshold":
			strict = q.Counts.Least() == p.Counts.Least()
		case "counts.differencing":
			strict = q.Counts.Differencing == p.Counts.Differencing
		case "counts.zeros":
			strict = q.Counts.Zeros == p.Counts.Zeros
		case "counts.full":
			strict = q.Counts.Full == p.Counts.Full
		case "rounding":
			strict = q.Rounding != nil
		case "dominance":
			strict = len(q.Dominance.Rules) > 0
		case "max_rows":
			strict = q.MaxRows == p.MaxRows
		case "dates":
			strict = q.Dates == p.Dates
		}
		if strict {
			out = append(out, q.Name)
		}
	}
	return out
}

// Contracted lists the custodians, sorted, for whom the value at a path is in a
// contract: only they can waive it, each for itself.
func (p Profile) Contracted(path string) []string {
	var out []string
	for _, q := range p.Parts() {
		in := slices.ContainsFunc(q.Contractual, func(c string) bool {
			return c == path || strings.HasPrefix(path, c+".") || strings.HasPrefix(c, path+".")
		})
		if in && q.Custodian != "" && !slices.Contains(out, q.Custodian) {
			out = append(out, q.Custodian)
		}
	}
	slices.Sort(out)
	return out
}
