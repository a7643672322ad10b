package rederive_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock/differencing"
	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/rederive"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// someone is one person of a made-up world.
type someone struct {
	id, age, region, district, job, sex, visits int
	bmi                                         float64
	group                                       string
}

type world struct {
	*rand.Rand
	people []someone
	next   int
}

func newWorld(seed uint64, n int) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 7))}
	for range n {
		w.join()
	}
	return w
}

func (w *world) join() {
	w.next++
	p := someone{id: w.next, age: 16 + w.IntN(60), region: w.IntN(4), job: w.IntN(3), sex: w.IntN(2), visits: w.IntN(5), bmi: math.Round((18+18*w.Float64())*10) / 10, group: "G"}
	p.district = p.region*4 + w.IntN(4)
	w.people = append(w.people, p)
}

// extra is a further column.
type extra struct {
	name string
	of   func(someone) string
}

func (w *world) csv(more ...extra) string {
	var b strings.Builder
	b.WriteString("person,age,region,district,job,sex,visits,bmi,grp")
	for _, e := range more {
		b.WriteString("," + e.name)
	}
	b.WriteString("\n")
	for _, p := range w.people {
		fmt.Fprintf(&b, "p%d,%d,r%d,d%02d,j%d,%s,%d,%.1f,%s", p.id, p.age, p.region, p.district, p.job, []string{"F", "M"}[p.sex], p.visits, p.bmi, p.group)
		for _, e := range more {
			b.WriteString("," + e.of(p))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// crosstab is a specification in short.
func crosstab(rows, cols []string, filter string) disclosure.Spec {
	return disclosure.Spec{Kind: "crosstab", Rows: rows, Cols: cols, Filter: filter}
}

func of(s disclosure.Spec, values, agg string) disclosure.Spec {
	s.Values, s.AggFunc = &values, &agg
	return s
}

// style is how a table is printed.
type style struct {
	round    func(n int64) int64 // nil: exact
	suppress bool                // counts of 1 to 9 become a mark
	decimals int
	hide     func(c disclosure.RecomputedCell) bool
}

func nearest(n int64) int64 { return (n + 2) / 5 * 5 }

func number(s string) uint64 {
	h := sha256.Sum256([]byte("test key" + s))
	return binary.BigEndian.Uint64(h[:]) >> 1
}

// output makes a table as a researcher would print it.
func output(t testing.TB, csv string, spec disclosure.Spec, st style) rederive.Output {
	t.Helper()
	f, err := disclosure.ReadFrame(context.Background(), strings.NewReader(csv), int64(len(csv)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := disclosure.Recompute(f, spec, "person")
	if err != nil {
		t.Fatal(err)
	}
	aggs := r.Statistics()
	var b strings.Builder
	b.WriteString(strings.Join(append(append([]string{}, spec.Rows...), spec.Cols...), ","))
	for _, a := range aggs {
		b.WriteString("," + a)
	}
	b.WriteString("\n")
	for _, c := range r.Cells {
		b.WriteString(strings.Join(append(append([]string{}, c.Row...), c.Col...), ","))
		for i, a := range aggs {
			v := c.Values[i]
			small := c.Units > 0 && c.Units < 10
			switch {
			case st.hide != nil && st.hide(c), st.suppress && small:
				b.WriteString(",*")
			case a == "count" && st.round != nil:
				fmt.Fprintf(&b, ",%d", st.round(int64(v)))
			case a == "count":
				fmt.Fprintf(&b, ",%d", int64(v))
			default:
				b.WriteString("," + strconv.FormatFloat(v, 'f', st.decimals, 64))
			}
		}
		b.WriteString("\n")
	}
	return rederive.Output{Name: "table.csv", Data: []byte(b.String()), Micro: &disclosure.Microdata{Frame: f, Spec: spec, Unit: "person"}}
}

func profile(t testing.TB, name string) policy.Profile {
	t.Helper()
	p, err := policy.Shipped(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// past is a history in the making.
type past struct {
	t testing.TB
	p policy.Profile
	h *differencing.History
	n int
}

// newPastOf is a history of people some of whom went by other names.
func newPastOf(t testing.TB, p policy.Profile, names [][2]string) *past {
	var groups [][]uint64
	for _, n := range names {
		groups = append(groups, []uint64{number("unit\x1f" + n[0]), number("unit\x1f" + n[1])})
	}
	return &past{t: t, p: p, h: cached(differencing.NewSame(differencing.SameOf(groups)))}
}

func newPast(t testing.TB, p policy.Profile) *past {
	return &past{t: t, p: p, h: cached(differencing.New())}
}

// cached is a history whose solver is compiled once for all tests.
func cached(h *differencing.History) *differencing.History {
	h.SolverCache = filepath.Join(os.TempDir(), "ark-test-highs")
	return h
}

// check judges an output alone and beside the past.
func (x *past) check(o rederive.Output) (disclosure.Verdict, []disclosure.Finding) {
	x.t.Helper()
	_, alone, err := rederive.Judge(context.Background(), x.p, o)
	if err != nil {
		x.t.Fatal(err)
	}
	beside, _, err := rederive.Beside(context.Background(), x.p, o, x.h, number)
	if err != nil {
		x.t.Fatal(err)
	}
	all := append(alone, beside...)
	return disclosure.Judge(all), all
}

// keep adds an output to the past.
func (x *past) keep(o rederive.Output) {
	x.t.Helper()
	r, _, err := rederive.Contents(x.p, o, number)
	if err != nil {
		x.t.Fatal(err)
	}
	x.n++
	r.ID = fmt.Sprintf("r%d", x.n)
	b, err := r.Marshal()
	if err != nil {
		x.t.Fatal(err)
	}
	if err := x.h.Load(b); err != nil {
		x.t.Fatal(err)
	}
}
