package catalogue

import "testing"

// TestEditions: a version's major number rises when what was made for the one
// before need not fit it, and else the minor; failed versions count for nothing.
func TestEditions(t *testing.T) {
	dict := func(vs ...Variable) []Table { return []Table{{Name: "visits", Variables: vs}} }
	code, day := Variable{Name: "code", Type: "string", Transform: "keep", System: "icd10", Sensitivity: "quasi"}, Variable{Name: "day", Type: "date", Transform: "month", Sensitivity: "quasi"}
	with := func(v Variable, change func(*Variable)) Variable { change(&v); return v }
	last := Version{Number: 4, State: "withdrawn", Major: 2, Minor: 3, Dictionary: dict(code, day), Contracts: map[string]string{"a": "hes 2.1.0"}}
	for name, c := range map[string]struct {
		before []Version
		now    Version
		want   string
	}{
		"the first":                      {nil, Version{Dictionary: dict(code)}, "1.0"},
		"the same":                       {[]Version{last}, Version{Dictionary: dict(code, day)}, "2.4"},
		"a variable more":                {[]Version{last}, Version{Dictionary: dict(code, day, Variable{Name: "ward"})}, "2.4"},
		"a failed one between":           {[]Version{last, {Number: 5, State: "failed", Major: 9}}, Version{Dictionary: dict(code, day)}, "2.4"},
		"a variable gone":                {[]Version{last}, Version{Dictionary: dict(code)}, "3.0"},
		"retyped":                        {[]Version{last}, Version{Dictionary: dict(code, with(day, func(v *Variable) { v.Type = "timestamp" }))}, "3.0"},
		"codes of another system":        {[]Version{last}, Version{Dictionary: dict(with(code, func(v *Variable) { v.System = "snomed" }), day)}, "3.0"},
		"coarser":                        {[]Version{last}, Version{Dictionary: dict(code, with(day, func(v *Variable) { v.Transform = "year" }))}, "3.0"},
		"more sensitive":                 {[]Version{last}, Version{Dictionary: dict(code, with(day, func(v *Variable) { v.Sensitivity = "sensitive" }))}, "3.0"},
		"other words":                    {[]Version{last}, Version{Dictionary: dict(code, with(day, func(v *Variable) { v.Meaning = "day" }))}, "2.4"},
		"a contract's major version":     {[]Version{last}, Version{Dictionary: dict(code, day), Contracts: map[string]string{"a": "hes 3.0.0"}}, "3.0"},
		"a contract's minor version":     {[]Version{last}, Version{Dictionary: dict(code, day), Contracts: map[string]string{"a": "hes 2.2.0", "b": "gp 1.0.0"}}, "2.4"},
		"another contract of the source": {[]Version{last}, Version{Dictionary: dict(code, day), Contracts: map[string]string{"a": "hospital 2.1.0"}}, "3.0"},
		"from before there were any":     {[]Version{{Number: 7, State: "published", Dictionary: dict(code)}}, Version{Dictionary: dict(code)}, "1.7"},
	} {
		c.now.edit(c.before)
		if got := c.now.Edition(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if got := (Version{Number: 7}).Edition(); got != "7" {
		t.Errorf("an old version is edition %s", got)
	}
}
