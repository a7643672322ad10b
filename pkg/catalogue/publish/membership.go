package publish

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/catalogue/restricted"
	"github.com/ark-tre/ark/pkg/catalogue/selection"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/policies/disclosure"
)

// Bounds of the attack on a synthetic version: the rows of a table that are
// read, the people compared by likelihood and, each with every synthetic row, by
// the nearest; and how few people are too few to say anything.
const (
	attackRows   = 400_000
	attackPeople = 20_000
	attackNear   = 1_000
	attackLeast  = 200
)

// Attack tries membership on what was made of a version's own rows. Half of its
// people, by chance, are counted and a synthetic table drawn from those counts as
// the real one was; the other half is held out. Somebody who knows a person whole
// then asks whether that person was counted, by the nearest synthetic row and by
// the likelihood under the counts. The answer is by table the better of both, as
// area under the curve: 0.50 is guessing, 1.00 is always. Half of the people tell
// more of each than all, so the figure errs on the safe side.
func (s Shop) Attack(ctx context.Context, job catalogue.SynthesisJob, res catalogue.SynthesisResult) (catalogue.SynthesisResult, error) {
	profile, err := disclosure.Shipped(job.Profile)
	if err != nil {
		return res, err
	}
	res.Membership = map[string]string{}
	for _, t := range job.Tables {
		i := slices.IndexFunc(job.Dictionary, func(d catalogue.Table) bool { return d.Name == t.Name })
		if i < 0 {
			continue
		}
		if res.Membership[t.Name], err = s.attack(ctx, t, job.Dictionary[i], profile, restricted.New(nil, job.Own)); err != nil {
			return res, fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	return res, nil
}

func (s Shop) attack(ctx context.Context, table catalogue.PublishedTable, dictionary catalogue.Table, profile disclosure.Profile, judge *restricted.Judge) (string, error) {
	r, c, err := selection.Objects(s.Objects)(ctx, table.Ref)
	if err != nil {
		return "", err
	}
	defer c.Close()
	columns := []string{PersonColumn}
	for _, v := range dictionary.Variables {
		columns = append(columns, v.Name)
	}
	q := newTally(profile, dictionary, nil)
	q.judge = judge
	var members, others [][]string
	n, person, counted := 0, "", false
	for row, err := range r.Rows(ctx, columns...) {
		if err != nil {
			return "", err
		}
		if n++; n > attackRows {
			break
		}
		first := row[0].Str() != person
		if first {
			person = string([]byte(row[0].Str()))
			counted = half(person)
			q.run++
		}
		if counted {
			q.one(row[1:])
		}
		if !first {
			continue
		}
		if counted && len(members) < attackPeople {
			members = append(members, bins(dictionary, row[1:]))
		} else if !counted && len(others) < attackPeople {
			others = append(others, bins(dictionary, row[1:]))
		}
	}
	if len(members) < attackLeast || len(others) < attackLeast {
		return "too few people to try", nil
	}
	m, _ := q.marginals()
	m.Version = "attack"
	text, err := json.Marshal(m)
	if err != nil {
		return "", err
	}
	drawn, err := Synthetic(text, judge)
	if err != nil {
		return "", err
	}
	raw, err := csv.NewReader(drawn).ReadAll()
	if err != nil {
		return "", err
	}
	rows := synthetic(dictionary, raw[1:])
	near := auc(nearest(head(members, attackNear), rows), nearest(head(others, attackNear), rows))
	like := auc(m.likelihood(members), m.likelihood(others))
	return fmt.Sprintf("%.2f", max(near, like)), nil
}

// half says of a person, by their pseudonym, whether they are counted.
func half(pseudonym string) bool {
	return sha256.Sum256([]byte("attack\n" + pseudonym))[0]&1 == 0
}

// one counts a row of the person of the run in hand.
func (q *tally) one(row []cell.Value) {
	for i := range q.columns {
		c := &q.columns[i]
		if c.open || row[i].IsNull() {
			continue
		}
		if n := c.bin(q.table.Variables[i], row[i]); n >= 0 && c.last[n] != q.run {
			c.last[n] = q.run
			c.counts[n]++
		}
	}
}

// bins are the categories of a row's values.
func bins(t catalogue.Table, row []cell.Value) []string {
	out := make([]string, len(row))
	for i, x := range row {
		if !x.IsNull() {
			out[i] = string([]byte(binOf(t.Variables[i], x)))
		}
	}
	return out
}

// synthetic are the categories of synthetic rows: of a day, its year.
func synthetic(t catalogue.Table, raw [][]string) [][]string {
	out := make([][]string, len(raw))
	for i, r := range raw {
		out[i] = r[1:]
		for j, v := range t.Variables {
			if kind := catalogue.CellType(v.Type); (kind == cell.Date || kind == cell.Timestamp) && len(out[i][j]) > 4 {
				out[i][j] = out[i][j][:4]
			}
		}
	}
	return out
}

func head(people [][]string, n int) [][]string { return people[:min(n, len(people))] }

// likelihood scores people by how likely their values are under the marginals.
func (m Marginals) likelihood(people [][]string) []float64 {
	share := make([]map[string]float64, len(m.Variables))
	for i, v := range m.Variables {
		share[i] = map[string]float64{}
		var total int64
		for _, n := range v.People {
			total += n
		}
		for k, x := range v.Values {
			share[i][x] = float64(v.People[k]) / float64(total)
		}
	}
	out := make([]float64, len(people))
	for i, p := range people {
		for j, x := range p {
			if len(share[j]) > 0 {
				out[i] += math.Log(max(share[j][x], 1e-6))
			}
		}
	}
	return out
}

// auc is how often a score tells a member from somebody held out: 0.5 is
// guessing, 1 is always.
func auc(members, others []float64) float64 {
	all := slices.Concat(members, others)
	slices.Sort(all)
	rank := func(x float64) float64 {
		lo, _ := slices.BinarySearch(all, x)
		hi, _ := slices.BinarySearch(all, math.Nextafter(x, math.Inf(1)))
		return float64(lo+hi+1) / 2
	}
	var sum float64
	for _, x := range members {
		sum += rank(x)
	}
	n, m := float64(len(members)), float64(len(others))
	return (sum - n*(n+1)/2) / (n * m)
}

// nearest scores people by how close the nearest synthetic row is.
func nearest(people, rows [][]string) []float64 {
	out := make([]float64, len(people))
	for i, p := range people {
		best := len(p)
		for _, r := range rows {
			d := 0
			for j := range p {
				if p[j] != r[j] {
					d++
				}
			}
			best = min(best, d)
		}
		out[i] = -float64(best)
	}
	return out
}
