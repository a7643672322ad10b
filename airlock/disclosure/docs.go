package disclosure

import (
	"fmt"
	"io"

	policy "github.com/ark-tre/ark/policies/disclosure"
)

// WriteDocs writes the reference of rules, redaction marks and profiles: what
// docs/disclosure.md holds. A test keeps that file as this writes it.
func WriteDocs(w io.Writer) error {
	p := &printer{w: w}
	p.line("# Disclosure control: rules, marks, profiles")
	p.line("")
	p.line("Written by `ark disclose rules --markdown`; a test fails when it is stale.")
	p.line("")
	p.line("A verdict is `fail` if any finding fails, `review` if any is for review, else `pass`. What can't be told is for review; what can't be read fails.")
	p.line("A finding's `says` and `repair` hold no content of the file; `where` and `evidence` may, and are for those who may see the file.")
	p.line("")
	p.line("## Rules")
	p.line("")
	p.line("The list is closed: every finding carries one of these ids. Samples that break and keep each rule are in `airlock/disclosure/samples/`.")
	p.line("")
	p.line("| rule | says | applies to | needs | clause | since |")
	p.line("|---|---|---|---|---|---|")
	for _, r := range Rules() {
		p.line("| `%s` | %s | %s | %s | %s | %s |", r.ID, r.Says, r.Applies, r.Needs, r.Clause, r.Effective)
	}
	p.line("")
	p.line("## Redaction marks")
	p.line("")
	p.line("Case does not matter; only in columns of figures:")
	p.line("")
	p.line("`*` `**` `-` `--` `–` `—` `c` `[c]` `(c)` `x` `[x]` `s` `[s]` `..` `...` `:` `~` `†` `#` `[low]` `REDACTED` `[REDACTED]` `suppressed` `masked` `withheld` `hidden`, and with a bound `<10` `≤7` `<=7` `fewer than 10` `less than 10` `under 10` `7 or fewer`. Not available: `NA` `N/A` `NaN` `null` `none` `z` `[z]`. A blank field is no mark.")
	p.line("")
	p.line("## What is worked out")
	p.line("")
	for _, l := range []string{
		"Sums: margins over each classification, subtotals and levels of hierarchies, by labels and, for one label column, by numbers; equations that the printed numbers contradict are dropped.",
		"Withheld counts: bounds, elimination and, where a solver is at hand, linear programmes over all tables of a request; cells of two tables are one where their labels are the same and the tables agree in what both print. The airlock does this for every request, within a work that is counted, so that the same tables always get equally far; what it leaves open is for review. An example with both certificates: [suppression.md](suppression.md).",
		"Numbers behind numbers: percentages and rates times their base or published population (`--populations`), sums over means, bases that only few people give, values behind means with deviations and quantiles over few.",
		"With `--spec` and `--microdata`: cross-tabulations, and `{\"kind\":\"regression\",\"outcome\",\"predictors\",\"family\":\"ols|logit|poisson|cox\"}` (`cox` with `time` and `event`), `{\"kind\":\"survival\",\"time\",\"event\",\"rows\"}`, `{\"kind\":\"histogram\",\"values\",\"edges\"}`, each computed anew, compared, and judged by the people behind it.",
		"Rounding: nearest, nearest-even, midpoint, random, controlled (all sums hold; the audit gives the narrowest range that follows for a count) and cell-key (the same people get the same noise; means are made of what is shown and printed no finer than it allows). Mode and base are the profile's.",
		"Differential privacy (`ark disclose private`): only under a profile with a `privacy` budget and the class `differentially-private`; none of the shipped ones has them.",
		"Protection standards of `suppress` and `audit`: `--standard ps1|ps1*|ps2|ps2*`. By default the protection levels hold against outsiders and single contributors can't work another cell out exactly.",
		"Sizes: tables of two dimensions reach a proven optimum up to some thousand cells (`make bench`). Of three, 343 cells with 26 primary ones stayed `feasible`, with a gap of 0.11 to 0.13 and 390 MB, when its 60 seconds ended (the time is kept: 52 to 60 seconds, beside other work). Its pattern is safe; only that it is the cheapest isn't shown.",
		"Overrides: a `fail` takes two users who name it; where the broken value is in a custodian's contract (`custodian` and `contractual` of a profile) the finding's evidence says whose, and only that custodian can waive it.",
	} {
		p.line("- %s", l)
	}
	p.line("")
	p.line("## Profiles")
	p.line("")
	p.line("Each is Ark's reading of somebody's rules. Grades: ran (the rule was run), read (its text was read), excerpt (only an excerpt was), own (the source is silent; Ark's choice). `ark disclose rules --profile NAME` prints one with the evidence of every value.")
	p.line("")
	p.line("| profile | reading | smallest count shown | zeros | rounding | dominance | threshold from | grade |")
	p.line("|---|---|---|---|---|---|---|---|")
	for _, name := range policy.Names() {
		q, err := policy.Shipped(name)
		if err != nil {
			return err
		}
		rounding, dominance := "not stated", ""
		if r := q.Rounding; r != nil {
			rounding = fmt.Sprintf("%s %d, totals %s", r.Mode, r.Base, r.Totals)
			if len(r.Bands) > 0 {
				rounding = fmt.Sprintf("%s by size, %d significant digits", r.Mode, r.Significant)
			}
			if r.Order == "round-only" {
				rounding += " (an option, not asked for)"
			}
		}
		for _, d := range q.Dominance.Rules {
			dominance += d.String() + " "
		}
		e, _ := q.EvidenceFor("counts.threshold")
		p.line("| `%s` | %s | %d | %s | %s | %s | %s | %s |", name, q.Reading, q.Counts.Least(), q.Counts.Zeros, rounding, dominance, e.Source, e.Grade)
	}
	return p.err
}

// printer keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}
