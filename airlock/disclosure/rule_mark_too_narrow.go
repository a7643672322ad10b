package disclosure

import "strconv"

// markTooNarrow: "<5" where the threshold is 10 says too much.
func markTooNarrow() Rule {
	return Rule{
		ID: "mark-too-narrow", Effective: "2026-11-22",
		Clause:  "profile counts.threshold; an implied interval narrower than the threshold's",
		Applies: "redaction marks that state a bound", Needs: "the table",
		Says: "A mark such as <5 narrows the count further than the threshold allows.",
		check: func(v *view) []Finding {
			var out []Finding
			for r, row := range v.t.rows {
				for c, x := range row.cells {
					if x.kind == cellMark && x.bound > 0 && x.bound < v.p.Counts.Least() && !v.cols[c].label && !v.cols[c].is(kPValue) && !v.cols[c].is(kCoefficient) {
						out = append(out, v.finding(SevReview, v.where(r, c), r, c, "a redaction mark gives a narrower range than the threshold",
							"write "+v.p.MaskText(), "mark", x.raw, "smallest_allowed", strconv.FormatInt(v.p.Counts.Least(), 10)))
					}
				}
			}
			return out
		},
	}
}
