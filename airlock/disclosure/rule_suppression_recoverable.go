package disclosure

import (
	"slices"
	"strconv"
)

// suppressionRecoverable: a withheld count can be worked out from a total.
func suppressionRecoverable() Rule {
	return Rule{
		ID: "suppression-recoverable", Effective: "2026-11-22",
		Clause:  "secondary disclosure: OpenSAFELY sdc.md (column totals); Handbook on SDC 4.3; CMS (not derivable)",
		Applies: "tables with redaction marks and totals", Needs: "the table",
		Says: "The only withheld count of a row or column is the total less the others.",
		check: func(v *view) []Finding {
			var out []Finding
			body, totalRows := v.bodyRows()
			// 1. Down each column of counts: total row less the other rows.
			for c, col := range v.cols {
				if col.label || !(col.is(kCount) || len(col.kinds) == 0) {
					continue
				}
				for _, tr := range totalRows {
					out = v.recover(out, v.sumCells(body, c, tr))
				}
			}
			// 2. Along each row: total column less the other columns.
			var parts []int
			totalCol := -1
			for c, col := range v.cols {
				switch {
				case col.label || !(col.is(kCount) || len(col.kinds) == 0):
				case col.total:
					totalCol = c
				case col.sure == likely || len(col.kinds) == 0:
					parts = append(parts, c)
				}
			}
			if totalCol >= 0 && len(parts) > 1 {
				for r := range v.t.rows {
					out = v.recover(out, v.rowCells(parts, r, totalCol))
				}
			}
			return slices.CompactFunc(out, func(a, b Finding) bool { return a.row == b.row && a.col == b.col })
		},
	}
}

// equation is a printed total with its parts.
type equation struct {
	total   int64
	sum     int64
	hidden  [][2]int // withheld parts
	rounded bool     // every printed number fits the rounding
	known   bool     // the total is printed
	terms   int64    // printed numbers in the equation
}

func (v *view) bodyRows() (body, totals []int) {
	for r := range v.t.rows {
		if v.rowTotal[r] {
			totals = append(totals, r)
		} else {
			body = append(body, r)
		}
	}
	return body, totals
}

func (v *view) sumCells(rows []int, c, tr int) equation {
	e := equation{rounded: true}
	for _, r := range rows {
		v.addPart(&e, r, c)
	}
	v.setTotal(&e, tr, c)
	return e
}

func (v *view) rowCells(cols []int, r, tc int) equation {
	e := equation{rounded: true}
	for _, c := range cols {
		v.addPart(&e, r, c)
	}
	v.setTotal(&e, r, tc)
	return e
}

func (v *view) addPart(e *equation, r, c int) {
	x := v.t.rows[r].cells[c]
	switch x.kind {
	case cellMark:
		e.hidden = append(e.hidden, [2]int{r, c})
	case cellNumber:
		e.sum += x.values[0].n
		e.terms++
		e.rounded = e.rounded && v.p.Rounding != nil && v.p.Rounding.Rounded(x.values[0].n)
	}
}

func (v *view) setTotal(e *equation, r, c int) {
	if x := v.t.rows[r].cells[c]; x.kind == cellNumber && x.values[0].whole {
		e.total, e.known = x.values[0].n, true
		e.rounded = e.rounded && v.p.Rounding != nil && v.p.Rounding.Rounded(e.total)
	}
}

// recover adds a finding where one withheld part is all that's missing.
func (v *view) recover(out []Finding, e equation) []Finding {
	if !e.known || len(e.hidden) == 0 || e.terms == 0 {
		return out
	}
	left := e.total - e.sum
	r, c := e.hidden[0][0], e.hidden[0][1]
	evidence := []string{"total", strconv.FormatInt(e.total, 10), "others", strconv.FormatInt(e.sum, 10), "left", strconv.FormatInt(left, 10), "withheld", itoa(len(e.hidden))}
	switch {
	case left < 0:
		return out // not additive in this direction: not an equation
	case len(e.hidden) == 1 && e.rounded && left > 0 && v.p.Rounding.Totals == "of-rounded":
		return append(out, v.finding(SevReview, v.where(r, c), r, c, "the total is not the sum of the rounded counts that are shown, so that a withheld count can be worked out to within the rounding",
			"make the total the sum of the rounded counts that are shown", evidence...))
	case len(e.hidden) == 1 && e.rounded:
		return append(out, v.finding(SevInfo, v.where(r, c), r, c, "a withheld count can be worked out to within the rounding", "make the total the sum of the rounded counts that are shown", evidence...))
	case len(e.hidden) == 1 && v.p.Counts.Small(left):
		return append(out, v.finding(SevFail, v.where(r, c), r, c, "a withheld count below the threshold is the total less the other counts",
			"withhold a second count of the row and column, or round after suppressing", evidence...))
	case len(e.hidden) > 1 && left < int64(len(e.hidden)) && !e.rounded:
		return append(out, v.finding(SevFail, v.where(r, c), r, c, "the withheld counts of this row or column sum to so little that some are zero",
			"withhold a larger count too, or round after suppressing", evidence...))
	}
	return out
}
