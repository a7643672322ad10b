package publish

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/catalogue/restricted"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/policies/disclosure"
)

// someone draws a person whose variables hang together, some of them rare.
func someone(rng *rand.Rand) []string {
	born := 1925 + int(90*math.Sqrt(rng.Float64()))
	decile := 1 + rng.IntN(10)
	area := decile*30 + rng.IntN(30)
	ethnic := min(int(rng.ExpFloat64()*3), 17)
	disease := "none"
	if rng.IntN(2015-born+20) > 60 {
		disease = fmt.Sprint("D", min(int(rng.ExpFloat64()*20), 400))
	}
	return []string{fmt.Sprint(born), []string{"F", "M"}[rng.IntN(2)], fmt.Sprint(decile), fmt.Sprint("E0", area), fmt.Sprint(ethnic), disease}
}

// Attack: somebody who knows a person whole asks whether that person was among
// those behind the synthetic version, by the nearest synthetic row and by the
// likelihood under its marginals. People held out, drawn alike, must look the
// same. A generator that copies rows must be caught, else the attack is none.
//
// The marginals of few people do tell a little: a value is shown from ten
// people on, so those who have it are likelier to be among them. The bound for
// 3,000 people and an area code whose mean count is at the threshold says so.
func TestMembershipCannotBeTold(t *testing.T) {
	t.Run("3000 people", func(t *testing.T) { membership(t, 3000, 0.03, 0.08) })
	t.Run("30000 people", func(t *testing.T) { membership(t, 30000, 0.03, 0.03) })
}

func membership(t *testing.T, n int, byRow, byLikelihood float64) {
	const some = 2000 // compared with every synthetic row
	rng := rand.New(rand.NewPCG(7, 7))
	table := catalogue.Table{Name: catalogue.PersonTable}
	for i := range 6 {
		table.Variables = append(table.Variables, catalogue.Variable{Name: fmt.Sprint("v", i), Type: "string", Transform: "keep"})
	}
	profile, err := disclosure.Shipped("ark")
	if err != nil {
		t.Fatal(err)
	}
	var members, others [][]string
	q := newTally(profile, table, nil)
	for range n {
		m := someone(rng)
		members, others = append(members, m), append(others, someone(rng))
		for i, x := range m {
			q.columns[i].counts[q.columns[i].addBin(table.Variables[i], x)]++
		}
	}
	marginals, _ := q.marginals()
	marginals.Version = "ver_1"
	text, err := json.Marshal(marginals)
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := Synthetic(text, restricted.New(nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := csv.NewReader(drawn).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for _, r := range raw[1:] {
		rows = append(rows, r[1:])
	}
	near, like := auc(nearest(members[:some], rows), nearest(others[:some], rows)), auc(marginals.likelihood(members), marginals.likelihood(others))
	copied := auc(nearest(members[:some], members[:len(rows)]), nearest(others[:some], members[:len(rows)]))
	t.Logf("area under the curve: nearest row %.3f, likelihood %.3f; a generator that copies rows %.3f", near, like, copied)
	if math.Abs(near-0.5) > byRow {
		t.Errorf("the nearest row tells members from others: %.3f", near)
	}
	if math.Abs(like-0.5) > byLikelihood {
		t.Errorf("the likelihood tells members from others: %.3f", like)
	}
	if copied < 0.6 {
		t.Errorf("the attack does not catch a generator that copies rows: %.3f", copied)
	}
}

// addBin is bin for a text.
func (c *column) addBin(v catalogue.Variable, x string) int32 { return c.bin(v, cell.Str(x)) }

// Attack: marginals that hold a restricted code, a count that is none, more
// than marginals, or values without people are refused by the generator.
func TestGeneratorTakesMarginalsAlone(t *testing.T) {
	judge := restricted.New(nil, nil)
	good := `{"dataset":"d","version":"v","table":"person","profile":"ark","variables":[{"name":"a","type":"string","values":["x","y"],"people":[10,20]}]}`
	if _, err := Synthetic([]byte(good), judge); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"a restricted code": strings.Replace(good, `"x"`, `"86406008"`, 1), "nobody": strings.Replace(good, "10", "0", 1), "fewer than nobody": strings.Replace(good, "10", "-5", 1),
		"no people": strings.Replace(good, "10,20", "10", 1), "rows": strings.Replace(good, `"profile"`, `"rows":[["x"]],"profile"`, 1), "no JSON": "x,y\n",
	} {
		if _, err := Synthetic([]byte(bad), judge); !ark.Is(err, ark.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
