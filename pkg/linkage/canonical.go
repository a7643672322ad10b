// Package linkage decides which records are of one person. It is given
// identifiers and coarse demographics and nothing else: it must never import a
// reader of payload, open a store or a database, or learn a project's key. Its
// answers are pure functions of its inputs: same inputs, same bytes, at any
// number of threads.
package linkage

import (
	"github.com/ark-tre/ark/pkg/linkage/canon"
	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// canonical returns f with its identifiers in canonical form, under the names
// of their roles, and a full name. Columns without a role are left out; those
// with one are taken out of f.
func canonical(f *frame.Frame) *frame.Frame {
	out := &frame.Frame{N: f.N, Sources: f.Sources, Source: f.Source}
	var rest []*frame.Column
	for _, c := range f.Cols {
		r := model.RoleOf(c.Name)
		if r == model.Ignored || out.Col(string(r)) != nil {
			rest = append(rest, c)
			continue
		}
		if r == model.Given && f.Col(string(model.BirthOrder)) == nil {
			if o := birthOrder(c); o != nil {
				out.Cols = append(out.Cols, o)
			}
		}
		if k := rewrite(c, string(r), form(r)); k.known() > 0 {
			out.Cols = append(out.Cols, k.Column)
		}
	}
	f.Cols = rest
	g, s := out.Col(string(model.Given)), out.Col(string(model.Family))
	if g != nil && s != nil {
		out.Cols = append(out.Cols, joined(g, s, model.FullName))
	}
	return out
}

// birthOrder makes the column of what names such as "Twin 2" tell; nil when
// none does.
func birthOrder(given *frame.Column) *frame.Column {
	in := frame.NewInterner()
	renumber := make([]uint32, given.Dict.Len())
	any := false
	for id := uint32(1); int(id) < given.Dict.Len(); id++ {
		renumber[id] = in.String(canon.BirthOrder(given.Dict.At(id)))
		any = any || renumber[id] != 0
	}
	if !any {
		return nil
	}
	ids := make([]uint32, len(given.IDs))
	for i, id := range given.IDs {
		ids[i] = renumber[id]
	}
	return &frame.Column{Name: string(model.BirthOrder), IDs: ids, Dict: in.Dict()}
}

// form is the canonical form of a role.
func form(r model.Role) func(string) string {
	switch r {
	case model.Given, model.Middle, model.Family:
		return canon.Name
	case model.Birth:
		return canon.Date
	case model.Sex:
		return canon.Sex
	case model.Postcode:
		return canon.Postcode
	case model.Email:
		return canon.Email
	case model.Phone:
		return canon.Phone
	case model.NHSNumber:
		return canon.NHSNumber
	}
	return canon.Fold
}

type rewritten struct{ *frame.Column }

// known is how many distinct values there are.
func (r rewritten) known() int { return r.Dict.Len() - 1 }

// rewrite applies fn to each distinct value of c. It takes the row numbers of c
// over: tens of millions of rows are not held twice.
func rewrite(c *frame.Column, name string, fn func(string) string) rewritten {
	in := frame.NewInterner()
	renumber := make([]uint32, c.Dict.Len())
	for id := uint32(1); int(id) < c.Dict.Len(); id++ {
		renumber[id] = in.String(fn(c.Dict.At(id)))
	}
	ids := c.IDs
	c.IDs, c.Dict = nil, nil
	for i, id := range ids {
		ids[i] = renumber[id]
	}
	return rewritten{&frame.Column{Name: name, IDs: ids, Dict: in.Dict()}}
}

// joined makes a column of both values, null when either is.
func joined(a, b *frame.Column, name string) *frame.Column {
	in := frame.NewInterner()
	seen := frame.NewNumbers(1024)
	var named []uint32 // by number of the two values
	ids := make([]uint32, len(a.IDs))
	for i := range ids {
		x, y := a.IDs[i], b.IDs[i]
		if x == 0 || y == 0 {
			continue
		}
		k := int(seen.Number(uint64(x)<<32|uint64(y))) - 1
		if k == len(named) {
			named = append(named, in.String(a.Dict.At(x)+" "+b.Dict.At(y)))
		}
		ids[i] = named[k]
	}
	return &frame.Column{Name: name, IDs: ids, Dict: in.Dict()}
}
