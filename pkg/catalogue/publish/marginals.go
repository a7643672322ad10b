package publish

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/gowebpki/jcs"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/attest"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/catalogue/restricted"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/policies/disclosure"
)

// MarginalsType is the payload type of signed marginals.
const MarginalsType = "application/vnd.ark.marginals+json"

// Marginals are the counts of people per value of each variable that passed
// the disclosure profile, and all that the generator of a synthetic table is
// given: it sees no row, no count of its own and no version.
type Marginals struct {
	Dataset   string             `json:"dataset"`
	Version   string             `json:"version"`
	Table     string             `json:"table"`
	Profile   string             `json:"profile"`
	Variables []VariableMarginal `json:"variables"`
}

// VariableMarginal is one variable's values, in order, with their people as the
// profile shows them.
type VariableMarginal struct {
	Name   string   `json:"name"`
	Type   string   `json:"type"`
	Values []string `json:"values"`
	People []int64  `json:"people"`
}

// marginals is what of the tally may leave it, and what stayed behind.
func (q *tally) marginals() (Marginals, []catalogue.Withheld) {
	m := Marginals{Table: q.table.Name, Profile: q.profile.Name}
	var all []catalogue.Withheld
	for i, v := range q.table.Variables {
		one := VariableMarginal{Name: v.Name, Type: v.Type, Values: []string{}, People: []int64{}}
		c := q.columns[i]
		w := catalogue.Withheld{Table: q.table.Name, Variable: v.Name, Open: c.open}
		for _, x := range slices.Sorted(maps.Keys(c.bins)) {
			if q.judge.Holds(v.System, x) {
				w.Restricted = true
				continue // no permit stands behind the synthetic version
			}
			shown := disclosure.RoundCount(q.profile, c.counts[c.bins[x]])
			if shown.Masked || shown.Value <= 0 {
				w.Few++
				continue
			}
			one.Values, one.People = append(one.Values, x), append(one.People, shown.Value)
		}
		w.Shown = len(one.Values)
		m.Variables, all = append(m.Variables, one), append(all, w)
	}
	return m, all
}

// putMarginals signs a table's marginals and stores them.
func (b *build) putMarginals(ctx context.Context, m Marginals) (objects.Ref, error) {
	m.Dataset, m.Version = b.job.Dataset.Slug, b.job.Version
	raw, err := json.Marshal(m)
	if err != nil {
		return objects.Ref{}, err
	}
	if raw, err = jcs.Transform(raw); err != nil {
		return objects.Ref{}, err
	}
	signed, err := attest.Sign(ctx, b.Keys, SigningKey, MarginalsType, raw)
	if err != nil {
		return objects.Ref{}, err
	}
	return b.Objects.Put(ctx, objects.Versions, b.name("synthetic/"+m.Table+".marginals.json"), VersionsKey, bytes.NewReader(signed))
}

// ReadMarginals reads marginals strictly: what else is in them is refused.
func ReadMarginals(text []byte) (Marginals, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	var m Marginals
	if err := dec.Decode(&m); err != nil {
		return m, ark.Faultf(ark.Invalid, "the marginals cannot be read").Because(err)
	}
	return m, nil
}

// Findings are, in words, what is wrong with marginals by a disclosure profile
// and the restricted groups, looked at once more from their bytes: none is as it
// should be.
func (m Marginals) Findings(profile disclosure.Profile, dictionary catalogue.Table, judge *restricted.Judge) []string {
	out := []string{}
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if m.Profile != profile.Name {
		say("they were made by another profile, %s", m.Profile)
	}
	for _, v := range m.Variables {
		system, known := "", false
		for _, d := range dictionary.Variables {
			if d.Name == v.Name {
				system, known = d.System, true
			}
		}
		if !known {
			say("%s is not in the dictionary", v.Name)
		}
		if len(v.Values) != len(v.People) {
			say("%s has values without people", v.Name)
			continue
		}
		for i, n := range v.People {
			if shown := disclosure.RoundCount(profile, n); shown.Masked || shown.Value != n {
				say("%s has a count that the profile does not let pass", v.Name)
				break
			}
			if judge.Holds(system, v.Values[i]) {
				say("%s has a code of a legally restricted group", v.Name)
				break
			}
		}
	}
	return out
}

// Synthetic is a table of the same shape with rows drawn from marginals, each
// variable on its own: it keeps no relation between variables and no row of
// anybody. The version seeds the draw. A restricted code is refused, whoever
// signed it.
func Synthetic(marginals []byte, judge *restricted.Judge) (io.Reader, error) {
	m, err := ReadMarginals(marginals)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte("synthetic\n" + m.Version + "\n" + m.Table))
	rng := rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:16])))
	header, upto := []string{PersonColumn}, make([][]int64, len(m.Variables))
	for i, v := range m.Variables {
		header = append(header, v.Name)
		if len(v.Values) != len(v.People) {
			return nil, ark.Faultf(ark.Invalid, "the marginals of a variable have values without people").At("", 0, v.Name)
		}
		total := int64(0)
		for k, n := range v.People {
			if n <= 0 || judge.Holds("", v.Values[k]) {
				return nil, ark.Faultf(ark.Invalid, "the marginals of a variable hold what must not be in a synthetic version").At("", 0, v.Name)
			}
			total += n
			upto[i] = append(upto[i], total)
		}
	}
	each := 3
	if m.Table == catalogue.PersonTable {
		each = 1
	}
	var buf bytes.Buffer
	w := csv.NewWriter(&buf)
	w.Write(header)
	for n := range syntheticRows {
		row := []string{fmt.Sprintf("SYNTHETIC%05d", n/each+1)}
		for i, v := range m.Variables {
			row = append(row, v.draw(rng, upto[i]))
		}
		w.Write(row)
	}
	w.Flush()
	return &buf, w.Error()
}

// draw is one value, as often as people have it; upto are the running sums.
func (v VariableMarginal) draw(rng *rand.Rand, upto []int64) string {
	if len(upto) == 0 {
		return ""
	}
	at := rng.Int64N(upto[len(upto)-1])
	i, _ := slices.BinarySearch(upto, at+1)
	x := v.Values[i]
	switch catalogue.CellType(v.Type) {
	case cell.Date:
		return fmt.Sprintf("%s-%02d-%02d", x, 1+rng.IntN(12), 1+rng.IntN(28))
	case cell.Timestamp:
		return fmt.Sprintf("%s-%02d-%02dT%02d:00:00Z", x, 1+rng.IntN(12), 1+rng.IntN(28), rng.IntN(24))
	}
	return x
}
