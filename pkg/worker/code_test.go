package worker

import (
	"slices"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock"
)

// TestCodeIsLookedAt: names of records of the extract among a script's
// literals, and output that was pasted into it or stored in a notebook, are
// found; a script that holds neither is for its one checker to read.
func TestCodeIsLookedAt(t *testing.T) {
	b := bench(t).inspector(t)
	behind := airlock.Behind{Data: b.extract(t, "prj-a", 0)}
	printed := "#           person  age  cost\n"
	for i := range 12 {
		printed += "# " + string(rune('0'+i%10)) + "  prj-a-row-1" + strings.Repeat("7", 3) + "  44  1020\n"
	}
	for _, c := range []struct{ name, text, verdict, rule string }{
		{"plain.py", "import pandas as pd\nrows = pd.read_csv('x.csv')\nrows.groupby('sex').size().to_csv('by_sex.csv')\n", "review", "code-needs-eyes"},
		{"literal.py", "DROP = ['prj-a-name-007', 'prj-a-name-011']\nrows = rows[~rows.person.isin(DROP)]\n", "fail", "identifier-known"},
		{"cut.R", "keep <- c('prj-a-name-007')\n", "fail", "identifier-known"},
		{"number.py", "if row.nhs_number == '943 476 5919':\n    print('her')\n", "fail", "identifier-nhs-number"},
		{"pasted.py", "print(rows.head(12))\n" + printed, "review", "text-rows-maybe"},
		{"note.qmd", "```{r}\nsummary(x)\n```\n\nprj-a-name-007 has the highest cost.\n", "fail", "identifier-known"},
	} {
		f := b.checks(t, airlock.CheckJob{Request: "r", Project: "prj-a", Profile: "ark", Behind: behind, Files: []airlock.CheckOf{b.submit(t, "c-"+c.name, c.name, c.text)}}).Files[0]
		if f.Verdict != c.verdict || !slices.Contains(rules(f.Findings), c.rule) {
			t.Errorf("%s: %s, %v; want %s by %s", c.name, f.Verdict, rules(f.Findings), c.verdict, c.rule)
		}
		if c.name == "plain.py" && len(f.Findings) != 1 {
			t.Errorf("a script without any of it: %v", rules(f.Findings))
		}
	}
}
