package fsck

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/objects"
)

// Rows of tables are compared without the keys that each Ark draws for itself:
// a keyed name stands for what it joins. It gets a colour from the rows that
// hold it, those rows get theirs from their values and the colours of the keyed
// names in them, and so on for as many rounds as tables are apart. Two Arks
// then agree on a table if they hold the same rows, joined in the same way.

const rounds = 4

var keyedForm = regexp.MustCompile(`^[0-9A-Za-z]{13,64}$`)

type colour [16]byte

// mix hashes parts to a colour.
func mix(parts ...[]byte) (c colour) {
	h := sha256.New()
	var n [8]byte
	for _, p := range parts {
		binary.LittleEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write(p)
	}
	copy(c[:], h.Sum(nil))
	return c
}

// add puts a colour into a sum that the order does not change.
func (c *colour) add(x colour) {
	for i := 0; i < 16; i += 8 {
		binary.LittleEndian.PutUint64(c[i:], binary.LittleEndian.Uint64(c[i:])+binary.LittleEndian.Uint64(x[i:]))
	}
}

// Weights are estimated from pairs that are drawn by keyed names, so they and
// the evidence of pairs that were looked at differ from Ark to Ark, however
// alike the persons are that come out.
const (
	evidence = "links.parquet"
	weight   = "weight"
)

// table is one table of the object store: of each row, a hash of its values and
// the keyed names in it.
type table struct {
	label string
	keyed []string // the columns of keyed names
	plain []string
	rows  []colour
	names [][]string // by column of keyed, then row
}

// zonesOfRows hold tables of rows. What is in the zones before them differs
// with the evidence of linkage, and shows here as far as anybody will see it.
var zonesOfRows = []objects.Zone{objects.Versions, objects.Extracts}

// contents writes a line for every table of the object store.
func contents(ctx context.Context, stores map[objects.Zone][]*objects.Store) ([]string, error) {
	var all []*table
	for _, z := range zonesOfRows {
		if len(stores[z]) == 0 {
			continue
		}
		var names []string
		for meta, err := range stores[z][0].List(ctx, z, "") {
			if err != nil {
				return nil, err
			}
			if strings.HasSuffix(meta.Name, ".parquet") && path.Base(meta.Name) != evidence {
				names = append(names, meta.Name)
			}
		}
		for _, name := range names {
			t, err := readTable(ctx, stores[z], z, name)
			if ark.Is(err, ark.Lapsed) {
				continue // its project is closed, or its version destroyed
			}
			if err != nil {
				return nil, fmt.Errorf("read %s/%s: %w", z, name, err)
			}
			all = append(all, t)
		}
	}
	return digests(all), nil
}

// digests is a line for each table that the names drawn do not change.
func digests(all []*table) []string {
	of := map[string]colour{}
	for range rounds {
		of = paint(all, of)
	}
	out := make([]string, 0, len(all))
	for _, t := range all {
		sum := colour{}
		for i := range t.rows {
			sum.add(t.colour(i, of))
		}
		out = append(out, fmt.Sprintf("rows %s: %d, columns %s, keyed %s, content %x", t.label, len(t.rows), strings.Join(t.plain, " "), strings.Join(t.keyed, " "), sum))
	}
	slices.Sort(out)
	return out
}

// colour is the colour of row i.
func (t *table) colour(i int, of map[string]colour) colour {
	parts := [][]byte{t.rows[i][:]}
	for k, name := range t.keyed {
		c := of[t.names[k][i]]
		parts = append(parts, []byte(name), c[:])
	}
	return mix(parts...)
}

// paint gives every keyed name the colour of the rows that hold it.
func paint(all []*table, was map[string]colour) map[string]colour {
	is := map[string]colour{}
	for _, t := range all {
		for i := range t.rows {
			row := t.colour(i, was)
			for k, name := range t.keyed {
				sum := is[t.names[k][i]]
				sum.add(mix(row[:], []byte(name)))
				is[t.names[k][i]] = sum
			}
		}
	}
	delete(is, "")
	return is
}

func readTable(ctx context.Context, stores []*objects.Store, z objects.Zone, name string) (t *table, err error) {
	for _, st := range stores {
		if t, err = readTableAs(ctx, st, z, name); err == nil || !ark.Is(err, ark.Forbidden) {
			return t, err
		}
	}
	return t, err
}

func readTableAs(ctx context.Context, st *objects.Store, z objects.Zone, name string) (*table, error) {
	ref, err := st.Stat(ctx, z, name)
	if err != nil {
		return nil, err
	}
	f, err := st.OpenAt(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := columnar.Open(f, f.Size(), columnar.Limits{})
	if err != nil {
		return nil, err
	}
	columns := r.Schema().Names()
	cells := make([][]string, len(columns))
	for rec, err := range r.Records(ctx) {
		if err != nil {
			return nil, err
		}
		for c := range columns {
			for i := range int(rec.NumRows()) {
				v := "" // no value
				if col := rec.Column(c); col.IsValid(i) {
					v = "=" + idInside.ReplaceAllStringFunc(col.ValueStr(i), kind) // organisations and sources are numbered by each Ark
				}
				cells[c] = append(cells[c], v)
			}
		}
	}
	t := &table{label: idInside.ReplaceAllStringFunc(string(z)+"/"+name, kind)}
	keyed := make([]bool, len(columns))
	for c, name := range columns {
		sidecar := path.Base(t.label) == "sidecar.parquet" && name != "table" || path.Base(t.label) == "aliases.parquet" // numbers of this extract alone
		if name == weight {
			for i := range cells[c] {
				cells[c][i] = ""
			}
			continue
		}
		if keyed[c] = sidecar || isKeyed(cells[c]); !keyed[c] {
			t.plain = append(t.plain, name)
			continue
		}
		t.keyed = append(t.keyed, name)
		if sidecar {
			for i, v := range cells[c] {
				of := "" // a person is one in every table, a row is one of its table
				if t := slices.Index(columns, "table"); t >= 0 && name == "row" {
					of = cells[t][i]
				}
				cells[c][i] = ref.Name + of + " " + name + v
			}
		}
		t.names = append(t.names, cells[c])
	}
	for i := range int(r.NumRows()) {
		parts := [][]byte{[]byte(t.label)}
		for c, name := range columns {
			if !keyed[c] {
				parts = append(parts, []byte(name), []byte(cells[c][i]))
			}
		}
		t.rows = append(t.rows, mix(parts...))
	}
	return t, nil
}

// isKeyed reports whether a column holds keyed names: long words of letters
// and digits alone, in every row.
func isKeyed(cells []string) bool {
	letters, digits := false, false
	for _, v := range cells {
		if v == "" {
			continue
		}
		if !keyedForm.MatchString(v[1:]) {
			return false
		}
		letters = letters || strings.ContainsAny(v, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
		digits = digits || strings.ContainsAny(v, "0123456789")
	}
	return letters && digits
}
