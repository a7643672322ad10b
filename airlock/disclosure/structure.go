package disclosure

import (
	"slices"
	"strings"
)

// sum is one equation of a table: the cell at total is the sum of the cells at
// parts, each by row and column.
type sum struct {
	total [2]int
	parts [][2]int
}

// axisSum is an equation between whole rows, or between whole columns.
type axisSum struct {
	total int
	parts []int
}

// maxSummed is the longest table whose sums are looked for; a longer one is for
// a person to see in any case.
const maxSummed = 10_000

// sums finds the equations that a table's layout implies: margins over each
// classification, subtotals and the levels of hierarchies, by the labels; and
// rows that are the sums of the rows beneath them, by the numbers. Equations
// that the printed numbers contradict are dropped.
func (v *view) sums() []sum {
	if v.known != nil {
		return *v.known
	}
	var rows, cols []int
	if len(v.t.rows) > maxSummed {
		v.known = &[]sum{}
		return nil
	}
	for r := range v.t.rows {
		rows = append(rows, r)
	}
	for c := range v.cols {
		if v.counts(c) {
			cols = append(cols, c)
		}
	}
	var out []sum
	add := func(as []axisSum, cross []int, at func(a, x int) [2]int) {
		for _, a := range as {
			var got []sum
			for _, x := range cross {
				s := sum{total: at(a.total, x)}
				for _, p := range a.parts {
					s.parts = append(s.parts, at(p, x))
				}
				got = append(got, s)
			}
			if v.holds(got) {
				out = append(out, got...)
			}
		}
	}
	byRow := func(a, x int) [2]int { return [2]int{a, x} }
	byCol := func(a, x int) [2]int { return [2]int{x, a} }
	if len(cols) > 0 {
		found := axisSums(v.rowKeys())
		if len(v.labels) == 1 {
			found = append(found, v.nested(rows, cols, found)...)
		}
		add(found, cols, byRow)
		add(v.columnSums(cols), rows, byCol)
	}
	v.known = &out
	return out
}

// counts reports whether a column holds counts, printed or withheld.
func (v *view) counts(c int) bool {
	col := v.cols[c]
	return !col.label && (col.is(kCount) || len(col.kinds) == 0 && col.numbers == 0)
}

// rowKeys gives every row by its labels.
func (v *view) rowKeys() [][]string {
	var out [][]string
	prev := make([]string, len(v.labels))
	for _, r := range v.t.rows {
		key := make([]string, len(v.labels))
		for j, c := range v.labels {
			key[j] = r.cells[c].raw
			if key[j] == "" && j < len(v.labels)-1 && !slices.ContainsFunc(key[:j], isTotal) {
				key[j] = prev[j] // a merged label
			}
		}
		prev = key
		out = append(out, key)
	}
	return out
}

// axisSums reads totals out of the labels of rows or columns.
func axisSums(keys [][]string) []axisSum {
	if len(keys) < 2 || len(keys[0]) == 0 {
		return nil
	}
	seen := map[string]bool{}
	tot := make([][]bool, len(keys))
	for i, k := range keys {
		id := strings.Join(k, "\x1f")
		if seen[id] && len(k) > 1 {
			return nil // rows of the same labels are no table of sums
		}
		seen[id] = true
		tot[i] = make([]bool, len(k))
		for j, s := range k {
			tot[i][j] = isTotal(s) || s == "" && slices.Contains(tot[i][:j], true)
		}
	}
	if len(keys[0]) == 1 {
		return flatSums(tot)
	}
	var out []axisSum
	for i, k := range keys {
		for j := range k {
			if !tot[i][j] {
				continue
			}
			a := axisSum{total: i}
			for p, q := range keys {
				same := p != i && !tot[p][j]
				for x := range q {
					same = same && (x == j || tot[p][x] && tot[i][x] || q[x] == k[x])
				}
				if same {
					a.parts = append(a.parts, p)
				}
			}
			if len(a.parts) > 0 {
				out = append(out, a)
			}
		}
	}
	return out
}

// flatSums reads one column of labels: a total of all others, or subtotals
// with a grand total, above or below what they sum.
func flatSums(tot [][]bool) []axisSum {
	var totals, body []int
	for i, t := range tot {
		if t[0] {
			totals = append(totals, i)
		} else {
			body = append(body, i)
		}
	}
	switch {
	case len(totals) == 0 || len(body) < 2:
		return nil
	case len(totals) == 1:
		return []axisSum{{totals[0], body}}
	}
	below := tot[len(tot)-1][0] && !tot[0][0]
	var out []axisSum
	var subs, run []int
	walk := func(i int) {
		switch {
		case !tot[i][0]:
			run = append(run, i)
		case len(run) > 0:
			out, subs, run = append(out, axisSum{i, run}), append(subs, i), nil
		default:
			out = append(out, axisSum{i, slices.Clone(subs)})
			subs = []int{i}
		}
	}
	if below {
		for i := range tot {
			walk(i)
		}
	} else {
		for i := len(tot) - 1; i >= 0; i-- {
			walk(i)
		}
	}
	return slices.DeleteFunc(out, func(a axisSum) bool { return len(a.parts) == 0 })
}

// columnSums reads totals out of the headings of columns of counts, and out of
// the numbers: a column headed as a count that is the sum of all others.
func (v *view) columnSums(cols []int) []axisSum {
	var keys [][]string
	var at, named []int
	depth := 1
	for _, c := range cols {
		var key []string
		for _, h := range v.cols[c].path {
			if k := kindsOf(h); len(k) == 1 && k[0] == kCount && !isTotal(h) && (v.cols[c].sure == sure) {
				continue // "n" says what is shown, not of whom
			}
			key = append(key, h)
		}
		if len(key) == 0 {
			named = append(named, c)
			continue
		}
		depth = max(depth, len(key))
		keys, at = append(keys, key), append(at, c)
	}
	for i := range keys {
		for len(keys[i]) < depth {
			keys[i] = append(keys[i], "")
		}
	}
	var out []axisSum
	for _, a := range axisSums(keys) {
		b := axisSum{total: at[a.total]}
		for _, p := range a.parts {
			b.parts = append(b.parts, at[p])
		}
		if len(b.parts) > 1 {
			out = append(out, b)
		}
	}
	if len(out) == 0 && len(at) > 1 && depth == 1 {
		for _, c := range named {
			if good, bad := v.agree(func(r int) sum {
				s := sum{total: [2]int{r, c}}
				for _, p := range at {
					s.parts = append(s.parts, [2]int{r, p})
				}
				return s
			}, len(v.t.rows)); good > 1 && bad == 0 {
				out = append(out, axisSum{c, at})
			}
		}
	}
	return out
}

// nested finds rows that are the sum of the rows beneath them, or above, by
// the numbers alone: over at least two columns, or three parts of some size.
func (v *view) nested(rows, cols []int, have []axisSum) []axisSum {
	taken := map[int]bool{}
	for _, a := range have {
		taken[a.total] = true
	}
	var out []axisSum
	if len(rows) > 400 {
		return nil
	}
	under := map[int]bool{} // rows already summed by another
	for range 4 {
		before := len(out)
		for i := range rows {
			if taken[i] || under[i] {
				continue
			}
			if a, ok := v.runBeside(i, len(rows), cols, func(p int) bool {
				return taken[p] && !slices.ContainsFunc(out, func(a axisSum) bool { return a.total == p })
			}, under); ok {
				out = append(out, a)
				taken[i] = true
				for _, p := range a.parts {
					under[p] = true
				}
			}
		}
		if len(out) == before {
			break
		}
	}
	// A row that sums others is itself one part of the total, they are none.
	for k := range have {
		for _, a := range out {
			if slices.Contains(have[k].parts, a.total) {
				have[k].parts = slices.DeleteFunc(slices.Clone(have[k].parts), func(p int) bool { return slices.Contains(a.parts, p) })
			}
		}
	}
	return out
}

// runBeside finds the run of rows after row i, or before it, that i sums:
// rows that stop say so, rows under another are passed over.
func (v *view) runBeside(i, n int, cols []int, stop func(int) bool, under map[int]bool) (axisSum, bool) {
	for _, dir := range []int{1, -1} {
		var parts []int
		for p := i + dir; p >= 0 && p < n && !stop(p) && len(parts) < 40; p += dir {
			if under[p] {
				continue
			}
			parts = append(parts, p)
			if a := (axisSum{i, slices.Clone(parts)}); len(parts) > 1 && v.plainSum(a, cols) {
				return a, true
			}
		}
	}
	return axisSum{}, false
}

// plainSum reports whether the numbers show beyond chance that a row sums
// others.
func (v *view) plainSum(a axisSum, cols []int) bool {
	good, large := 0, false
	for _, c := range cols {
		total, ok := v.whole(a.total, c)
		if !ok {
			continue
		}
		left, full := total, true
		for _, p := range a.parts {
			n, ok := v.whole(p, c)
			full = full && ok && n > 0
			left -= n
		}
		switch {
		case !full:
		case left != 0:
			return false
		default:
			good++
			large = large || total >= 100 && len(a.parts) >= 3
		}
	}
	return good >= 3 || good == 2 && len(a.parts) >= 2 || good == 1 && large && len(cols) == 1
}

// whole is the count printed in a cell.
func (v *view) whole(r, c int) (int64, bool) {
	x := v.t.rows[r].cells[c]
	if x.kind != cellNumber || !x.values[0].whole || x.values[0].f < 0 {
		return 0, false
	}
	if len(x.values) > 1 {
		at := v.at[[2]int{r, c}]
		if len(at) == 0 || v.sites[at[0]].kind != kCount {
			return 0, false
		}
	}
	return x.values[0].n, true
}

// holds reports whether the printed numbers bear out an equation between rows
// or columns more often than they contradict it.
func (v *view) holds(ss []sum) bool {
	good, bad := v.agree(func(i int) sum { return ss[i] }, len(ss))
	return bad == 0 || good > bad
}

// agree counts the fully printed equations that add up and those that don't,
// allowing for rounding.
func (v *view) agree(at func(int) sum, n int) (good, bad int) {
	for i := range n {
		s := at(i)
		total, ok := v.whole(s.total[0], s.total[1])
		left, slack := total, int64(0)
		if ok && v.rounded() {
			slack = v.p.Rounding.BaseFor(total)
		}
		for _, p := range s.parts {
			m, fine := v.whole(p[0], p[1])
			ok = ok && fine
			left -= m
			if v.rounded() {
				slack += v.p.Rounding.BaseFor(m)
			}
		}
		switch {
		case !ok:
		case abs(left) <= slack:
			good++
		default:
			bad++
		}
	}
	return good, bad
}

// rounded reports whether every count the table prints is rounded as the
// profile asks.
func (v *view) rounded() bool {
	if v.p.Rounding == nil {
		return false
	}
	if v.allRounded == nil {
		all := true
		for _, s := range v.sites {
			all = all && (s.kind != kCount || s.sure != sure && !v.counts(s.col) || v.p.Rounding.Rounded(s.v.n))
		}
		v.allRounded = &all
	}
	return *v.allRounded
}
