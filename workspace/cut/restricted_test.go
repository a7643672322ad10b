package cut_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/catalogue/restricted"
	"github.com/ark-tre/ark/pkg/catalogue/selection"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/objects"
)

// Attack: rows with legally restricted codes are fetched by asking for all but
// the code, by a filter that names it, by a feasibility question, by a basis
// for another group, and in the synthetic version. A permit's basis lets its
// own group pass and no other.
func TestRestrictedCodes(t *testing.T) {
	w := newWorld(t)
	job := w.job(t)
	codes := []string{"J45.9", "A54.0", "F64.0", "Z312", "J459 A562", "Q999"} // asthma; infection; recognition; conception; infection behind another; the dataset's own
	var rows [][]columnar.Value
	for i := range n {
		if i%4 != 3 {
			rows = append(rows, visit("a", i, codes[i/4%len(codes)], false))
		}
	}
	job.Inputs = job.Inputs[1:2]
	job.Inputs[0].Ref = w.put(t, objects.Payload, "payload/data", "a/1/coded", visits, rows)
	for ti := range job.Dataset.Tables {
		for vi, v := range job.Dataset.Tables[ti].Variables {
			if v.Name == "code" {
				job.Dataset.Tables[ti].Variables[vi].System = restricted.ICD10
			}
		}
	}
	own := restricted.Codes{"gender-recognition": {restricted.ICD10: {"Q99.9"}}}
	job.Own = own
	res, err := w.shop().Build(t.Context(), job)
	must(t, err)
	count := map[string]int{}
	_, published := w.read(t, res.Tables[0].Ref, "code")
	for _, r := range published {
		count[r[0].Str()]++
	}
	if len(count) != len(codes) {
		t.Fatalf("published %v", count)
	}
	raw, err := w.st.Get(t.Context(), w.synthetic(t, job, res)["visits"])
	must(t, err)
	if s := string(raw); !strings.Contains(s, "J45.9") || strings.Contains(s, "A54") || strings.Contains(s, "F64") || strings.Contains(s, "Z31") || strings.Contains(s, "A562") || strings.Contains(s, "Q999") {
		t.Error("the synthetic version holds a restricted code, or not the others")
	}
	all := func(c *catalogue.Cut, keep ...string) {
		c.Own = own
		for i := range c.Tables {
			if c.Tables[i].Name == "visits" {
				c.Tables[i].Coded = map[string]string{"code": restricted.ICD10}
				if len(keep) > 0 {
					c.Tables[i].Variables = slices.DeleteFunc(slices.Clone(c.Tables[i].Variables), func(v catalogue.Variable) bool { return !slices.Contains(keep, v.Name) })
				}
			}
		}
	}
	infection, recognition, conception := count["A54.0"]+count["J459 A562"], count["F64.0"]+count["Q999"], count["Z312"]
	for name, c := range map[string]struct {
		change func(*catalogue.Cut)
		want   int
	}{
		"no basis":              {func(c *catalogue.Cut) { all(c) }, count["J45.9"]},
		"all but the code":      {func(c *catalogue.Cut) { all(c, "day", "cost") }, count["J45.9"]},
		"a filter for the code": {func(c *catalogue.Cut) { all(c, "day"); c.Tables[1].Filter = "code = 'A54.0'" }, 0},
		"a basis for infection": {func(c *catalogue.Cut) { all(c); c.Allowed = []string{"sexually-transmitted-infection"} }, count["J45.9"] + infection},
		"two bases": {func(c *catalogue.Cut) {
			all(c, "cost")
			c.Allowed = []string{"gender-recognition", "assisted-conception"}
		}, count["J45.9"] + recognition + conception},
		"a basis for all there is": {func(c *catalogue.Cut) {
			all(c)
			c.Allowed = []string{"assisted-conception", "gender-recognition", "sexually-transmitted-infection"}
		}, len(published)},
	} {
		_, got, _ := extract(t, w, cutJob(ark.MakeID(ark.PrefixProject), job, res, c.change))
		if len(got["community__visits"]) != c.want {
			t.Errorf("%s: %d rows, want %d", name, len(got["community__visits"]), c.want)
		}
	}
	// A question how many people have the code reaches nobody.
	cj := cutJob(prj1, job, res, func(c *catalogue.Cut) { all(c); c.Tables[1].Filter = "code = 'A54.0'" })
	people, err := selection.Reader{Open: selection.Objects(w.st), Cut: cj.Cuts[0]}.People(t.Context())
	if must(t, err); len(people) != 0 {
		t.Errorf("a question about a restricted code reaches %d people", len(people))
	}
}
