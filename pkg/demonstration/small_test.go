package demonstration

import "testing"

func TestASmallCountUnderItsLabelIsSeen(t *testing.T) {
	labels := map[string]int{"F10.2": 3, "E01003456": 7}
	for _, c := range []struct {
		name, body string
		tells      bool
		seen       int
	}{
		{"a row of a table", `<html><table><tr><td>F10.2</td><td><b>3</b></td></tr>`, true, 1},
		{"another row's figure", `<html><table><tr><td>F10.2</td><td>fewer than 10</td></tr><tr><td>other</td><td>3</td></tr>`, false, 1},
		{"a pair of a list", `<html><dl><dt>E01003456</dt><dd>7 people</dd></dl>`, true, 1},
		{"an attribute only", `<html><ul><li data-x="3">F10.2</li></ul>`, false, 1},
		{"an object", `{"items":[{"code":"F10.2","n":3}]}`, true, 1},
		{"a key with its count", `{"counts":{"F10.2":3,"E01003456":20}}`, true, 2},
		{"another object's count", `{"items":[{"code":"F10.2","n":"fewer than 10"},{"code":"x","n":3}]}`, false, 1},
		{"a metric", "ark_rows{code=\"F10.2\"} 3\n", true, 1},
		{"a line of CSV", "F10.2,3\n", true, 1},
	} {
		label, seen := tellsSmall(labels, c.body)
		if (label != "") != c.tells || seen != c.seen {
			t.Errorf("%s: %q, %d labels", c.name, label, seen)
		}
	}
}
