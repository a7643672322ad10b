package linkage

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// Report is linkage.json: what a linkage did, in counts. It holds no value of
// an identifier and no record key.
type Report struct {
	ModelVersion string         `json:"model_version"`
	Deliveries   []string       `json:"deliveries"`
	Rows         int            `json:"rows"`
	Records      int            `json:"records"`
	Identities   int            `json:"identities"` // distinct, after canonical forms
	Persons      int            `json:"persons"`
	Single       int            `json:"persons_of_one_record"`
	ByTier       map[string]int `json:"records_by_tier"`
	Links        map[string]int `json:"links_by_status"`
	Quality      Quality        `json:"quality"`
	Prior        float64        `json:"prior,omitempty"`
	Fields       []Field        `json:"fields,omitempty"`
	Rules        []RuleReport   `json:"rules,omitempty"`
	Events       []Event        `json:"events"`
	Encoded      int            `json:"records_of_encodings,omitempty"` // those that name nobody
	Joined       int            `json:"records_of_encodings_joined,omitempty"`
	Extended     int            `json:"extensions,omitempty"` // since everything was compared with everything
	Bias         []Group        `json:"unlinked_by_group"`
}

// Quality counts identifiers that can't be used.
type Quality struct {
	NoNHSNumber   int `json:"records_without_valid_nhs_number"`
	NoDateOfBirth int `json:"records_without_date_of_birth"`
	NoName        int `json:"records_without_name"`
	Superseded    int `json:"superseded_numbers_known"`
	NotBelieved   int `json:"identities_with_somebody_elses_number"`
}

// Field is the weights of one comparison.
type Field struct {
	Name   string        `json:"name"`
	Levels []FieldWeight `json:"levels"`
}

// FieldWeight is one level of a comparison.
type FieldWeight struct {
	Label  string  `json:"label"`
	M      float64 `json:"m"`
	U      float64 `json:"u"`
	Weight float64 `json:"weight"`
}

// RuleReport is what a blocking rule did.
type RuleReport struct {
	Name string `json:"name"`
	Lost int64  `json:"pairs_lost_to_large_blocks"`
}

// senders counts, by source, the people it has a record of and those of them
// that are tied to that one record only.
func senders(keys, source *frame.Column, of []uint32, size []int) map[string][2]int {
	out := map[string][2]int{}
	if source == nil {
		return out
	}
	seen := make([]map[uint32]bool, source.Dict.Len())
	for i, k := range keys.IDs {
		s, who := source.IDs[i], of[k]
		if s == 0 || who == noNode || seen[s][who] {
			continue
		}
		if seen[s] == nil {
			seen[s] = map[uint32]bool{}
		}
		seen[s][who] = true
		name := source.Dict.At(s)
		n := out[name]
		n[0]++
		if size[who] == 1 {
			n[1]++
		}
		out[name] = n
	}
	return out
}

// Group is how many persons of a group are tied to one record only. Counts are
// rounded; nil counts are too small to show.
type Group struct {
	By      string `json:"by"`
	Value   string `json:"value"`
	Persons *int   `json:"persons"`
	Single  *int   `json:"of_one_record"`
}

// modelVersion names the default model; a change of it is a change of answers.
const modelVersion = "person/2"

func report(in IndexInput, r *records, n *nodes, p *people, persons []person, links *links, found *Result) Report {
	rep := Report{ModelVersion: modelVersion, Rows: len(r.keys.IDs), Records: len(p.number), Identities: n.frame.N,
		Persons: len(p.ids), ByTier: map[string]int{}, Links: map[string]int{}, Events: p.Events, Deliveries: []string{},
		Bias: []Group{}}
	if rep.Events == nil {
		rep.Events = []Event{}
	}
	for _, f := range in.Identifiers {
		rep.Deliveries = append(rep.Deliveries, f.Name)
	}
	for _, s := range p.size {
		if s == 1 {
			rep.Single++
		}
	}
	for _, k := range p.number {
		rep.ByTier[p.tier[k]]++
	}
	for _, l := range links.all {
		rep.Links[links.says[l.says].status]++
	}
	rep.Quality = r.quality()
	rep.Quality.Superseded = len(in.Superseded)
	if found != nil {
		rep.Prior = found.Scored.Prior()
		rep.Quality.NotBelieved = found.Scored.Doubted(0)
		rep.Fields = fields(found)
		rep.Rules = rules(found)
	}
	rep.Bias = bias(in, p, persons, senders(r.keys, r.source, p.of, p.size))
	return rep
}

func fields(found *Result) []Field {
	var out []Field
	for _, c := range found.Scored.Weights() {
		f := Field{Name: c.Name}
		for _, l := range c.Levels {
			f.Levels = append(f.Levels, FieldWeight{Label: l.Label, M: l.M, U: l.U, Weight: l.Weight})
		}
		out = append(out, f)
	}
	return out
}

func rules(found *Result) []RuleReport {
	var out []RuleReport
	for _, r := range found.Scored.Rules() {
		out = append(out, RuleReport{Name: r.Name, Lost: r.Lost})
	}
	return out
}

// quality counts records none of whose rows has a usable identifier.
func (r *records) quality() Quality {
	count := func(roles ...model.Role) int {
		has := make([]bool, r.keys.Dict.Len())
		for _, role := range roles {
			if c := r.canon.Col(string(role)); c != nil {
				for i, id := range c.IDs {
					if id != 0 {
						has[r.keys.IDs[i]] = true
					}
				}
			}
		}
		n := 0
		for _, h := range has[1:] {
			if !h {
				n++
			}
		}
		return n
	}
	return Quality{NoNHSNumber: count(model.NHSNumber), NoDateOfBirth: count(model.Birth), NoName: count(model.Family, model.Given)}
}

// bias counts, per group of people, those of one record only: who fails to
// link is seldom a matter of chance.
func bias(in IndexInput, p *people, persons []person, senders map[string][2]int) []Group {
	type key struct{ by, value string }
	all, single := map[key]int{}, map[key]int{}
	for _, x := range persons {
		for v, by := range coarse() {
			if by == "lsoa" {
				continue
			}
			value := x.values[v]
			if by == "year_of_birth" && len(value) == 4 {
				if y, err := strconv.Atoi(value); err == nil {
					value = strconv.Itoa(y/10*10) + "s"
				}
			}
			k := key{by, cmp.Or(value, "not known")}
			all[k]++
			if p.size[x.ordinal] == 1 {
				single[k]++
			}
		}
	}
	for sender, n := range senders {
		all[key{"sender", sender}], single[key{"sender", sender}] = n[0], n[1]
	}
	shown := in.Show
	if shown == nil {
		shown = func(int) *int { return nil }
	}
	out := make([]Group, 0, len(all))
	for k, n := range all {
		out = append(out, Group{By: k.by, Value: k.value, Persons: shown(n), Single: shown(single[k])})
	}
	slices.SortFunc(out, func(a, b Group) int { return cmp.Or(cmp.Compare(a.By, b.By), cmp.Compare(a.Value, b.Value)) })
	return out
}
