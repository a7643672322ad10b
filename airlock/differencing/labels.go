package differencing

import (
	"maps"
	"math"
	"slices"
	"strings"
)

// labels compares the figures of tables without sets, by their labels: those
// of outputs without a specification and of tables published elsewhere. A
// table of which half the figures are nearly the same and some differ is too
// near. Where no figure has the labels of another, columns are held against
// columns by the labels of their rows: whoever published the table headed it
// in their own words.
func (x *joint) labels() {
	if len(x.c.Plain) == 0 {
		return
	}
	news := map[string]Plain{}
	for _, p := range x.c.Plain {
		news[p.Labels] = p
	}
	columns, whole := columnsOf(x.c.Plain)
	for r, old := range x.h.plain {
		if len(old) == 0 {
			continue
		}
		var n nearness
		for _, o := range old {
			if p, ok := news[o.Labels]; ok {
				n.take(o, p, x.least)
			}
		}
		if n.shared == 0 {
			theirs, all := columnsOf(old)
			n = nearestColumns(theirs, columns, x.least)
			x.rep.Cut = x.rep.Cut || !whole || !all
		}
		if n.tooNear() {
			x.rep.Conflicts = append(x.rep.Conflicts, Conflict{Kind: Similar, Terms: []Term{{Release: x.h.releases[r].ID, Project: x.h.releases[r].Project, Statistic: "figure", Printed: n.at.Value}}})
		}
	}
}

// nearness counts the figures of two tables that have the same labels, those
// that are nearly the same, and of these those that differ.
type nearness struct {
	shared, near, differ int
	at                   Plain // one that differs
}

func (n *nearness) take(old, fresh Plain, least int64) {
	if old.Withheld && fresh.Withheld {
		return
	}
	n.shared++
	d := math.Abs(old.Value - fresh.Value)
	switch {
	case old.Withheld != fresh.Withheld:
		n.near, n.differ, n.at = n.near+1, n.differ+1, old
	case d == 0:
		n.near++
	case d < float64(least) && old.Whole && fresh.Whole:
		n.near, n.differ, n.at = n.near+1, n.differ+1, old
	}
}

func (n nearness) tooNear() bool { return n.shared > 0 && 2*n.near >= n.shared && n.differ > 0 }

// mostColumns bounds how many columns of a table are held against others'.
const mostColumns = 64

// columnsOf parts figures by their column; each has one figure a row. whole
// says that the bound cut none off.
func columnsOf(all []Plain) (out []map[string]Plain, whole bool) {
	at := map[string]int{}
	whole = true
	for _, p := range all {
		row, head, _ := strings.Cut(p.Labels, "\x1e")
		if strings.Trim(row, "\x1f ") == "" {
			continue // a row without a label is known by its heading alone
		}
		i, ok := at[head]
		if !ok {
			if i = len(out); i == mostColumns {
				whole = false
				continue
			}
			at[head], out = i, append(out, map[string]Plain{})
		}
		out[i][row] = p
	}
	return out, whole
}

// nearestColumns finds two columns that are too near. They share more than one
// row, and their figures are counts of at least the threshold: smaller ones are
// near each other whatever they count.
func nearestColumns(old, fresh []map[string]Plain, least int64) nearness {
	for _, o := range old {
		rows := slices.Sorted(maps.Keys(o))
		for _, f := range fresh {
			var n nearness
			for _, row := range rows {
				a, b := o[row], f[row]
				if _, ok := f[row]; ok && (a.Withheld || a.Whole && a.Value >= float64(least)) && (b.Withheld || b.Whole && b.Value >= float64(least)) {
					n.take(a, b, least)
				}
			}
			if n.shared > 1 && n.tooNear() {
				return n
			}
		}
	}
	return nearness{}
}
