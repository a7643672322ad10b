package suppress

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
)

// ID is a cell's identifier, a string or a number, given back as it came.
type ID struct {
	Key string // the text, without quotes
	raw json.RawMessage
}

// UnmarshalJSON accepts a string or a number.
func (id *ID) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*id = ID{Key: s, raw: bytes.Clone(b)}
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil || n == "" {
		return errors.New("an id must be a string or a number")
	}
	*id = ID{Key: n.String(), raw: bytes.Clone(b)}
	return nil
}

// MarshalJSON gives the id as it came.
func (id ID) MarshalJSON() ([]byte, error) {
	if id.raw == nil {
		return json.Marshal(id.Key)
	}
	return id.raw, nil
}

// Number is an exact rational read from a JSON number.
type Number struct{ *big.Rat }

// UnmarshalJSON reads a JSON number exactly.
func (n *Number) UnmarshalJSON(b []byte) error {
	s := string(b)
	if s == "null" {
		n.Rat = nil
		return nil
	}
	if len(s) > 60 || strings.Trim(s, "0123456789+-.eE") != "" {
		return errors.New("not a number that can be handled exactly")
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 && len(strings.TrimLeft(s[i+1:], "+-0")) > 2 {
		return errors.New("an exponent is out of range")
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return errors.New("not a number")
	}
	n.Rat = r
	return nil
}

// MarshalJSON prints the number exactly where its decimals end, else as the
// nearest floating-point number.
func (n Number) MarshalJSON() ([]byte, error) {
	if n.Rat == nil {
		return []byte("null"), nil
	}
	return []byte(Text(n.Rat)), nil
}

// Text prints a rational as a JSON number.
func Text(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	if d, ok := decimals(r.Denom()); ok {
		return r.FloatString(d)
	}
	f, _ := r.Float64()
	b, _ := json.Marshal(f)
	return string(b)
}

// decimals is how many decimal places a denominator of twos and fives needs.
func decimals(den *big.Int) (int, bool) {
	d, m, places := new(big.Int).Set(den), new(big.Int), [2]int{}
	for i, f := range []*big.Int{big.NewInt(2), big.NewInt(5)} {
		for {
			q, rem := new(big.Int).QuoRem(d, f, m)
			if rem.Sign() != 0 {
				break
			}
			d = q
			places[i]++
		}
	}
	n := max(places[0], places[1])
	return n, d.IsInt64() && d.Int64() == 1 && n <= 18
}

// Cell is one cell of the linked tables.
type Cell struct {
	ID           ID              `json:"id"`
	Labels       json.RawMessage `json:"labels,omitempty"`
	Value        Number          `json:"value"`
	Weight       Number          `json:"weight"`
	LB           Number          `json:"lb"` // nil: unbounded
	UB           Number          `json:"ub"`
	Eligible     *bool           `json:"eligible,omitempty"` // nil: true
	Contributors *int64          `json:"contributors,omitempty"`
	Owner        json.RawMessage `json:"owner,omitempty"`
}

// Equation says that a cell is the sum of others.
type Equation struct {
	Total ID   `json:"total"`
	Parts []ID `json:"parts"`
}

// Primary is a cell that must be withheld, with how far the attacker must be
// kept: lpl below, upl above, spl between his bounds.
type Primary struct {
	Cell ID     `json:"cell"`
	LPL  Number `json:"lpl"`
	UPL  Number `json:"upl"`
	SPL  Number `json:"spl"`
}

// Problem is linked tables with the cells to protect.
type Problem struct {
	Cells      []Cell     `json:"cells"`
	Equations  []Equation `json:"equations"`
	Primary    []Primary  `json:"primary"`
	Suppressed []ID       `json:"suppressed,omitempty"` // of a pattern to audit
}

// Limits on what is read.
const (
	maxInput = 256 << 20
	maxCells = 200_000
)

func misuse(format string, args ...any) error {
	return ark.Faultf(ark.Invalid, "the problem is not valid: "+format, args...)
}

// Read reads a problem or a pattern strictly.
func Read(r io.Reader) (*Problem, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err != nil {
		return nil, misuse("it can't be read").(*ark.Fault).Because(err)
	}
	if len(b) > maxInput {
		return nil, misuse("it is larger than 256 MiB")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var p Problem
	if err := d.Decode(&p); err != nil {
		return nil, misuse("%v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, misuse("more follows the problem")
	}
	return &p, nil
}

// table is a validated problem by index.
type table struct {
	p       *Problem
	n       int
	value   []*big.Rat
	down    []*big.Rat // value − lb; nil: unbounded
	up      []*big.Rat // ub − value; nil: unbounded
	weight  []float64
	wrat    []*big.Rat
	free    []bool // may be suppressed
	eqs     []row
	of      [][]int // equations of each cell
	primary []guard
	isPrim  []bool
	index   map[string]int
	given   []bool // the pattern to audit
}

// row is an equation: Σ sign·cell = 0.
type row struct {
	cells []int
	signs []int
}

// guard is a primary by index.
type guard struct {
	cell          int
	lpl, upl, spl *big.Rat
}

// exactOnly reports whether the guard asks for max > min and no more.
func (g guard) exactOnly() bool {
	return g.lpl.Sign() == 0 && g.upl.Sign() == 0 && g.spl.Sign() == 0
}

// compile validates a problem.
func compile(p *Problem) (*table, error) {
	t := &table{p: p, n: len(p.Cells), index: map[string]int{}}
	if t.n == 0 || t.n > maxCells {
		return nil, misuse("it needs between 1 and %d cells", maxCells)
	}
	for i, c := range p.Cells {
		if c.ID.raw == nil {
			return nil, misuse("cell %d has no id", i+1)
		}
		if _, dup := t.index[c.ID.Key]; dup {
			return nil, misuse("the id of cell %d is given twice", i+1)
		}
		t.index[c.ID.Key] = i
		w := c.Weight.Rat
		if w == nil {
			w = big.NewRat(1, 1)
		}
		if c.Value.Rat == nil || w.Sign() < 0 {
			return nil, misuse("cell %d needs a value and a weight of at least 0", i+1)
		}
		var down, up *big.Rat
		if c.LB.Rat != nil {
			if down = new(big.Rat).Sub(c.Value.Rat, c.LB.Rat); down.Sign() < 0 {
				return nil, misuse("the value of cell %d is below its bound", i+1)
			}
		}
		if c.UB.Rat != nil {
			if up = new(big.Rat).Sub(c.UB.Rat, c.Value.Rat); up.Sign() < 0 {
				return nil, misuse("the value of cell %d is above its bound", i+1)
			}
		}
		wf, _ := w.Float64()
		t.value, t.down, t.up = append(t.value, c.Value.Rat), append(t.down, down), append(t.up, up)
		t.weight, t.wrat, t.free = append(t.weight, wf), append(t.wrat, w), append(t.free, c.Eligible == nil || *c.Eligible)
	}
	t.of, t.isPrim, t.given = make([][]int, t.n), make([]bool, t.n), make([]bool, t.n)
	if err := t.equations(); err != nil {
		return nil, err
	}
	for i, q := range p.Primary {
		c, ok := t.index[q.Cell.Key]
		if !ok || t.isPrim[c] {
			return nil, misuse("primary %d names no cell, or one named before", i+1)
		}
		t.isPrim[c] = true
		g := guard{cell: c, lpl: orZero(q.LPL), upl: orZero(q.UPL), spl: orZero(q.SPL)}
		if g.lpl.Sign() < 0 || g.upl.Sign() < 0 || g.spl.Sign() < 0 {
			return nil, misuse("a protection level of primary %d is negative", i+1)
		}
		t.primary = append(t.primary, g)
	}
	for i, id := range p.Suppressed {
		c, ok := t.index[id.Key]
		if !ok {
			return nil, misuse("suppressed cell %d is not among the cells", i+1)
		}
		t.given[c] = true
	}
	return t, nil
}

func orZero(n Number) *big.Rat {
	if n.Rat == nil {
		return new(big.Rat)
	}
	return n.Rat
}

// equations reads the equations and checks that the table is additive.
func (t *table) equations() error {
	for k, e := range t.p.Equations {
		total, ok := t.index[e.Total.Key]
		if !ok || len(e.Parts) == 0 {
			return misuse("equation %d names an unknown total or has no parts", k+1)
		}
		r := row{cells: []int{total}, signs: []int{-1}}
		sum := new(big.Rat)
		seen := map[int]bool{total: true}
		for _, id := range e.Parts {
			c, ok := t.index[id.Key]
			if !ok || seen[c] {
				return misuse("equation %d names a part that is unknown or given twice", k+1)
			}
			seen[c] = true
			sum.Add(sum, t.value[c])
			r.cells, r.signs = append(r.cells, c), append(r.signs, 1)
		}
		if sum.Cmp(t.value[total]) != 0 {
			return misuse("the table is not additive: equation %d doesn't add up", k+1)
		}
		for _, c := range r.cells {
			t.of[c] = append(t.of[c], k)
		}
		t.eqs = append(t.eqs, r)
	}
	return nil
}

// NumberID is a whole number as a cell's id.
func NumberID(n int) ID {
	s := strconv.Itoa(n)
	return ID{Key: s, raw: json.RawMessage(s)}
}
