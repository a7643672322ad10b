package sheet

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/airlock/inspect/markup"
)

// span is a merged range.
type span struct{ r0, c0, r1, c1 int }

// ref reads a cell reference such as AB12, from 0.
func ref(s string) (row, col int, ok bool) {
	i := 0
	for i < len(s) && s[i] >= 'A' && s[i] <= 'Z' && i < 4 {
		col = col*26 + int(s[i]-'A') + 1
		i++
	}
	if i == 0 || i == len(s) || len(s)-i > 8 {
		return 0, 0, false
	}
	for _, c := range s[i:] {
		if c < '0' || c > '9' {
			return 0, 0, false
		}
		row = row*10 + int(c-'0')
	}
	return row - 1, col - 1, row > 0
}

func yes(s string) bool { return s == "1" || s == "true" }

// sheet reads one worksheet.
func (b *book) sheet(sh sheetRef) error {
	data, ok := b.parts[sh.target]
	if !ok {
		return markup.ErrBroken
	}
	if _, err := b.relations(sh.target); err != nil {
		return err
	}
	c := &cells{name: sh.name}
	hide := func(rule string, row, col int) {
		w := disclosure.Where{Sheet: sh.name}
		if row >= 0 {
			w.Ref = look.Ref(row, max(col, 0))
		}
		b.r.Add(b.f, rule, w)
	}
	m := markup.New(data)
	var merges []span
	var hiddenCols []span
	hiddenRows := map[int]bool{}
	row, zero := -1, false
	var cur struct {
		row, col       int
		kind, style    string
		value, formula strings.Builder
		open           bool
	}
	next := 0
	for {
		ok, err := m.Next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		switch m.Kind {
		case markup.Start:
			switch m.Name {
			case "sheetFormatPr":
				zero = yes(m.Attr("zeroHeight"))
			case "col":
				lo, _ := strconv.Atoi(m.Attr("min"))
				hi, _ := strconv.Atoi(m.Attr("max"))
				w, err := strconv.ParseFloat(m.Attr("width"), 64)
				if yes(m.Attr("hidden")) || err == nil && w < 0.5 {
					hiddenCols = append(hiddenCols, span{c0: lo - 1, c1: hi - 1})
				}
			case "row":
				row++
				if n, err := strconv.Atoi(m.Attr("r")); err == nil {
					row = n - 1
				}
				next = 0
				h, err := strconv.ParseFloat(m.Attr("ht"), 64)
				if yes(m.Attr("hidden")) || err == nil && h < 1.5 {
					hiddenRows[row] = true
				}
			case "c":
				cur.open = true
				cur.row, cur.col = row, next
				if r0, c0, ok := ref(m.Attr("r")); ok {
					cur.row, cur.col = r0, c0
				}
				next = cur.col + 1
				cur.kind, cur.style = m.Attr("t"), m.Attr("s")
				cur.value.Reset()
				cur.formula.Reset()
			case "mergeCell":
				a, z, _ := strings.Cut(m.Attr("ref"), ":")
				r0, c0, ok0 := ref(a)
				r1, c1, ok1 := ref(z)
				if ok0 && ok1 {
					merges = append(merges, span{r0, c0, r1, c1})
				}
			case "dataValidation":
				if err := b.validation(m, sh.name); err != nil {
					return err
				}
			case "scenario", "inputCells":
				hide("sheet-hidden-cells", -1, -1)
			case "legacyDrawing":
				hide("sheet-comment", -1, -1)
			case "oleObject", "oleObjects":
				hide("sheet-embedded", -1, -1)
			case "control", "controls", "customSheetView":
				hide("sheet-active", -1, -1)
			case "picture", "drawing":
				hide("sheet-picture", -1, -1)
			case "rPh":
				hide("sheet-unused-text", -1, -1)
			}
		case markup.Text:
			switch {
			case cur.open && m.Inside("f"):
				cur.formula.WriteString(m.Data)
			case cur.open && (m.Inside("v") || m.Inside("t")):
				cur.value.WriteString(m.Data)
			case m.Inside("headerFooter"):
				b.s.Word(b.r, b.f, disclosure.Where{Sheet: sh.name}, m.Data)
				if len(m.Data) > 255 {
					hide("sheet-properties-data", -1, -1)
				}
			}
		case markup.End:
			if m.Name != "c" || !cur.open {
				continue
			}
			cur.open = false
			if fm := cur.formula.String(); fm != "" {
				hide("sheet-formula", cur.row, cur.col)
				if outside(fm) {
					hide("sheet-formula-outside", cur.row, cur.col)
				}
				if strings.IndexByte(fm, '"') >= 0 {
					b.s.Word(b.r, b.f, disclosure.Where{Sheet: sh.name, Ref: look.Ref(cur.row, cur.col)}, fm)
				}
			}
			x, st := cell{row: cur.row, col: cur.col}, b.styles.of(cur.style)
			if !b.value(&x, cur.kind, cur.value.String(), st) {
				return markup.ErrBroken
			}
			if strings.TrimSpace(x.text) == "" {
				continue
			}
			if st.invisible {
				hide("sheet-invisible-text", x.row, x.col)
			}
			if c.at = append(c.at, x); len(c.at) >= maxCells {
				b.r.Add(b.f, "table-too-long", disclosure.Where{Sheet: sh.name})
				return nil
			}
			if x.row > b.s.Rows()+100 && len(c.at) > 2*b.s.Rows() { // it has failed, and nobody reads this: why look further
				b.r.Add(b.f, "table-too-long", disclosure.Where{Sheet: sh.name}, "rows", "more than "+look.Itoa(b.s.Rows()))
				for i := range b.used {
					b.used[i] = true
				}
				return nil
			}
		}
	}
	for _, x := range c.at {
		switch {
		case hiddenRows[x.row] || zero, slices.ContainsFunc(hiddenCols, func(s span) bool { return x.col >= s.c0 && x.col <= s.c1 }):
			hide("sheet-hidden-cells", x.row, x.col)
		case slices.ContainsFunc(merges, func(s span) bool {
			return x.row >= s.r0 && x.row <= s.r1 && x.col >= s.c0 && x.col <= s.c1 && (x.row != s.r0 || x.col != s.c0)
		}):
			hide("sheet-hidden-cells", x.row, x.col)
		}
		if b.charted {
			b.shown[x.text] = true
		}
	}
	b.finish(c)
	return nil
}

// finish judges a sheet's cells as a table and keeps the visible ones.
func (b *book) finish(c *cells) {
	if x, ok := c.far(); ok {
		b.r.Add(b.f, "sheet-far", disclosure.Where{Sheet: c.name, Ref: look.Ref(x.row, x.col)})
	}
	t := c.table()
	if len(t.Rows) > 0 {
		b.s.Table(b.r, b.f, t)
		b.r.Tables = append(b.r.Tables, t)
	}
	b.out = append(b.out, clean{title(c.name, len(b.out)+1), c.at})
}

// value reads a cell's value as people see it.
func (b *book) value(x *cell, kind, v string, st style) bool {
	switch kind {
	case "s":
		n, err := strconv.Atoi(strings.TrimSpace(v))
		if err != nil || n < 0 || n >= len(b.strings) {
			return v == ""
		}
		b.used[n] = true
		x.text = b.strings[n]
	case "str", "inlineStr":
		x.text = unx(v)
	case "b":
		x.text = map[string]string{"1": "TRUE", "0": "FALSE"}[v]
	case "e", "d":
		x.text = v
	case "", "n":
		x.text, x.number = v, v != ""
		if n, err := strconv.ParseFloat(v, 64); err == nil {
			if st.date && n > 0 && n < 80000 {
				x.text, x.number = serial(n), false
			}
		} else if v != "" {
			return false
		}
	default:
		return false
	}
	return true
}

// serial writes a day number of a spreadsheet as a date.
func serial(n float64) string {
	d := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(n))
	if frac := n - math.Floor(n); frac > 1e-9 {
		return d.Add(time.Duration(math.Round(frac*86400)) * time.Second).Format("2006-01-02 15:04:05")
	}
	return d.Format("2006-01-02")
}

// validation judges a list of allowed values.
func (b *book) validation(m *markup.Scanner, sheet string) error {
	var text strings.Builder
	texts := m.Attr("prompt") + m.Attr("promptTitle") + m.Attr("error") + m.Attr("errorTitle")
	for depth := m.Depth; m.Depth >= depth; {
		ok, err := m.Next()
		if !ok {
			return err
		}
		if m.Kind == markup.Text {
			text.WriteString(m.Data)
		}
	}
	where := disclosure.Where{Sheet: sheet}
	b.s.Word(b.r, b.f, where, text.String()+" "+texts)
	if strings.Count(text.String(), ",") > 12 || len(text.String()) > 120 || len(texts) > 120 {
		b.r.Add(b.f, "sheet-validation", where)
	}
	return nil
}
