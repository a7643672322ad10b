package rederive

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/ark"
)

// Version is the version of the specification that this code reads. A
// specification without one is of version 1.
const Version = 1

//go:embed spec.schema.json
var schema []byte

// Schema is the JSON Schema of specifications.
func Schema() []byte { return bytes.Clone(schema) }

// Spec says how an output was made: enough to make it again.
type Spec struct {
	Ark   int    `json:"ark,omitempty"`
	Data  string `json:"data,omitempty"`  // the extract's table; may be left out where there is one
	Query string `json:"query,omitempty"` // SQL over the extract's tables, that keeps the column person
	Of    string `json:"of,omitempty"`    // of a figure: the file of the table behind it

	disclosure.Spec
}

// maxSpec bounds a specification's bytes.
const maxSpec = 1 << 20

func bad(format string, args ...any) error {
	return ark.Faultf(ark.Invalid, "the specification is not valid: "+format, args...).Do("see docs/specification.md")
}

// models are the kinds that are fitted.
var models = [...]string{"linear", "logistic", "poisson", "cox"}

// IsModel reports whether the output is a fitted model.
func (s Spec) IsModel() bool { return slices.Contains(models[:], s.Kind) }

// Read reads a specification strictly.
func Read(r io.Reader) (Spec, error) {
	var s Spec
	b, err := io.ReadAll(io.LimitReader(r, maxSpec+1))
	if err != nil || len(b) > maxSpec {
		return s, bad("it can't be read or is too large")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, bad("%v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return s, bad("more follows it")
	}
	// These two families are fitted as kinds of their own.
	if s.Kind == disclosure.KindRegression && (s.Family == "poisson" || s.Family == "cox") {
		s.Kind, s.Family = s.Family, ""
	}
	return s, s.check()
}

func (s Spec) check() error {
	switch {
	case s.Ark != 0 && s.Ark != Version:
		return bad("it is of version %d, and this Ark reads version %d", s.Ark, Version)
	case s.IsModel():
		outcome := s.Outcome
		if s.Kind == "cox" {
			outcome = s.Event
		}
		if outcome == "" || len(s.Predictors) == 0 {
			return bad("a model needs an outcome, or a time and an event, and predictors")
		}
		if (s.Kind == "cox") != (s.Time != "") || (s.Kind == "cox") != (s.Event != "") || s.Kind == "cox" && s.Outcome != "" {
			return bad("time and event go with cox, and an outcome with the other models")
		}
		if len(s.Rows)+len(s.Cols) > 0 || s.Values != nil || s.AggFunc != nil || s.Margins || s.Rounding != nil || s.Family != "" || s.Edges != nil {
			return bad("a model has an outcome, predictors and a filter")
		}
		if s.Weights != "" && (s.Kind == "cox" || s.Weights == outcome || slices.Contains(s.Predictors, s.Weights)) {
			return bad("weights go with linear, logistic and poisson models, and are a column of their own")
		}
		for i, t := range s.Predictors {
			if t == "" || t == outcome || t == s.Time || slices.Contains(s.Predictors[:i], t) {
				return bad("a predictor is empty, named twice, or the outcome")
			}
		}
		return nil
	case s.Kind == "figure":
		if s.Of == "" {
			return bad("a figure names the table behind it")
		}
		return nil
	}
	return s.Spec.Check()
}

// Table is the specification as the rules of tables know it.
func (s Spec) Table() disclosure.Spec { return s.Spec }

// outcome is the column that a model explains: of cox, whether the event was
// seen.
func (s Spec) outcome() string {
	if s.Kind == "cox" || s.Kind == disclosure.KindSurvival {
		return s.Event
	}
	return s.Outcome
}
