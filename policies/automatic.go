package policies

import (
	"bytes"
	_ "embed"
	"fmt"
	"math"

	"go.yaml.in/yaml/v3"
)

//go:embed automatic.yaml
var automaticText []byte

// Automatic says whether a request may leave without a person. Its zero value
// says no.
type Automatic struct {
	On      bool     `yaml:"on"`
	Classes []string `yaml:"classes"`
	Needs   struct {
		Requests int     `yaml:"requests"`
		Missed   float64 `yaml:"missed"`
		Seeded   int     `yaml:"seeded"`
		Passed   float64 `yaml:"passed"`
	} `yaml:"needs"`
	Figures *Calibration `yaml:"figures"`
}

// Calibration is what was measured: of requests that every check passed, how
// many people stopped; of outputs known to be bad, how many every check passed.
type Calibration struct {
	Requests int    `yaml:"requests"`
	Missed   int    `yaml:"missed"`
	Seeded   int    `yaml:"seeded"`
	Passed   int    `yaml:"passed"`
	Source   string `yaml:"source"` // where the measurement is written down
}

// LoadAutomatic reads the embedded policy.
func LoadAutomatic() (Automatic, error) { return ParseAutomatic(automaticText) }

// ParseAutomatic reads a policy and refuses one that is on without figures that
// justify it.
func ParseAutomatic(text []byte) (Automatic, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	var a Automatic
	if err := dec.Decode(&a); err != nil {
		return Automatic{}, fmt.Errorf("read the policy of automatic release: %w", err)
	}
	if !a.On {
		return a, nil
	}
	if why := a.unjustified(); why != "" {
		return Automatic{}, fmt.Errorf("automatic release is on, and %s", why)
	}
	return a, nil
}

// unjustified says what the figures lack, "" if they justify it. The needs have
// floors of their own: to lower them in the file is not enough.
func (a Automatic) unjustified() string {
	f, n := a.Figures, a.Needs
	switch {
	case f == nil:
		return "there are no calibration figures"
	case n.Requests < 1000 || n.Seeded < 300 || !(n.Missed > 0 && n.Missed <= 0.003) || !(n.Passed > 0 && n.Passed <= 0.01):
		return "what the figures must show is set too low"
	case f.Source == "":
		return "nobody says where the figures were measured"
	case f.Missed < 0 || f.Passed < 0 || f.Missed > f.Requests || f.Passed > f.Seeded:
		return "the figures cannot be"
	case f.Requests < n.Requests || f.Seeded < n.Seeded:
		return "too little was measured"
	case upper(f.Missed, f.Requests) > n.Missed:
		return "people stopped too many of those that every check passed"
	case upper(f.Passed, f.Seeded) > n.Passed:
		return "the checks passed too many outputs known to be bad"
	case len(a.Classes) == 0:
		return "no class is named"
	}
	return ""
}

// upper is the upper end of the exact one-sided 95 % interval of a share
// (Clopper and Pearson), by halving.
func upper(k, n int) float64 {
	lo, hi := float64(k)/float64(n), 1.0
	for range 60 {
		p := (lo + hi) / 2
		if atMost(k, n, p) > 0.05 {
			lo = p
		} else {
			hi = p
		}
	}
	return hi
}

// atMost is the chance of at most k of n at p.
func atMost(k, n int, p float64) float64 {
	sum := 0.0
	for i := 0; i <= k; i++ {
		a, _ := math.Lgamma(float64(n + 1))
		b, _ := math.Lgamma(float64(i + 1))
		c, _ := math.Lgamma(float64(n - i + 1))
		sum += math.Exp(a - b - c + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return sum
}
