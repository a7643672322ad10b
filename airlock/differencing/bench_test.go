package differencing

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
)

// BenchmarkCompare judges a request of 200 cells beside 1,000,000 released
// ones over 2.8 million people: 5,000 tables, each of 20,000 people of one
// district of 140,000, rounded to 5 as nine in ten are, the rest exact.
func BenchmarkCompare(b *testing.B) {
	const (
		population, district = 2_800_000, 140_000
		tables, cells, each  = 5_000, 200, 100
	)
	r := rand.New(rand.NewPCG(1, 2))
	h := New()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for p := range uint64(population) {
		h.ordinal(mix(p) >> 1)
	}
	order := r.Perm(district)
	draw := func() [][]uint32 {
		base := uint32(r.IntN(population/district) * district)
		who := make([]uint32, 0, cells*each)
		shift := r.IntN(district)
		for i := range cells * each {
			who = append(who, base+uint32(order[(i+shift)%district]))
		}
		out := make([][]uint32, cells)
		for i := range out {
			out[i] = who[i*each : (i+1)*each]
			slices.Sort(out[i])
		}
		return out
	}
	for t := range tables {
		figures, sets := make([]Figure, cells), make([]set, cells)
		slack := 4.0
		if t%10 == 0 {
			slack = 0
		}
		for i, who := range draw() {
			figures[i] = Figure{Statistic: "count", Printed: each, Lo: each - slack/2, Hi: each + slack/2}
			sets[i] = set{levels: []*roaring.Bitmap{roaring.BitmapOf(who...)}}
		}
		h.add(Summary{ID: "t", Figures: cells}, figures, sets, nil)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.Logf("built: %d MB", after.HeapAlloc>>20)
	request := Release{ID: "new"}
	for _, who := range draw() {
		f := Figure{Statistic: "count", Printed: each, Lo: each - 2, Hi: each + 2, Times: map[uint64]int{}}
		for _, o := range who {
			f.Times[h.numbers[o]] = 1
		}
		request.Figures = append(request.Figures, f)
	}
	w := DefaultWork()
	if _, err := h.Compare(context.Background(), request, 10, w); err != nil { // warm
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := h.Compare(context.Background(), request, 10, w); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(tables*cells), "bytes/cell")
	b.ReportMetric(tables*cells, "cells")
}
