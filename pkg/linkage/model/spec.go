package model

import (
	_ "embed" // the spec's schema
	"errors"
	"io"
	"math"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ark-tre/ark/pkg/ark"
)

//go:embed spec.schema.json
var specSchema string

// SpecSchema is the JSON Schema of a spec.
func SpecSchema() string { return specSchema }

// spec is Ark's own way to write a model. Unknown keys are refused; a key that
// is left out takes the default.
type spec struct {
	Version     int              `yaml:"version"`
	Name        string           `yaml:"name"`
	Mode        Mode             `yaml:"mode"`
	ID          string           `yaml:"id"`
	Prior       *float64         `yaml:"prior"`
	MaxBlock    *int             `yaml:"max_block"`
	Complete    *bool            `yaml:"complete"`
	Trained     bool             `yaml:"trained"`
	Raw         bool             `yaml:"raw"`
	Tiers       []specRule       `yaml:"tiers"`
	Blocking    []specRule       `yaml:"blocking"`
	Cannot      []specRule       `yaml:"cannot_link"`
	Unique      []string         `yaml:"unique"`
	Labels      string           `yaml:"labels"`
	Rival       float64          `yaml:"rival"`
	Comparisons []specComparison `yaml:"comparisons"`
}

type specRule struct {
	Name   string   `yaml:"name"`
	When   string   `yaml:"when"`
	Refine []string `yaml:"refine"`
	PerRow float64  `yaml:"per_row"`
	Total  float64  `yaml:"total"`
	Blind  bool     `yaml:"blind"`
}

type specComparison struct {
	Name   string      `yaml:"name"`
	Levels []specLevel `yaml:"levels"`
}

type specLevel struct {
	When string   `yaml:"when"`
	Null bool     `yaml:"null"`
	M    *float64 `yaml:"m"`
	U    *float64 `yaml:"u"`
	Fix  bool     `yaml:"fix"`
	TF   *specTF  `yaml:"tf"`
}

type specTF struct {
	Column string   `yaml:"column"`
	Weight *float64 `yaml:"weight"`
	Floor  float64  `yaml:"floor"`
}

// ReadSpec reads Ark's own model file.
func ReadSpec(name string, r io.Reader) (*Model, error) {
	d := yaml.NewDecoder(io.LimitReader(r, maxModel))
	d.KnownFields(true)
	var s spec
	if err := d.Decode(&s); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, ark.Faultf(ark.Invalid, "the spec is empty").At(name, 0, "")
		}
		return nil, ark.Faultf(ark.Invalid, "the spec can't be read: %s", firstLine(err.Error())).At(name, 0, "").
			Do("write it as the schema says (ark link schema)")
	}
	m, err := s.model()
	if err == nil {
		err = m.Check()
	}
	if err != nil {
		var f *ark.Fault
		if errors.As(err, &f) && f.Where.File == "" {
			f.Where.File = name
		}
		return nil, err
	}
	return m, nil
}

func firstLine(s string) string {
	s = strings.TrimPrefix(s, "yaml: ")
	s = strings.TrimPrefix(s, "unmarshal errors:\n")
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return s
}

func (s *spec) model() (*Model, error) {
	if s.Version != 1 {
		return nil, ark.Faultf(ark.Invalid, "the spec's version is not 1").Do("write version: 1")
	}
	m := &Model{Name: s.Name, Mode: s.Mode, Prior: math.NaN(), MaxBlock: 400, Complete: true, Trained: s.Trained, Raw: s.Raw,
		Unique: s.Unique, Labels: s.Labels, UniqueID: s.ID, Rival: s.Rival}
	if !(s.Rival >= 0 && s.Rival < 1000) {
		return nil, ark.Faultf(ark.Invalid, "rival is not a number of bits from 0 on").At("", 0, "rival").Do("give for example 3")
	}
	switch s.Mode {
	case "", Dedupe, Link, Both:
	default:
		return nil, ark.Faultf(ark.Invalid, "mode is not dedupe, link or both").At("", 0, "mode").Do("correct it")
	}
	if s.Prior != nil {
		m.Prior = *s.Prior
	}
	if s.MaxBlock != nil {
		m.MaxBlock = max(0, *s.MaxBlock)
	}
	if s.Complete != nil {
		m.Complete = *s.Complete
	}
	m.Tiers, m.Rules, m.Cannot = specRules(s.Tiers), specRules(s.Blocking), specRules(s.Cannot)
	for _, c := range s.Comparisons {
		mc := Comparison{Name: c.Name}
		for i, l := range c.Levels {
			ml, err := l.level(s.Trained)
			if err == nil {
				err = probable(c.Name, i, ml.M, ml.U)
			}
			if err != nil {
				return nil, err
			}
			mc.Levels = append(mc.Levels, ml)
		}
		m.Comparisons = append(m.Comparisons, mc)
	}
	if s.Trained && s.Prior == nil {
		return nil, ark.Faultf(ark.Invalid, "a trained spec needs a prior").At("", 0, "prior").Do("give prior, or leave trained out")
	}
	return m, nil
}

func specRules(in []specRule) []Rule {
	var out []Rule
	for _, r := range in {
		if r.Name == "" {
			r.Name = r.When
		}
		out = append(out, Rule{Name: r.Name, When: r.When, Refine: r.Refine, PerRow: r.PerRow, Total: r.Total, Blind: r.Blind})
	}
	return out
}

func (l *specLevel) level(trained bool) (Level, error) {
	out := Level{Condition: l.When, IsNull: l.Null, M: math.NaN(), U: math.NaN(), FixM: l.Fix && l.M != nil, FixU: l.Fix && l.U != nil}
	if l.M != nil {
		out.M = *l.M
	}
	if l.U != nil {
		out.U = *l.U
	}
	if trained && !l.Null && (l.M == nil || l.U == nil) {
		return out, ark.Faultf(ark.Invalid, "a trained spec needs m and u at every level").Do("give them, or leave trained out")
	}
	if l.TF != nil {
		out.TFColumn, out.TFWeight, out.TFFloor = l.TF.Column, 1, l.TF.Floor
		if l.TF.Weight != nil {
			out.TFWeight = *l.TF.Weight
		}
	}
	return out, nil
}
