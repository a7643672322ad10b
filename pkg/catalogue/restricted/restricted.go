// Package restricted knows the groups of codes whose disclosure the law
// restricts, and says of a value whether it is of one of them.
//
// It holds codes and laws. It must never read data: it is asked value by value,
// and lets pass only what a permit names a legal basis for.
package restricted

import (
	"bytes"
	_ "embed"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ark-tre/ark/pkg/ark"
)

//go:embed groups.yaml
var text []byte

// Group is a group of codes with the law that restricts it.
type Group struct {
	Group  string   `yaml:"group"`
	Says   string   `yaml:"says"`
	Law    string   `yaml:"law"`
	Source string   `yaml:"source"` // where the codes come from
	AsOf   string   `yaml:"as_of"`  // the day they were written
	Review string   `yaml:"review"` // what a clinician said of them, or that none has
	ICD10  []string `yaml:"icd10"`
	OPCS4  []string `yaml:"opcs4"`
	SNOMED []string `yaml:"snomed"`
}

// Of are the group's codes of a system.
func (g Group) Of(system string) []string {
	switch system {
	case ICD10:
		return g.ICD10
	case OPCS4:
		return g.OPCS4
	case SNOMED:
		return g.SNOMED
	}
	return nil
}

// The code systems that a variable can be declared to be of. What is not
// declared is looked at for concepts of SNOMED CT alone: a short code means
// other things elsewhere.
const (
	ICD10  = "icd10"
	OPCS4  = "opcs4"
	SNOMED = "snomed"
)

// Groups returns the groups, in order.
func Groups() []Group {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	var out []Group
	if err := dec.Decode(&out); err != nil {
		panic(err) // embedded: cannot fail
	}
	return out
}

// Known reports whether there is such a group.
func Known(group string) bool {
	return slices.ContainsFunc(Groups(), func(g Group) bool { return g.Group == group })
}

// Check refuses a basis for a group that is not there, and one without words.
func Check(basis map[string]string) error {
	for _, g := range slices.Sorted(maps.Keys(basis)) {
		if !Known(g) {
			return ark.Faultf(ark.Invalid, "there is no such group of restricted codes").At("", 0, "restricted").Do("use assisted-conception, gender-recognition or sexually-transmitted-infection")
		}
		if strings.TrimSpace(basis[g]) == "" {
			return ark.Faultf(ark.Invalid, "restricted codes need the legal basis of the group").At("", 0, "restricted").Do("name the law or the consent that allows these codes to be disclosed to you")
		}
	}
	return nil
}

// Codes are a dataset's own codes of the groups: group, then system.
type Codes map[string]map[string][]string

// Judge holds the codes that may not pass. The zero Judge lets none of the
// shipped groups pass: it is made anew by New.
type Judge struct {
	codes map[string]map[string]bool // system → codes, as plain gives them
}

// New returns a judge of every group but those allowed, with a dataset's own
// codes beside the shipped ones.
func New(allowed []string, own Codes) *Judge {
	j := &Judge{codes: map[string]map[string]bool{ICD10: {}, OPCS4: {}, SNOMED: {}}}
	add := func(system string, codes []string) {
		for _, c := range codes {
			if p := plain(c); p != "" && j.codes[system] != nil {
				j.codes[system][p] = true
			}
		}
	}
	for _, g := range Groups() {
		if slices.Contains(allowed, g.Group) {
			continue
		}
		add(ICD10, g.ICD10)
		add(OPCS4, g.OPCS4)
		add(SNOMED, g.SNOMED)
		for system, codes := range own[g.Group] {
			add(system, codes)
		}
	}
	return j
}

// plain is a code as it is compared: upper case, without points and blanks.
func plain(code string) string {
	return strings.ToUpper(strings.Map(func(r rune) rune {
		if r == '.' || r == ' ' || r == '\t' {
			return -1
		}
		return r
	}, code))
}

// Holds reports whether a value of a variable of a system, "" if none is
// declared, holds a code that may not pass: alone, or among others.
func (j *Judge) Holds(system, value string) bool {
	if value == "" || system == "" && (len(value) < 6 || value[0] > '9' && !strings.ContainsAny(value, separators)) {
		return false
	}
	if j.one(system, value) {
		return true
	}
	if !strings.ContainsAny(value, separators) {
		return false
	}
	return slices.ContainsFunc(strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(separators, r) }), func(part string) bool { return j.one(system, part) })
}

// separators part the codes of a field that holds several, and a code from its
// term or from a post-coordinated refinement.
const separators = " ,;|/+:=(){}\t\n"

func (j *Judge) one(system, value string) bool {
	switch system {
	case "", SNOMED:
		return j.codes[SNOMED][strings.TrimSpace(value)]
	case ICD10, OPCS4:
		p := plain(value)
		for n := 3; n <= len(p) && n <= 7; n++ {
			if j.codes[system][p[:n]] {
				return true
			}
		}
	}
	return false
}
