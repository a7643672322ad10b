package linkage

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"slices"
	"strconv"

	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// coarse are the demographics that linkage reconciles, in order.
func coarse() []string { return []string{"year_of_birth", "sex", "lsoa", "imd_decile", "ethnicity"} }

// person is one row of persons.parquet; values in the order of coarse.
type person struct {
	ordinal uint32
	id      string
	values  [5]string
	place   string // key of where the person was last said to live: the postcode
	home    string // key of the household: postcode and street
}

// lives sets where each person was last said to live, as keys that tell nothing
// but that two people share a home or a postcode. Of what one delivery says, an
// address with a street comes first, then the greater one: record keys differ
// from Ark to Ark, and their order decides nothing.
func (p *people) lives(key []byte, r *records, of []uint32, persons []person) {
	code, street := r.canon.Col(string(model.Postcode)), r.canon.Col(string(model.Street))
	if code == nil {
		return
	}
	type said struct {
		delivery int
		at       [2]uint32 // postcode and street
		set      bool
	}
	last := make([]said, len(p.ids)) // by person ordinal
	for i, k := range r.keys.IDs {
		if code.IDs[i] == 0 || of[k] == noNode {
			continue
		}
		now := said{delivery: int(r.canon.Source[i]), at: [2]uint32{code.IDs[i]}, set: true}
		if street != nil {
			now.at[1] = street.IDs[i]
		}
		if was := &last[of[k]]; !was.set || now.delivery > was.delivery || now.delivery == was.delivery && laterAddress(code, street, now.at, was.at) {
			*was = now
		}
	}
	places, homes := make([]string, code.Dict.Len()), map[[2]uint32]string{}
	for i := range persons {
		x, at := &persons[i], last[persons[i].ordinal].at
		if at[0] == 0 {
			continue
		}
		if places[at[0]] == "" {
			places[at[0]] = placeKey(key, "place", code.Dict.At(at[0]), "")
		}
		x.place, x.home = places[at[0]], ""
		if at[1] == 0 {
			continue
		}
		h, ok := homes[at]
		if !ok {
			h = placeKey(key, "household", code.Dict.At(at[0]), street.Dict.At(at[1]))
			homes[at] = h
		}
		x.home = h
	}
}

// laterAddress reports whether address a comes before b: it has a street where
// b has none, or is the greater text.
func laterAddress(code, street *frame.Column, a, b [2]uint32) bool {
	if a == b {
		return false
	}
	if (a[1] != 0) != (b[1] != 0) {
		return a[1] != 0
	}
	if a[0] != b[0] {
		return code.Dict.At(a[0]) > code.Dict.At(b[0])
	}
	return street.Dict.At(a[1]) > street.Dict.At(b[1])
}

// placeKey is a keyed hash of an address, in the form of a person id.
func placeKey(key []byte, what, code, street string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(what + "\x1f" + code + "\x1f" + street))
	return personText(binary.BigEndian.Uint64(h.Sum(nil)))
}

// reconcile gives each person the demographics that most of its records say;
// at a tie the latest delivery decides, then the greater value.
func (p *people) reconcile(r *records, demo *frame.Frame) []person {
	out := make([]person, len(p.ids))
	for o := range out {
		out[o] = person{ordinal: uint32(o), id: p.ids[o]}
	}
	keys := demo.Col("record_key")
	if keys != nil {
		who := p.ordinals(keys)
		for v, name := range coarse() {
			if c := demo.Col(name); c != nil {
				settle(out, v, keys, c, demo.Source, who)
			}
		}
	}
	slices.SortFunc(out, func(a, b person) int { return compareText(a.id, b.id) })
	return out
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// settle sets value v of every person from column c.
func settle(out []person, v int, keys, c *frame.Column, source []uint16, who []uint32) {
	type said struct {
		n, last int
	}
	votes := map[uint64]said{}
	for i, k := range keys.IDs {
		if o, id := who[k], c.IDs[i]; k != 0 && o != noNode && id != 0 {
			at := uint64(o)<<32 | uint64(id)
			s := votes[at]
			s.n++
			s.last = max(s.last, int(source[i]))
			votes[at] = s
		}
	}
	best := make([]said, len(out))
	for at, s := range votes {
		o, value := at>>32, c.Dict.At(uint32(at))
		b := best[o]
		if s.n > b.n || s.n == b.n && (s.last > b.last || s.last == b.last && value > out[o].values[v]) {
			best[o], out[o].values[v] = s, value
		}
	}
}

func writePersons(w io.Writer, ps []person) error {
	number := func(s string) cell.Value {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return cell.Null
		}
		return cell.Int(n)
	}
	return table(w, columnar.Schema{
		{Name: "person_id", Type: cell.String}, {Name: "year_of_birth", Type: cell.Int64, Nullable: true},
		{Name: "sex", Type: cell.String, Nullable: true}, {Name: "lsoa", Type: cell.String, Nullable: true},
		{Name: "imd_decile", Type: cell.Int64, Nullable: true}, {Name: "ethnicity", Type: cell.String, Nullable: true},
		{Name: "place", Type: cell.String, Nullable: true}, {Name: "household", Type: cell.String, Nullable: true},
	}, len(ps), func(i int, row []cell.Value) {
		p := &ps[i]
		row[0], row[1], row[2] = cell.Str(p.id), number(p.values[0]), text(p.values[1])
		row[3], row[4], row[5] = text(p.values[2]), number(p.values[3]), text(p.values[4])
		row[6], row[7] = text(p.place), text(p.home)
	})
}
