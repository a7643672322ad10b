package model

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/ark-tre/ark/airlock/inspect/look"
)

// walk judges what a pickle would make, item by item.
type walk struct {
	c     *contents
	seen  map[item]bool
	items int
}

// item judges x, which its owner calls name.
func (w *walk) item(x item, name string, depth int) {
	if w.items++; w.items > 5_000_000 || depth > 200 {
		w.c.r.Add(w.c.f, "model-unknown", look.Nowhere, "what", "nesting")
		return
	}
	switch x := x.(type) {
	case string:
		w.c.text(x)
	case raw:
		if len(x.b) >= 64 && name != "numpy" {
			w.c.r.Add(w.c.f, "model-unknown", look.Nowhere, "what", "bytes")
		}
	case *tuple:
		w.many(x.at, name, depth, x)
	case *list:
		w.many(x.at, name, depth, x)
	case *dict:
		w.pairs(x.at, name, depth, x)
	case *object:
		w.object(x, name, depth)
	}
}

func (w *walk) many(xs []item, name string, depth int, self item) {
	if w.seen[self] {
		return
	}
	w.seen[self] = true
	plain := 0
	for _, x := range xs {
		switch x.(type) {
		case string, int64, float64, bool, nil:
			plain++
		}
		w.item(x, name, depth+1)
	}
	w.c.give(plainNumbers(xs))
	var beside [][]float64
	for _, x := range xs {
		beside = append(beside, numbersOf(x))
	}
	w.c.giveBeside(beside)
	if plain >= manyRows {
		w.c.array(name, []int{plain})
	} else {
		w.c.numbers += plain
	}
	if rows := recordsOf(xs); rows >= manyRows/2 {
		w.c.stores("a list of records", rows)
	}
}

// recordsOf counts entries that are themselves short lists of the same length.
func recordsOf(xs []item) int {
	width, n := -1, 0
	for _, x := range xs {
		k := 0
		switch x := x.(type) {
		case *list:
			k = len(x.at)
		case *tuple:
			k = len(x.at)
		case *dict:
			k = len(x.at) / 2
		}
		if k >= 2 && (width < 0 || k == width) {
			width = k
			n++
		}
	}
	return n
}

func (w *walk) pairs(xs []item, _ string, depth int, self item) {
	if w.seen[self] {
		return
	}
	w.seen[self] = true
	var values []item
	var beside [][]float64
	for i := 1; i < len(xs); i += 2 {
		values = append(values, xs[i])
		beside = append(beside, numbersOf(xs[i]))
	}
	w.c.give(plainNumbers(values))
	w.c.giveBeside(beside)
	for i := 0; i+1 < len(xs); i += 2 {
		key, _ := xs[i].(string)
		if key != "" {
			w.c.text(key)
		}
		switch v := xs[i+1].(type) {
		case int64:
			w.leaf(key, float64(v))
		}
		w.item(xs[i+1], key, depth+1)
	}
	if len(xs) >= 2*10*manyRows {
		w.c.stores("a mapping as long as a table", len(xs)/2)
	}
}

// leaf judges settings that let leaves be small.
func (w *walk) leaf(key string, v float64) {
	if key == "min_samples_leaf" && v >= 1 && v < leastLeaf && w.c.treeClass() {
		w.c.r.Add(w.c.f, "model-pure-class", look.Nowhere, "min_samples_leaf", look.Itoa(int(v)))
	}
}

func (c *contents) treeClass() bool {
	for _, k := range c.classes {
		if strings.Contains(k, "Tree") || strings.Contains(k, "Forest") || strings.Contains(k, "Boosting") {
			return true
		}
	}
	return false
}

func (w *walk) object(o *object, name string, depth int) {
	if w.seen[o] {
		return
	}
	w.seen[o] = true
	full := o.of.module + "." + o.of.name
	switch {
	case strings.HasSuffix(full, "multiarray._reconstruct"), full == "numpy.ndarray":
		w.numpy(o, name)
		return
	case strings.HasSuffix(o.of.module, "multiarray") && o.of.name == "scalar":
		w.c.numbers++
		return
	case strings.HasSuffix(full, "_frombuffer"):
		if len(o.args) >= 3 {
			if shape, ok := ints(o.args[2]); ok {
				w.c.array(name, shape)
				if b, ok := o.args[0].(raw); ok {
					w.c.giveArray(decoded(o.args[1], b.b), shape)
				}
				return
			}
		}
		w.c.r.Add(w.c.f, "model-unknown", look.Nowhere, "what", "an array")
		return
	case strings.HasSuffix(full, "NumpyArrayWrapper"):
		w.wrapped(o, name)
		return
	case full == "numpy.dtype":
		return
	case strings.HasSuffix(full, "_tree.Tree"):
		w.tree(o, depth)
		return
	}
	for _, a := range o.args {
		w.item(a, name, depth+1)
	}
	if strings.HasSuffix(full, "xgboost.core.Booster") || strings.HasSuffix(full, "lightgbm.basic.Booster") {
		w.booster(o)
		return
	}
	w.item(o.state, name, depth+1)
	if len(o.set) > 0 {
		if strings.HasSuffix(o.of.name, "Dict") || strings.HasSuffix(o.of.name, "dict") || o.of.name == "Counter" {
			w.pairs(o.set, name, depth+1, &dict{})
		} else {
			w.many(o.set, name, depth+1, &list{})
		}
	}
}

// wrapped judges an array whose data joblib keeps behind its wrapper.
func (w *walk) wrapped(o *object, name string) {
	d, ok := o.state.(*dict)
	if !ok {
		return
	}
	var dtype item
	var data []byte
	for i := 0; i+1 < len(d.at); i += 2 {
		switch k, _ := d.at[i].(string); k {
		case "shape":
			if shape, ok := ints(d.at[i+1]); ok {
				w.c.array(name, shape)
			}
		case "dtype":
			dtype = d.at[i+1]
		case "\x00data":
			if r, ok := d.at[i+1].(raw); ok {
				data = r.b
			}
		}
	}
	w.c.giveArray(o.numbers())
	w.strings(dtype, data)
}

// booster searches a serialised ensemble, which is JSON of its own.
func (w *walk) booster(o *object) {
	d, ok := o.state.(*dict)
	if !ok {
		w.c.r.Add(w.c.f, "model-unknown", look.Nowhere, "what", "an ensemble")
		return
	}
	for i := 0; i+1 < len(d.at); i += 2 {
		switch v := d.at[i+1].(type) {
		case raw:
			w.c.r.Add(w.c.f, "model-unknown", look.Nowhere, "what", "an ensemble in a form of its own")
		case string:
			if len(v) > 200 {
				boosted(w.c, v)
			} else {
				w.c.text(v)
			}
		}
	}
}

// ints reads a tuple of whole numbers.
func ints(x item) ([]int, bool) {
	t, ok := x.(*tuple)
	if !ok {
		if n, ok := x.(int64); ok {
			return []int{int(n)}, true
		}
		return nil, false
	}
	var out []int
	for _, v := range t.at {
		n, ok := v.(int64)
		if !ok {
			return nil, false
		}
		out = append(out, int(n))
	}
	return out, true
}

// numpy judges an array: state is (version, shape, dtype, order, data).
func (w *walk) numpy(o *object, name string) {
	t, ok := o.state.(*tuple)
	if !ok || len(t.at) != 5 {
		w.c.r.Add(w.c.f, "model-unknown", look.Nowhere, "what", "an array")
		return
	}
	shape, ok := ints(t.at[1])
	if !ok {
		w.c.r.Add(w.c.f, "model-unknown", look.Nowhere, "what", "an array")
		return
	}
	w.c.array(name, shape)
	w.c.giveArray(o.numbers())
	switch d := t.at[4].(type) {
	case *list: // an array of objects
		w.many(d.at, name, 1, d)
	case raw:
		w.strings(t.at[2], d.b)
	}
}

// strings searches the texts of an array of them.
func (w *walk) strings(dtype item, b []byte) {
	d, ok := dtype.(*object)
	if !ok || len(d.args) == 0 {
		return
	}
	code, _ := d.args[0].(string)
	switch {
	case strings.HasPrefix(code, "U") && len(b) < 4<<20:
		var s strings.Builder
		for i := 0; i+4 <= len(b); i += 4 {
			if c := binary.LittleEndian.Uint32(b[i:]); c != 0 {
				s.WriteRune(rune(c))
			} else {
				s.WriteByte(' ')
			}
		}
		w.c.text(strings.Join(strings.Fields(s.String()), " | "))
	case strings.HasPrefix(code, "S") && len(b) < 4<<20:
		w.c.text(strings.Join(strings.Fields(strings.ReplaceAll(string(b), "\x00", " ")), " | "))
	}
}

// nodeSize is the length of a node of a scikit-learn tree, by version: two
// links, feature, threshold, impurity, records, weighted records, and since
// 1.3 where missing values go.
var nodeSizes = []int{64, 56}

// tree judges one decision tree: how many records its leaves hold.
func (w *walk) tree(o *object, depth int) {
	w.c.trees = true
	d, ok := o.state.(*dict)
	if !ok {
		w.c.r.Add(w.c.f, "model-unknown", look.Nowhere, "what", "a tree")
		return
	}
	for i := 0; i+1 < len(d.at); i += 2 {
		key, _ := d.at[i].(string)
		if key != "nodes" {
			continue
		}
		arr, ok := d.at[i+1].(*object)
		if !ok {
			break
		}
		if b, n, ok := arr.bytes(); ok {
			w.nodes(b, n)
			return
		}
	}
	w.c.r.Add(w.c.f, "model-unknown", look.Nowhere, "what", "a tree's nodes")
}

// bytes are an array's data and its length.
func (o *object) bytes() ([]byte, int, bool) {
	t, ok := o.state.(*tuple)
	if ok && len(t.at) == 5 {
		shape, ok1 := ints(t.at[1])
		b, ok2 := t.at[4].(raw)
		if ok1 && ok2 && len(shape) == 1 {
			return b.b, shape[0], true
		}
	}
	if d, ok := o.state.(*dict); ok { // joblib keeps data behind the wrapper
		shape, data := -1, []byte(nil)
		for i := 0; i+1 < len(d.at); i += 2 {
			switch k, _ := d.at[i].(string); k {
			case "shape":
				if s, ok := ints(d.at[i+1]); ok && len(s) == 1 {
					shape = s[0]
				}
			case "\x00data":
				if r, ok := d.at[i+1].(raw); ok {
					data = r.b
				}
			}
		}
		if shape >= 0 && data != nil {
			return data, shape, true
		}
	}
	return nil, 0, false
}

// nodes reads a tree's nodes and judges its leaves.
func (w *walk) nodes(b []byte, n int) {
	size := 0
	for _, s := range nodeSizes {
		if n > 0 && len(b) == s*n {
			size = s
		}
	}
	if size == 0 {
		w.c.r.Add(w.c.f, "model-unknown", look.Nowhere, "what", "a tree's nodes")
		return
	}
	w.c.numbers += n
	least, pure := int64(math.MaxInt64), 0
	for i := range n {
		at := b[i*size:]
		if int64(binary.LittleEndian.Uint64(at)) != -1 {
			continue
		}
		least = min(least, int64(binary.LittleEndian.Uint64(at[40:])))
		if math.Float64frombits(binary.LittleEndian.Uint64(at[32:])) < 1e-9 {
			pure++
		}
	}
	if least < leastLeaf {
		w.c.r.Add(w.c.f, "model-small-leaf", look.Nowhere, "smallest_leaf", look.Itoa(int(least)))
	}
	if pure > 0 {
		w.c.r.Add(w.c.f, "model-pure-class", look.Nowhere, "pure_leaves", look.Itoa(pure))
	}
}
