package kinds

import (
	"strings"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect/look"
)

// sheets gives tables the form in which the disclosure engine takes them. No
// two sheets have one name.
func sheets(ts []look.Table) []disclosure.Sheet {
	var out []disclosure.Sheet
	taken := map[string]bool{}
	for _, t := range ts {
		name := t.Sheet
		for n := 2; taken[name]; n++ {
			name = strings.TrimSpace(t.Sheet + " " + look.Itoa(n))
		}
		taken[name] = true
		s := disclosure.Sheet{Name: name}
		for i, row := range t.Rows {
			for j, x := range row {
				if x != "" {
					s.Cells = append(s.Cells, disclosure.SheetCell{Row: i + t.Row + 1, Col: j + t.Col + 1, Text: x})
				}
			}
		}
		if len(s.Cells) > 0 {
			out = append(out, s)
		}
	}
	return out
}
