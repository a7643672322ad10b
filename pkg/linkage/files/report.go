package files

import (
	"cmp"
	"math"
	"slices"

	"github.com/ark-tre/ark/pkg/linkage/engine"
	"github.com/ark-tre/ark/pkg/linkage/frame"
)

// Report is report.json: what a linkage did. It names columns, never values.
type Report struct {
	Model       string       `json:"model"`
	Mode        string       `json:"mode"`
	Inputs      []InputCount `json:"inputs"`
	Rows        int          `json:"rows"`
	Candidates  int64        `json:"candidate_pairs"`
	Pairs       int          `json:"pairs_written"`
	Links       int          `json:"links"`
	Refused     int          `json:"links_refused"`
	NotBelieved int          `json:"records_with_somebody_elses_number"`
	Clusters    int          `json:"clusters"`
	Single      int          `json:"clusters_of_one"`
	Largest     int          `json:"largest_cluster"`
	Accept      float64      `json:"accept_probability"`
	Prior       float64      `json:"prior"`
	PriorBits   float64      `json:"prior_weight"`
	Comparisons []Comparison `json:"comparisons"`
	Rules       []Rule       `json:"rules"`
	Histogram   []Bin        `json:"histogram"`
	Patterns    []Pattern    `json:"patterns"`
	Warnings    []string     `json:"warnings"`
}

// InputCount is an input and its rows.
type InputCount struct {
	Name string `json:"name"`
	Rows int    `json:"rows"`
}

// Comparison is what the levels of a comparison weigh, strongest first.
type Comparison struct {
	Name   string  `json:"name"`
	Levels []Level `json:"levels"`
}

// Level is one level; Gamma is its digit in a pattern.
type Level struct {
	Gamma  int     `json:"gamma"`
	Label  string  `json:"label"`
	M      float64 `json:"m"`
	U      float64 `json:"u"`
	Weight float64 `json:"weight"`
}

// Rule is a tier or blocking rule with the pairs that hold it.
type Rule struct {
	Name  string `json:"name"`
	Tier  bool   `json:"tier,omitempty"`
	Pairs int64  `json:"pairs"`
	Lost  int64  `json:"pairs_lost_to_large_blocks,omitempty"`
}

// Bin counts pairs whose weight is From or more and less than From+1.
type Bin struct {
	From  int `json:"from"`
	Pairs int `json:"pairs"`
}

// Pattern is a pattern of levels and how many written pairs have it.
type Pattern struct {
	Pattern string  `json:"pattern"`
	Pairs   int     `json:"pairs"`
	Weight  float64 `json:"weight"` // without term frequencies
}

func report(d *Done) Report {
	r, s := d.Result, d.Result.Scored
	rep := Report{Model: r.Model.Name, Mode: string(r.Model.Mode), Rows: d.Frame.N, Candidates: s.Candidates(), Pairs: len(r.Edges),
		Refused: len(r.Refused), NotBelieved: s.Doubted(0), Accept: r.Accept, Prior: s.Prior(), PriorBits: engine.Weight(s.Prior()),
		Warnings: s.Warnings(), Histogram: []Bin{}, Patterns: []Pattern{}, Rules: []Rule{}}
	counts := make([]int, len(d.Frame.Sources))
	for _, x := range d.Frame.Source {
		counts[x]++
	}
	for i, n := range d.Frame.Sources {
		rep.Inputs = append(rep.Inputs, InputCount{n, counts[i]})
	}
	size := make([]uint32, len(r.Clusters))
	for _, l := range r.Clusters {
		size[l]++
	}
	for _, n := range size {
		rep.Largest = max(rep.Largest, int(n))
		switch n {
		case 0:
			continue
		case 1:
			rep.Single++
		}
		rep.Clusters++
	}
	var bins [201]int // from -100 on
	numbers, least := frame.NewNumbers(1024), engine.Weight(r.Accept)
	var patterns []Pattern
	var last, at = uint32(0), -1
	for _, e := range r.Edges {
		if e.Tier >= 0 || e.Weight >= least {
			rep.Links++
		}
		bins[int(math.Floor(min(max(e.Weight, -100), 100)))+100]++
		if at < 0 || e.Pattern != last {
			last = e.Pattern
			if at = int(numbers.Number(uint64(last))) - 1; at == len(patterns) {
				patterns = append(patterns, Pattern{s.Gammas(last), 0, s.PatternWeight(last)})
			}
		}
		patterns[at].Pairs++
	}
	rep.Patterns = append(rep.Patterns, patterns...)
	for i, n := range bins {
		if n > 0 {
			rep.Histogram = append(rep.Histogram, Bin{i - 100, n})
		}
	}
	slices.SortFunc(rep.Patterns, func(a, b Pattern) int {
		return cmp.Or(cmp.Compare(b.Pairs, a.Pairs), cmp.Compare(a.Pattern, b.Pattern))
	})
	rep.Patterns = rep.Patterns[:min(len(rep.Patterns), 40)]
	for _, c := range s.Weights() {
		rc := Comparison{Name: c.Name}
		for k, l := range c.Levels {
			g := len(c.Levels) - 1 - k
			if l.IsNull {
				g = -1
			}
			rc.Levels = append(rc.Levels, Level{g, l.Label, l.M, l.U, l.Weight})
		}
		rep.Comparisons = append(rep.Comparisons, rc)
	}
	for _, x := range s.Rules() {
		rep.Rules = append(rep.Rules, Rule{x.Name, x.Tier, x.Pairs, x.Lost})
	}
	return rep
}
