package rederive

import (
	"encoding/csv"
	"io"
	"math"
	"strconv"

	"github.com/ark-tre/ark/airlock/disclosure"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// digits are the decimals of statistics that are no counts.
const digits = 2

// WriteTable makes the table of a specification as CSV, a record for each cell
// and a column for each statistic. With safe, small cells are withheld and
// counts rounded as the profile, or the specification, says.
func WriteTable(w io.Writer, m disclosure.Microdata, p policy.Profile, safe bool) error {
	if m.Unit == "" && m.Frame.Has("person") {
		m.Unit = "person"
	}
	r, err := disclosure.Recompute(m.Frame, m.Spec, m.Unit)
	if err != nil {
		return err
	}
	out := csv.NewWriter(w)
	head := append(append([]string{}, m.Spec.Rows...), m.Spec.Cols...)
	if err := out.Write(append(head, r.Statistics()...)); err != nil {
		return err
	}
	rounding := m.Spec.Rounds(p)
	for _, c := range r.Cells {
		line := append(append([]string{}, c.Row...), c.Col...)
		for i, a := range r.Statistics() {
			v := c.Values[i]
			switch {
			case math.IsNaN(v):
				line = append(line, "")
			case safe && p.Counts.Small(c.Units), safe && a != "count" && c.Units < p.Counts.Least():
				line = append(line, "*")
			case a == "count" && rounding != nil && (safe || m.Spec.Rounding != nil):
				line = append(line, strconv.FormatInt(rounding.Round(int64(math.Round(v))), 10))
			case a == "count" && m.Spec.Weights == "":
				line = append(line, strconv.FormatInt(int64(v), 10))
			default:
				line = append(line, strconv.FormatFloat(v, 'f', digits, 64))
			}
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
