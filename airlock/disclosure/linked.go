package disclosure

import (
	"bytes"
	"context"
	"encoding/csv"
	"slices"
	"sort"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// CheckTables judges the tables of one request: each by itself, and what is
// withheld in any by all of them together. Cells of two tables are one where
// their labels are the same, whatever the order, and the tables agree in all
// such cells that both print.
func CheckTables(ctx context.Context, p policy.Profile, files []File) (Verdict, []Finding, error) {
	if err := p.Check(); err != nil && !strings.Contains(p.Name, "+") {
		return Fail, nil, err
	}
	if len(files) == 0 {
		return Fail, nil, ark.Faultf(ark.Invalid, "there is nothing to check")
	}
	findings, files := []Finding{}, slices.Clone(files)
	for i, f := range files {
		b, err := readAll(f.Reader)
		if err != nil {
			return Fail, nil, err
		}
		files[i].Reader = bytes.NewReader(b)
		f.Reader = bytes.NewReader(b)
		_, got, err := CheckTable(ctx, p, f)
		if err != nil {
			return Fail, nil, err
		}
		findings = append(findings, got...)
	}
	joint, err := Together(ctx, p, files)
	if err != nil {
		return Fail, nil, err
	}
	for _, got := range joint {
		findings = append(findings, got...)
	}
	Sort(findings)
	return Judge(findings), findings, nil
}

// basesOf gathers the counts that tables other than one show of single labels,
// headed as counts: what a share of the same label elsewhere can be of.
func basesOf(views []*view, but int) map[string]int64 {
	out := map[string]int64{}
	for i, v := range views {
		if i == but || len(v.labels) != 1 {
			continue
		}
		named := 0
		for _, c := range v.cols {
			if c.is(kCount) && c.sure == sure {
				named++
			}
		}
		for r, row := range v.t.rows {
			for c, col := range v.cols {
				if n, ok := v.whole(r, c); ok && named == 1 && col.is(kCount) && col.sure == sure {
					out[strings.ToLower(row.cells[v.labels[0]].raw)] = n
				}
			}
		}
	}
	return out
}

// key names a cell by what it counts: its labels and headings without totals
// and without words that say only that it is a count.
func (v *view) key(r, c int) string {
	var out []string
	add := func(s string) {
		s = strings.ToLower(strings.Join(strings.Fields(s), " "))
		if s != "" && !isTotal(s) {
			out = append(out, s)
		}
	}
	if v.keys == nil {
		v.keys = v.rowKeys()
	}
	for _, s := range v.keys[r] {
		add(s)
	}
	for _, h := range v.cols[c].path {
		if k := kindsOf(h); len(k) == 1 && k[0] == kCount && v.cols[c].sure == sure {
			continue
		}
		add(h)
	}
	sort.Strings(out)
	return "\x1e" + strings.Join(out, "\x1f")
}

// linker groups tables that agree in what they both print, and gives every
// cell a name within its group.
func linker(views []*view) func(place) string {
	shown := make([]map[string]int64, len(views))
	for i, v := range views {
		shown[i] = map[string]int64{}
		for r := range v.t.rows {
			for c := range v.cols {
				if n, ok := v.whole(r, c); ok && v.counts(c) {
					shown[i][v.key(r, c)] = n
				}
			}
		}
	}
	group := make([]int, len(views))
	for i := range views {
		group[i] = i
		for k := range i {
			same, other := 0, 0
			for key, n := range shown[i] {
				if m, ok := shown[k][key]; ok {
					if m == n {
						same++
					} else {
						other++
					}
				}
			}
			if same > 0 && other == 0 {
				group[i] = group[k]
				break
			}
		}
	}
	return func(p place) string {
		return itoa(group[p.view]) + views[p.view].key(p.row, p.col)
	}
}

// Linked is the counts of the tables of one request as one system: every
// count, and every equation between them.
type Linked struct {
	Cells     []LinkedCell
	Equations []SystemEquation

	views []*view
	nodes map[place]int
}

// LinkedCell is a count, wherever it is shown.
type LinkedCell struct {
	Value  int64
	Labels []string
	Small  bool // must be withheld under the profile
	Total  bool // the total of an equation
}

// ReadLinked reads the tables of a request, nothing in them withheld yet.
func ReadLinked(p policy.Profile, files []File) (*Linked, error) {
	l := &Linked{nodes: map[place]int{}}
	for _, f := range files {
		b, err := readAll(f.Reader)
		if err != nil {
			return nil, err
		}
		t, err := readTable(f.Name, b)
		if err != nil {
			return nil, ark.Faultf(ark.Invalid, "the table %s can't be read: %s", f.Name, err)
		}
		l.views = append(l.views, understand(t, p))
	}
	link, byKey := linker(l.views), map[string]int{}
	for i, v := range l.views {
		for r := range v.t.rows {
			for c := range v.cols {
				if !v.counts(c) {
					continue
				}
				if v.t.rows[r].cells[c].kind == cellMark {
					return nil, ark.Faultf(ark.Invalid, "the table %s already withholds counts", v.t.file).Do("give the tables as computed")
				}
				n, ok := v.whole(r, c)
				if !ok || len(v.t.rows[r].cells[c].values) > 1 {
					continue
				}
				key := link(place{i, r, c})
				k, have := byKey[key]
				if have && l.Cells[k].Value != n { // the same labels for something else
					have = false
				}
				if !have {
					k = len(l.Cells)
					byKey[key] = k
					small := p.Counts.Small(n) || n == 0 && p.Counts.Zeros == policy.Fail
					l.Cells = append(l.Cells, LinkedCell{Value: n, Labels: strings.Split(strings.SplitN(key, "\x1e", 2)[1], "\x1f"), Small: small})
				}
				l.nodes[place{i, r, c}] = k
			}
		}
	}
	seen := map[string]bool{}
	for i, v := range l.views {
		for _, s := range v.sums() {
			e, ok := SystemEquation{}, true
			e.Total, ok = l.nodes[place{i, s.total[0], s.total[1]}]
			left := int64(0)
			if ok {
				left = l.Cells[e.Total].Value
			}
			var id []string
			for _, x := range s.parts {
				k, fine := l.nodes[place{i, x[0], x[1]}]
				ok = ok && fine
				if ok {
					left -= l.Cells[k].Value
					e.Parts = append(e.Parts, k)
					id = append(id, itoa(k))
				}
			}
			sort.Strings(id)
			key := itoa(e.Total) + "=" + strings.Join(id, "+")
			if ok && left == 0 && !seen[key] && !slices.Contains(e.Parts, e.Total) {
				seen[key] = true
				l.Cells[e.Total].Total = true
				l.Equations = append(l.Equations, e)
			}
		}
	}
	return l, nil
}

// Write gives the tables with counts withheld, as CSV by file name.
func (l *Linked) Write(withheld []bool, mark string) (map[string]string, error) {
	out := map[string]string{}
	for i, v := range l.views {
		s, err := v.t.write(func(r, c int) (string, bool) {
			k, ok := l.nodes[place{i, r, c}]
			return mark, ok && withheld[k]
		})
		if err != nil {
			return nil, err
		}
		if _, twice := out[v.t.file]; twice {
			return nil, ark.Faultf(ark.Invalid, "two tables have the same name")
		}
		out[v.t.file] = s
	}
	return out, nil
}

// write prints a table as CSV; change says what stands in place of a cell.
func (t *table) write(change func(r, c int) (string, bool)) (string, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	depth := 0
	for _, h := range t.header {
		depth = max(depth, len(h))
	}
	for d := range depth {
		rec := make([]string, len(t.header))
		for c, h := range t.header {
			if d < len(h) {
				rec[c] = h[d]
			}
		}
		if err := w.Write(rec); err != nil {
			return "", err
		}
	}
	for r, row := range t.rows {
		rec := make([]string, len(row.cells))
		for c, x := range row.cells {
			rec[c] = x.raw
			if s, ok := change(r, c); ok {
				rec[c] = s
			}
		}
		if err := w.Write(rec); err != nil {
			return "", err
		}
	}
	w.Flush()
	return b.String(), w.Error()
}
