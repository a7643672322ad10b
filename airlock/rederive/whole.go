package rederive

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/airlock/differencing"
	"github.com/ark-tre/ark/airlock/disclosure"
)

// whole is a model, a curve or a histogram as a history keeps it: the people
// that a model or curve was fitted to, and those in each bin.
func whole(o Output, numbers Numbers) ([]differencing.Figure, bool, error) {
	s, f := o.spec(), o.Micro.Frame
	need := append([]string{}, s.Rows...)
	for _, c := range append([]string{s.outcome(), s.Time}, s.Predictors...) {
		need = append(need, strings.Split(c, ":")...)
	}
	need = append(need, s.Weights)
	if s.Values != nil {
		need = append(need, *s.Values)
	}
	need = slices.DeleteFunc(need, func(c string) bool { return c == "" })
	for _, c := range need {
		if !f.Has(c) {
			return nil, false, bad("the microdata has no column %q", c)
		}
	}
	keep, err := f.Keep(s.Filter)
	if err != nil {
		return nil, false, err
	}
	tied := o.Micro.Unit != "" && f.Has(o.Micro.Unit)
	var contents [][32]byte
	if !tied {
		contents = f.Contents()
	}
	unit := unitNames(o)
	figures := map[string]*differencing.Figure{}
	var order []string
	for _, i := range keep {
		if slices.ContainsFunc(need, func(c string) bool { return f.At(i, c).IsNull() }) {
			continue
		}
		var labels []string
		for _, r := range s.Rows {
			labels = append(labels, f.At(i, r).Text())
		}
		if s.Kind == disclosure.KindHistogram {
			b := bin(s.Edges, f.At(i, *s.Values).Float())
			if b < 0 {
				continue
			}
			labels = append(labels, strconv.Itoa(b+1))
		}
		key := strings.Join(labels, "\x1f")
		g := figures[key]
		if g == nil {
			g = &differencing.Figure{Table: o.Name, Row: labels, Statistic: "model", Of: s.Kind + "\x1f" + s.outcome(), Times: map[uint64]int{}}
			if s.Kind == disclosure.KindHistogram {
				g.Statistic, g.Of = "count", ""
			}
			figures[key] = g
			order = append(order, key)
		}
		if tied {
			g.Times[numbers(unit(i))]++
		} else {
			g.Times[numbers("record\x1f"+string(contents[i][:]))]++
		}
	}
	slices.Sort(order)
	var out []differencing.Figure
	for _, key := range order {
		g := figures[key]
		if g.Statistic == "count" {
			for _, n := range g.Times {
				g.Printed += float64(n)
			}
			g.Lo, g.Hi = g.Printed, g.Printed
		}
		out = append(out, *g)
	}
	return out, tied, nil
}

// bin is the bin of a value: closed below, and the last closed above too.
func bin(edges []float64, x float64) int {
	if math.IsNaN(x) || x < edges[0] || x > edges[len(edges)-1] {
		return -1
	}
	for i := range len(edges) - 1 {
		if x < edges[i+1] {
			return i
		}
	}
	return len(edges) - 2
}
