package portal

import (
	"fmt"
	"strings"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/acro"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/portal/viewer"
)

// claimBlocks show what ACRO or SACRO says of a file, beside what the Ark found.
// It is a claim of the author's own tool: it is set apart and never a verdict.
func claimBlocks(f airlock.FileView) []ui.Block {
	c := f.ACRO
	if c == nil {
		return nil
	}
	status := map[string]ui.Tag{"pass": {Text: "ACRO says: pass", Colour: ui.Grey}, "review": {Text: "ACRO says: review", Colour: ui.Grey}, "fail": {Text: "ACRO says: fail", Colour: ui.Yellow}}[c.Status]
	if status.Text == "" {
		status = ui.Tag{Text: "ACRO does not say", Colour: ui.Grey}
	}
	rows := []ui.Row{{Key: "Status", Tag: &status}, {Key: "Output", Said: strings.TrimSpace(c.Output + " " + bracketed(strings.TrimSpace(c.Type+" "+c.Method)))}}
	add := func(key, said string) {
		if said != "" {
			rows = append(rows, ui.Row{Key: key, Said: said})
		}
	}
	add("Summary", c.Summary)
	add("Asks for an exception", c.Exception)
	add("Command", c.Command)
	add("Comments", strings.Join(c.Comments, "\n"))
	add("Marked cells", maskWords(c))
	if c.Recorded {
		sum := "the one that ACRO recorded"
		if c.Altered {
			sum = "not the one that ACRO recorded: the file was changed after it was finalised"
		}
		rows = append(rows, ui.Row{Key: "Checksum", Text: sum})
	}
	body := []ui.Block{ui.Text{Soft: true, Text: "Written in the workspace by the author’s own tool. It counts for nothing: the Ark’s own checks are above."}, ui.Summary{Compact: true, Rows: rows}}
	if c.Status == "pass" && f.Verdict == "fail" {
		body = append(body, ui.Inset{Text: "ACRO passed what the Ark’s own checks stop."})
	}
	return append([]ui.Block{ui.Head3{Text: "What ACRO says of it"}}, body...)
}

func bracketed(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}

// mostMasks is how many marked cells of one check are named.
const mostMasks = 12

// maskWords names the marked cells, check by check.
func maskWords(c *acro.Claim) string {
	var order []string
	cells := map[string][]string{}
	for _, m := range c.Masks {
		if cells[m.Check] == nil {
			order = append(order, m.Check)
		}
		cells[m.Check] = append(cells[m.Check], m.String())
	}
	var out []string
	for _, check := range order {
		out = append(out, fmt.Sprintf("%s: %s", acro.Words(check), joinMost(cells[check], mostMasks)))
	}
	if c.More > 0 {
		out = append(out, fmt.Sprintf("and %d more cells", c.More))
	}
	return strings.Join(out, "\n")
}

// claimMarks are ACRO's masks for the viewer: one mark a cell.
func claimMarks(c *acro.Claim) []viewer.Mark {
	if c == nil {
		return nil
	}
	var out []viewer.Mark
	at := map[[2]int]int{}
	for _, m := range c.Masks {
		if i, ok := at[[2]int{m.Row, m.Col}]; ok {
			out[i].Says += "; " + acro.Words(m.Check)
			continue
		}
		at[[2]int{m.Row, m.Col}] = len(out)
		out = append(out, viewer.Mark{Number: "A", Severity: viewer.Claim, Row: m.Row, Col: m.Col, Says: "ACRO: " + acro.Words(m.Check)})
	}
	return out
}
