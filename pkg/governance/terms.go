package governance

import (
	"maps"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
)

// AirlockTerms are what the custodians ask of the airlock beyond its own
// rules; a permit carries the strictest of all. The zero value asks for nothing
// more.
type AirlockTerms struct {
	OtherOrganisation bool                `json:"other_organisation,omitempty"` // checkers come from at least two organisations
	SignOff           []string            `json:"sign_off,omitempty"`           // SignOffLay, and ids of organisations whose custodian signs each release
	Contractual       map[string][]string `json:"contractual,omitempty"`        // disclosure rule → organisations that alone may waive it
	MaxFiles          int                 `json:"max_files,omitempty"`          // per request; 0 is the Ark's own limit
	MaxRows           int                 `json:"max_rows,omitempty"`           // per table; 0 is the Ark's own limit
}

// SignOffLay stands for a lay reviewer in AirlockTerms.SignOff.
const SignOffLay = "lay"

// VerdictTerms are one custodian's part of the terms, given with an approval.
type VerdictTerms struct {
	Checkers          int      `json:"checkers,omitempty" maximum:"4" doc:"At least so many output checkers"`
	OtherOrganisation bool     `json:"other_organisation,omitempty" doc:"Checkers must come from different organisations"`
	LaySignOff        bool     `json:"lay_sign_off,omitempty" doc:"A lay reviewer signs off each release"`
	SignOff           bool     `json:"sign_off,omitempty" doc:"A custodian of this organisation signs off each release"`
	Contractual       []string `json:"contractual,omitempty" maxItems:"50" doc:"Disclosure rules that only this organisation may waive"`
	MaxFiles          int      `json:"max_files,omitempty" minimum:"0" maximum:"25"`
	MaxRows           int      `json:"max_rows,omitempty" minimum:"0" maximum:"5000"`
}

// maxCheckers is how many output checkers a permit may ask for.
const maxCheckers = 4

func (t VerdictTerms) check() error {
	switch {
	case t.Checkers < 0 || t.Checkers > maxCheckers:
		return ark.Faultf(ark.Invalid, "a permit may ask for at most %d output checkers", maxCheckers).At("", 0, "checkers")
	case t.MaxFiles < 0 || t.MaxRows < 0:
		return ark.Faultf(ark.Invalid, "a limit cannot be below zero").At("", 0, "max_files")
	case len(t.Contractual) > 50 || slices.ContainsFunc(t.Contractual, func(r string) bool { return r == "" || len(r) > 80 }):
		return ark.Faultf(ark.Invalid, "that is no list of disclosure rules").At("", 0, "contractual").Do("name at most 50 rules, as the disclosure page lists them")
	}
	return nil
}

// addTerms makes the permit as strict as one custodian asks.
func (p *Permit) addTerms(org string, t VerdictTerms) {
	p.Checkers = max(p.Checkers, t.Checkers)
	a := &p.Airlock
	a.OtherOrganisation = a.OtherOrganisation || t.OtherOrganisation
	if t.LaySignOff && !slices.Contains(a.SignOff, SignOffLay) {
		a.SignOff = append(a.SignOff, SignOffLay)
	}
	if t.SignOff && !slices.Contains(a.SignOff, org) {
		a.SignOff = append(a.SignOff, org)
	}
	for _, rule := range t.Contractual {
		if a.Contractual == nil {
			a.Contractual = map[string][]string{}
		}
		if !slices.Contains(a.Contractual[rule], org) {
			a.Contractual[rule] = append(a.Contractual[rule], org)
		}
	}
	lower := func(have, want int) int {
		if want == 0 || have != 0 && have < want {
			return have
		}
		return want
	}
	a.MaxFiles, a.MaxRows = lower(a.MaxFiles, t.MaxFiles), lower(a.MaxRows, t.MaxRows)
	slices.Sort(a.SignOff)
}

// Rules lists the contractual rules in order.
func (t AirlockTerms) Rules() []string { return slices.Sorted(maps.Keys(t.Contractual)) }
