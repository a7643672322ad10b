package disclosure

import (
	"fmt"
	"math/big"
	"sort"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// Contribution is what one respondent adds to a cell. A weight of w stands
// for w equal respondents; contributions of one holding are one respondent's.
type Contribution struct {
	Value   *big.Rat
	Weight  *big.Rat // nil: 1
	Holding string   // empty: a respondent of its own
}

// CellRule is a rule about the contributions to one cell, as the command line
// writes it: nk:N:K[:ge], p:P[:le], threshold:T[:le].
type CellRule struct {
	kind      string
	n         int64
	limit     *big.Rat
	inclusive bool
	text      string
}

// String is the rule as written.
func (r CellRule) String() string { return r.text }

func badRule(s string) error {
	return ark.Faultf(ark.Invalid, "%q is not a rule", s).
		Do("write nk:N:K, nk:N:K:ge, p:P, p:P:le, threshold:T or threshold:T:le; K and P are fractions of at most 1")
}

// ParseDecimal reads a plain decimal as an exact rational: no exponent, no
// fraction bar, no infinities.
func ParseDecimal(s string) (*big.Rat, bool) {
	s = strings.TrimSpace(s)
	body := strings.TrimLeft(s, "+-")
	if body == "" || len(s)-len(body) > 1 || len(s) > 64 || strings.Trim(body, "0123456789.") != "" || strings.Count(body, ".") > 1 || body == "." {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

// ParseCellRule reads a rule.
func ParseCellRule(s string) (CellRule, error) {
	parts := strings.Split(s, ":")
	r := CellRule{kind: parts[0], text: s}
	need, suffix := 2, "le"
	if r.kind == "nk" {
		need, suffix = 3, "ge"
	}
	if r.kind != "nk" && r.kind != "p" && r.kind != "threshold" || len(parts) < need || len(parts) > need+1 {
		return CellRule{}, badRule(s)
	}
	if len(parts) == need+1 {
		if parts[need] != suffix {
			return CellRule{}, badRule(s)
		}
		r.inclusive = true
	}
	if r.kind == "nk" {
		n, err := strconv.ParseInt(parts[1], 10, 32)
		if err != nil || n < 1 {
			return CellRule{}, badRule(s)
		}
		r.n = n
	}
	limit, ok := ParseDecimal(parts[need-1])
	if !ok || limit.Sign() < 0 || (r.kind != "threshold" && limit.Cmp(big.NewRat(1, 1)) > 0) || (r.kind == "threshold" && !limit.IsInt()) {
		return CellRule{}, badRule(s)
	}
	r.limit = limit
	return r, nil
}

// ruleOf is a profile's dominance rule as a cell rule.
func ruleOf(d policy.DominanceRule) CellRule {
	r, err := ParseCellRule(d.String())
	if err != nil {
		return CellRule{kind: "nk", n: 1, limit: new(big.Rat), inclusive: true, text: d.String()} // refuses everything
	}
	return r
}

// CellVerdict is the outcome of a rule on one cell.
type CellVerdict struct {
	Verdict  Verdict           `json:"verdict"`
	Unsafe   bool              `json:"unsafe"`
	Rule     string            `json:"rule"`
	Evidence map[string]string `json:"evidence"`
}

// respondent is a group of equal respondents: size of each and how many.
type respondent struct{ size, weight *big.Rat }

// JudgeCell applies one rule to the contributions of one cell, exactly.
func JudgeCell(contributions []Contribution, rule CellRule) (CellVerdict, error) {
	rs, err := respondents(contributions)
	if err != nil {
		return CellVerdict{Verdict: Fail, Unsafe: true}, err
	}
	return judgeRespondents(rs, rule)
}

// judgeRespondents applies a rule to respondents sorted by size.
func judgeRespondents(rs []respondent, rule CellRule) (CellVerdict, error) {
	v := CellVerdict{Rule: rule.String(), Evidence: map[string]string{}}
	switch rule.kind {
	case "threshold":
		n := new(big.Rat)
		for _, r := range rs {
			n.Add(n, r.weight)
		}
		v.Unsafe = below(n, rule.limit, rule.inclusive)
		v.Evidence["respondents"] = decimal(n)
		v.Evidence["threshold"] = decimal(rule.limit)
	case "nk":
		total, top := sumOf(rs), topOf(rs, rule.n)
		v.Evidence["total"], v.Evidence["largest"] = decimal(total), decimal(top)
		if total.Sign() > 0 {
			share := new(big.Rat).Quo(top, total)
			c := share.Cmp(rule.limit)
			v.Unsafe = c > 0 || rule.inclusive && c == 0
			v.Evidence["share"] = decimal(share)
		}
	case "p":
		total := sumOf(rs)
		rest := new(big.Rat).Sub(total, topOf(rs, 2))
		first := topOf(rs, 1)
		v.Evidence["total"], v.Evidence["rest"], v.Evidence["first"] = decimal(total), decimal(rest), decimal(first)
		if total.Sign() > 0 {
			v.Unsafe = below(rest, new(big.Rat).Mul(rule.limit, first), rule.inclusive)
		}
	default:
		return CellVerdict{Verdict: Fail, Unsafe: true}, badRule(rule.text)
	}
	v.Verdict = Pass
	if v.Unsafe {
		v.Verdict = Fail
	}
	return v, nil
}

func below(a, b *big.Rat, inclusive bool) bool {
	c := a.Cmp(b)
	return c < 0 || inclusive && c == 0
}

// respondents groups holdings, takes absolute values and sorts by size, the
// largest first.
func respondents(cs []Contribution) ([]respondent, error) {
	var out []respondent
	held := map[string]*big.Rat{}
	var order []string
	for i, c := range cs {
		w := c.Weight
		if w == nil {
			w = big.NewRat(1, 1)
		}
		if c.Value == nil || w.Sign() < 0 {
			return nil, ark.Faultf(ark.Invalid, "contribution %d has no value or a negative weight", i+1)
		}
		if c.Holding != "" {
			if held[c.Holding] == nil {
				held[c.Holding] = new(big.Rat)
				order = append(order, c.Holding)
			}
			held[c.Holding].Add(held[c.Holding], new(big.Rat).Mul(c.Value, w))
			continue
		}
		out = append(out, respondent{new(big.Rat).Abs(c.Value), w})
	}
	for _, h := range order {
		out = append(out, respondent{held[h].Abs(held[h]), big.NewRat(1, 1)})
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].size.Cmp(out[j].size) > 0 })
	return out, nil
}

func sumOf(rs []respondent) *big.Rat {
	t := new(big.Rat)
	one := big.NewRat(1, 1)
	for _, r := range rs {
		if r.weight.Cmp(one) == 0 {
			t.Add(t, r.size)
			continue
		}
		t.Add(t, new(big.Rat).Mul(r.size, r.weight))
	}
	return t
}

// topOf is the sum of the n largest respondents; a fractional weight counts
// for its fraction of a respondent.
func topOf(rs []respondent, n int64) *big.Rat {
	left, t := new(big.Rat).SetInt64(n), new(big.Rat)
	for _, r := range rs {
		if left.Sign() <= 0 {
			break
		}
		w := r.weight
		if w.Cmp(left) > 0 {
			w = new(big.Rat).Set(left)
		}
		t.Add(t, new(big.Rat).Mul(r.size, w))
		left.Sub(left, w)
	}
	return t
}

// decimal prints a rational exactly where it terminates, else as a fraction.
func decimal(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	d := new(big.Int).Set(r.Denom())
	places := 0
	two, five := big.NewInt(2), big.NewInt(5)
	twos, fives := 0, 0
	for _, f := range []struct {
		by *big.Int
		n  *int
	}{{two, &twos}, {five, &fives}} {
		for m := new(big.Int); ; *f.n++ {
			q, rem := new(big.Int).QuoRem(d, f.by, m)
			if rem.Sign() != 0 {
				break
			}
			d = q
		}
	}
	if places = max(twos, fives); d.IsInt64() && d.Int64() == 1 && places <= 30 {
		return r.FloatString(places)
	}
	return fmt.Sprintf("%s/%s", r.Num(), r.Denom())
}
