package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/linkage/expr"
)

// The shape of Splink's model JSON. Keys that say nothing about which pairs
// are looked at or what they weigh are read and let go.
type splinkModel struct {
	LinkType           string             `json:"link_type"`
	Prior              *float64           `json:"probability_two_random_records_match,omitempty"`
	RetainMatching     *bool              `json:"retain_matching_columns,omitempty"`
	RetainIntermediate *bool              `json:"retain_intermediate_calculation_columns,omitempty"`
	Retain             []string           `json:"additional_columns_to_retain,omitempty"`
	Dialect            string             `json:"sql_dialect,omitempty"`
	UID                string             `json:"linker_uid,omitempty"`
	Convergence        float64            `json:"em_convergence,omitempty"`
	Iterations         int                `json:"max_iterations,omitempty"`
	MatchWeightPrefix  string             `json:"match_weight_column_prefix,omitempty"`
	BFPrefix           string             `json:"bayes_factor_column_prefix,omitempty"`
	TFPrefix           string             `json:"term_frequency_adjustment_column_prefix,omitempty"`
	GammaPrefix        string             `json:"comparison_vector_value_column_prefix,omitempty"`
	UniqueID           string             `json:"unique_id_column_name,omitempty"`
	SourceDataset      string             `json:"source_dataset_column_name,omitempty"`
	Rules              []splinkRule       `json:"blocking_rules_to_generate_predictions"`
	Comparisons        []splinkComparison `json:"comparisons"`
}

type splinkRule struct {
	Rule    string `json:"blocking_rule"`
	Dialect string `json:"sql_dialect,omitempty"`
	Salting int    `json:"salting_partitions,omitempty"`
}

// UnmarshalJSON takes a rule on its own too, as older versions write it.
func (r *splinkRule) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &r.Rule)
	}
	type plain splinkRule
	return strict(b, (*plain)(r))
}

type splinkComparison struct {
	Name        string        `json:"output_column_name"`
	Levels      []splinkLevel `json:"comparison_levels"`
	Description string        `json:"comparison_description,omitempty"`
}

type splinkLevel struct {
	Condition string      `json:"sql_condition"`
	Label     string      `json:"label_for_charts,omitempty"`
	M         *splinkProb `json:"m_probability,omitempty"`
	U         *splinkProb `json:"u_probability,omitempty"`
	FixM      bool        `json:"fix_m_probability"`
	FixU      bool        `json:"fix_u_probability"`
	IsNull    bool        `json:"is_null_level,omitempty"`
	TFColumn  string      `json:"tf_adjustment_column,omitempty"`
	TFWeight  *float64    `json:"tf_adjustment_weight,omitempty"`
	TFFloor   float64     `json:"tf_minimum_u_value,omitempty"`
	TFPlain   bool        `json:"disable_tf_exact_match_detection,omitempty"`
}

// splinkProb is a probability, or Splink's words for one it never saw.
type splinkProb float64

// notObserved is what Splink takes for a level that training never met.
const notObserved = 1e-6

// UnmarshalJSON reads a number or the words.
func (p *splinkProb) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*p = notObserved
		return nil
	}
	return json.Unmarshal(b, (*float64)(p))
}

func strict(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// maxModel bounds a model file.
const maxModel = 8 << 20

// ReadSplink reads Splink's model JSON (versions 3 to 5). A key it does not
// know is refused: it might change what the model means.
func ReadSplink(name string, r io.Reader) (*Model, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxModel+1))
	if err != nil {
		return nil, ark.Faultf(ark.Invalid, "the model can't be read").At(name, 0, "").Because(err)
	}
	if len(b) > maxModel {
		return nil, ark.Faultf(ark.TooMuch, "the model is larger than 8 MiB").At(name, 0, "")
	}
	var s splinkModel
	if err := strict(b, &s); err != nil {
		f := ark.Faultf(ark.Invalid, "the file is not a Splink model that Ark knows").At(name, 0, "")
		if _, key, ok := strings.Cut(err.Error(), "unknown field "); ok {
			return nil, f.Do("take out the key " + key + " if the model means the same without it")
		}
		var se *json.SyntaxError
		if errors.As(err, &se) {
			return nil, f.Do(fmt.Sprintf("mend the JSON at byte %d", se.Offset))
		}
		return nil, f.Do("give the JSON that linker.misc.save_model_to_json wrote")
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

func (s *splinkModel) model() (*Model, error) {
	m := &Model{Name: "splink", Prior: 0.0001, Trained: s.trained(), Plain: s.trained(), Raw: true, UniqueID: s.UniqueID, Source: s.SourceDataset}
	switch s.LinkType {
	case "dedupe_only":
		m.Mode = Dedupe
	case "link_only":
		m.Mode = Link
	case "link_and_dedupe":
		m.Mode = Both
	default:
		return nil, ark.Faultf(ark.Invalid, "link_type is not dedupe_only, link_only or link_and_dedupe").Do("correct link_type")
	}
	if s.Prior != nil {
		m.Prior = *s.Prior
	} else if !m.Trained {
		m.Prior = math.NaN()
	}
	for _, r := range s.Rules {
		m.Rules = append(m.Rules, Rule{Name: r.Rule, When: r.Rule})
		if m.Labels == "" && equatesNumber(r.Rule) {
			m.Labels = r.Rule
		}
	}
	for _, c := range s.Comparisons {
		mc := Comparison{Name: c.Name, Description: c.Description}
		m0, u0 := splinkDefaults(c.Levels)
		if !m.Trained {
			for i := range m0 {
				m0[i], u0[i] = math.NaN(), math.NaN()
			}
		}
		for i, l := range c.Levels {
			ml := Level{Condition: l.Condition, Label: l.Label, IsNull: l.IsNull, M: m0[i], U: u0[i],
				FixM: l.FixM, FixU: l.FixU, TFColumn: l.TFColumn, TFFloor: l.TFFloor, TFOwn: l.TFPlain}
			if l.M != nil {
				ml.M = float64(*l.M)
			}
			if l.U != nil {
				ml.U = float64(*l.U)
			}
			if err := explicit(c.Name, i, l.M, l.U); err != nil {
				return nil, err
			}
			if l.TFColumn != "" {
				ml.TFWeight = 1
				if l.TFWeight != nil {
					ml.TFWeight = *l.TFWeight
				}
			}
			mc.Levels = append(mc.Levels, ml)
		}
		m.Comparisons = append(m.Comparisons, mc)
	}
	return m, nil
}

// equatesNumber reports whether a rule asks for the same NHS number and nothing
// else: m can be learnt on such pairs.
func equatesNumber(rule string) bool {
	n, err := expr.Rule(rule)
	if err != nil || n.Op != expr.Eq || n.Args[0].Op != expr.Col || n.Args[1].Op != expr.Col {
		return false
	}
	return n.Args[0].Text == n.Args[1].Text && RoleOf(n.Args[0].Text) == NHSNumber
}

// trained reports whether any level has a probability; when none has, the
// model is to be estimated.
func (s *splinkModel) trained() bool {
	for _, c := range s.Comparisons {
		for _, l := range c.Levels {
			if l.M != nil || l.U != nil {
				return true
			}
		}
	}
	return false
}

func explicit(comparison string, level int, ps ...*splinkProb) error {
	for _, p := range ps {
		if p != nil {
			if err := probable(comparison, level, float64(*p)); err != nil {
				return err
			}
		}
	}
	return nil
}

// splinkDefaults are the probabilities that Splink takes for levels without
// any: 0.95 for the strongest level's m, the rest in equal parts, and u such
// that match weights rise evenly (which takes the u of the last of two levels
// above 1).
func splinkDefaults(levels []splinkLevel) (m, u []float64) {
	n := 0
	for _, l := range levels {
		if !l.IsNull {
			n++
		}
	}
	m, u = make([]float64, len(levels)), make([]float64, len(levels))
	at := 0
	for i, l := range levels {
		if l.IsNull {
			m[i], u[i] = math.NaN(), math.NaN()
			continue
		}
		weight := 10.0 // of the strongest
		m[i] = 0.95
		if at > 0 {
			m[i] = 0.05 / float64(n-1)
			weight = -5
			if n > 2 {
				weight = 3 - 8*float64(at-1)/float64(n-2)
			}
		}
		u[i] = m[i] / math.Exp2(weight)
		at++
	}
	return m, u
}

// WriteSplink writes m as Splink's model JSON for DuckDB. Tiers become
// blocking rules; cannot-link rules, and rules for rare values alone, have no
// counterpart there.
func (m *Model) WriteSplink(w io.Writer) error {
	s := splinkModel{Dialect: "duckdb", UniqueID: m.UniqueID, SourceDataset: m.Source}
	if s.UniqueID == "" {
		s.UniqueID = "unique_id"
	}
	switch m.Mode {
	case Link:
		s.LinkType = "link_only"
	case Both:
		s.LinkType = "link_and_dedupe"
	default:
		s.LinkType = "dedupe_only"
	}
	if !math.IsNaN(m.Prior) {
		s.Prior = &m.Prior
	}
	for _, r := range append(append([]Rule(nil), m.Tiers...), m.Rules...) {
		if !r.Rare {
			s.Rules = append(s.Rules, splinkRule{Rule: r.When, Dialect: "duckdb"})
		}
	}
	for _, c := range m.Comparisons {
		sc := splinkComparison{Name: c.Name, Description: c.Description}
		for _, l := range c.Levels {
			sl := splinkLevel{Condition: l.Condition, Label: l.Label, IsNull: l.IsNull, FixM: l.FixM, FixU: l.FixU,
				TFColumn: l.TFColumn, TFFloor: l.TFFloor, TFPlain: l.TFOwn, M: prob(l, l.M), U: prob(l, l.U)}
			if l.TFColumn != "" {
				sl.TFWeight = &l.TFWeight
			}
			if sl.Label == "" {
				sl.Label = l.Condition
			}
			sc.Levels = append(sc.Levels, sl)
		}
		s.Comparisons = append(s.Comparisons, sc)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(&s)
}

func prob(l Level, p float64) *splinkProb {
	if l.IsNull || math.IsNaN(p) {
		return nil
	}
	q := splinkProb(p)
	return &q
}
