package disclosure

import (
	"context"
	"encoding/binary"
	"io"
	"math/big"
	"strconv"

	"github.com/ark-tre/ark/pkg/ark"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// PrivacyBudget is what has been spent of a profile's budget of differentially
// private releases. The zero value has spent nothing.
type PrivacyBudget struct {
	Spent []Spending `json:"spent"`
}

// Spending is one release's part of the budget; Epsilon is an exact decimal.
type Spending struct {
	ID      string `json:"id"`
	Epsilon string `json:"epsilon"`
}

// Spend books a release, or refuses: a profile without a budget refuses every
// one, and an id is booked once.
func (b *PrivacyBudget) Spend(p policy.Profile, id, epsilon string) error {
	if p.Privacy == nil || !p.Allows(policy.Private) {
		return ark.Faultf(ark.Forbidden, "the profile %s allows no differentially private releases", p.Name).Do("ask the custodian for a budget")
	}
	e, ok := ParseDecimal(epsilon)
	most, ok2 := ParseDecimal(p.Privacy.Most)
	total, ok3 := ParseDecimal(p.Privacy.Epsilon)
	if !ok || !ok2 || !ok3 || e.Sign() <= 0 || id == "" {
		return ark.Faultf(ark.Invalid, "a release needs an id and an epsilon above 0")
	}
	if e.Cmp(most) > 0 {
		return ark.Faultf(ark.TooMuch, "one release may spend an epsilon of %s", p.Privacy.Most)
	}
	sum := new(big.Rat).Set(e)
	for _, s := range b.Spent {
		x, ok := ParseDecimal(s.Epsilon)
		if !ok || x.Sign() <= 0 {
			return ark.Faultf(ark.Invalid, "the budget's record is damaged")
		}
		if s.ID == id {
			return ark.Faultf(ark.Conflict, "a release of this id was made already").Do("show it again as it was, instead of drawing new noise")
		}
		sum.Add(sum, x)
	}
	if sum.Cmp(total) > 0 {
		return ark.Faultf(ark.TooMuch, "the budget of %s is spent", p.Privacy.Epsilon).Do("no further release of these data can be made under this profile")
	}
	b.Spent = append(b.Spent, Spending{ID: id, Epsilon: epsilon})
	return nil
}

// PrivateTable is a differentially private table.
type PrivateTable struct {
	Table   string `json:"table"`
	Epsilon string `json:"epsilon"`
	PerCell int    `json:"people_per_cell"` // cells that one person may stand in
	Noised  int    `json:"noised"`
	Totals  int    `json:"totals"` // made of what is shown
}

// MakePrivate adds discrete Laplace noise to every count of a table that is no
// total and makes totals of them; other figures are withheld. most is how many
// cells one person may stand in. random must be secret and of good quality. The
// budget must have been spent before.
func MakePrivate(ctx context.Context, p policy.Profile, f File, epsilon string, most int64, random io.Reader) (*PrivateTable, error) {
	if p.Privacy == nil || !p.Allows(policy.Private) {
		return nil, ark.Faultf(ark.Forbidden, "the profile %s allows no differentially private releases", p.Name)
	}
	e, ok := ParseDecimal(epsilon)
	if !ok || e.Sign() <= 0 || most < 1 || most > 1<<20 {
		return nil, ark.Faultf(ark.Invalid, "epsilon must be a decimal above 0, and a person stand in at least one cell")
	}
	b, err := readAll(f.Reader)
	if err != nil {
		return nil, err
	}
	t, err := readTable(f.Name, b)
	if err != nil {
		return nil, ark.Faultf(ark.Invalid, "the table can't be read: %s", err)
	}
	r := &rounder{v: understand(t, p), p: p, out: map[[2]int]string{}, val: map[[2]int]int64{}, masked: map[[2]int]bool{}, made: map[[2]int]bool{}}
	scale := new(big.Rat).Quo(new(big.Rat).SetInt64(most), e)
	if scale.Num().BitLen() > 40 || scale.Denom().BitLen() > 40 {
		return nil, ark.Faultf(ark.Invalid, "epsilon has more digits than can be handled")
	}
	for _, s := range r.v.sites {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		at := [2]int{s.row, s.col}
		if s.kind != kCount || len(r.v.at[at]) > 1 {
			r.out[at] = "[withheld]"
			continue
		}
		n, err := discreteLaplace(random, scale)
		if err != nil {
			return nil, err
		}
		r.val[at] = s.v.n + n
		r.out[at] = strconv.FormatInt(r.val[at], 10)
		r.audit.Counts++
	}
	r.totals()
	out := &PrivateTable{Epsilon: epsilon, PerCell: int(most), Noised: r.audit.Counts - r.audit.Totals, Totals: r.audit.Totals}
	out.Table, err = r.v.t.write(func(i, c int) (string, bool) { s, ok := r.out[[2]int{i, c}]; return s, ok })
	return out, err
}

// discreteLaplace draws a whole number with probability proportional to
// exp(−|x|/scale), exactly: no floating point touches the draw. Canonne, Kamath
// and Steinke, The Discrete Gaussian for Differential Privacy (2020), algorithm 2.
func discreteLaplace(random io.Reader, scale *big.Rat) (int64, error) {
	t, s := scale.Num().Int64(), scale.Denom().Int64()
	for {
		u, err := uniform(random, t)
		if err != nil {
			return 0, err
		}
		d, err := bernoulliExp(random, u, t)
		if err != nil {
			return 0, err
		}
		if !d {
			continue
		}
		v := int64(0)
		for {
			more, err := bernoulliExp(random, 1, 1)
			if err != nil {
				return 0, err
			}
			if !more {
				break
			}
			v++
		}
		y := (u + t*v) / s
		sign, err := uniform(random, 2)
		if err != nil {
			return 0, err
		}
		if sign == 1 && y == 0 {
			continue
		}
		if sign == 1 {
			y = -y
		}
		return y, nil
	}
}

// bernoulliExp is true with probability exp(−a/b), 0 ≤ a ≤ b.
func bernoulliExp(random io.Reader, a, b int64) (bool, error) {
	for k := int64(1); ; k++ {
		// With probability a/(b·k) go on.
		u, err := uniform(random, b)
		if err != nil {
			return false, err
		}
		w, err := uniform(random, k)
		if err != nil {
			return false, err
		}
		if u >= a || w != 0 {
			return k%2 == 1, nil
		}
	}
}

// uniform draws from 0 to n−1 without bias.
func uniform(random io.Reader, n int64) (int64, error) {
	var b [8]byte
	limit := (uint64(1)<<63)/uint64(n)*uint64(n) - 1
	for {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return 0, err
		}
		if x := binary.BigEndian.Uint64(b[:]) >> 1; x <= limit {
			return int64(x % uint64(n)), nil
		}
	}
}
