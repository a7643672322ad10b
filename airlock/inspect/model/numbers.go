package model

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock/inspect/look"
)

// mostNumbers bounds what is handed on of one file: a model with more has
// failed already.
const mostNumbers = 400_000

// give hands numbers on in the order they are stored, for whoever holds the
// extract to look for its rows among them.
func (c *contents) give(v []float64) {
	if len(v) < 3 || c.given+len(v) > mostNumbers {
		return
	}
	c.given += len(v)
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	c.r.Numbers = append(c.r.Numbers, out)
}

// giveArray hands an array on by rows, and by columns too where it has both:
// which of them are records can't be told from the array.
func (c *contents) giveArray(v []float64, shape []int) {
	c.give(v)
	if len(shape) < 2 || shape[0] < 2 || len(v) == 0 || len(v)%shape[0] != 0 || len(v) == shape[0] {
		return
	}
	c.give(turned(v, shape[0]))
}

// turned is a table of so many rows read column by column.
func turned(v []float64, rows int) []float64 {
	cols := len(v) / rows
	out := make([]float64, 0, len(v))
	for j := range cols {
		for i := range rows {
			out = append(out, v[i*cols+j])
		}
	}
	return out
}

// giveBeside hands on what vectors of one length hold at the same place: the
// columns of a table kept one by one.
func (c *contents) giveBeside(vectors [][]float64) {
	byLength := map[int][][]float64{}
	var order []int
	for _, v := range vectors {
		if len(v) == 0 {
			continue
		}
		if byLength[len(v)] == nil {
			order = append(order, len(v))
		}
		byLength[len(v)] = append(byLength[len(v)], v)
	}
	for _, n := range order {
		if k := len(byLength[n]); k >= 3 && k*n <= mostNumbers {
			all := make([]float64, 0, k*n)
			for _, v := range byLength[n] {
				all = append(all, v...)
			}
			c.give(turned(all, k))
		}
	}
}

// numbersOf are the numbers of a list, or of an array of one dimension.
func numbersOf(x item) []float64 {
	var at []item
	switch x := x.(type) {
	case *list:
		at = x.at
	case *tuple:
		at = x.at
	case *object:
		v, shape := x.numbers()
		if len(shape) != 1 {
			return nil
		}
		return v
	default:
		return nil
	}
	v := plainNumbers(at)
	if len(v) != len(at) {
		return nil
	}
	return v
}

// plainNumbers are those of some items that are numbers themselves.
func plainNumbers(xs []item) []float64 {
	var out []float64
	for _, x := range xs {
		switch x := x.(type) {
		case int64:
			out = append(out, float64(x))
		case float64:
			out = append(out, x)
		case *object:
			if strings.HasSuffix(x.of.module, "multiarray") && x.of.name == "scalar" && len(x.args) == 2 {
				out = append(out, decoded(x.args[0], stored(x.args[1]))...)
			}
		}
	}
	return out
}

// numbers are an array's numbers as they are stored, and its shape.
func (o *object) numbers() ([]float64, []int) {
	var dtype item
	var data []byte
	var shape []int
	byColumns := false
	if t, ok := o.state.(*tuple); ok && len(t.at) == 5 { // numpy's own
		shape, _ = ints(t.at[1])
		dtype = t.at[2]
		data = stored(t.at[4])
		byColumns, _ = t.at[3].(bool)
	}
	if d, ok := o.state.(*dict); ok { // joblib's wrapper
		for i := 0; i+1 < len(d.at); i += 2 {
			switch k, _ := d.at[i].(string); k {
			case "shape":
				shape, _ = ints(d.at[i+1])
			case "dtype":
				dtype = d.at[i+1]
			case "order":
				byColumns = d.at[i+1] == "F"
			case "\x00data":
				data = stored(d.at[i+1])
			}
		}
	}
	if byColumns { // what is stored are the rows of its mirror
		slices.Reverse(shape)
	}
	return decoded(dtype, data), shape
}

// stored are the bytes that an item is: as they are, or as the Latin-1 text of
// them that pickles of protocol 2 keep.
func stored(x item) []byte {
	switch x := x.(type) {
	case raw:
		return x.b
	case *object:
		if x.of.module == "_codecs" && x.of.name == "encode" && len(x.args) > 0 {
			text, _ := x.args[0].(string)
			out := make([]byte, 0, len(text))
			for _, r := range text {
				out = append(out, byte(r))
			}
			return out
		}
	}
	return nil
}

// decoded are the numbers that bytes of numpy's type are; none for a type that
// is not of numbers.
func decoded(dtype item, b []byte) []float64 {
	d, ok := dtype.(*object)
	if !ok || len(d.args) == 0 {
		return nil
	}
	code, _ := d.args[0].(string)
	var end binary.ByteOrder = binary.LittleEndian
	if t, ok := d.state.(*tuple); ok && len(t.at) > 1 && t.at[1] == ">" {
		end = binary.BigEndian
	}
	code = strings.TrimLeft(code, "<>|=")
	return numbersIn(code, b, end)
}

// numbersIn are numbers of a type by numpy's code for it.
func numbersIn(code string, b []byte, end binary.ByteOrder) []float64 {
	width := widths[code]
	if width == 0 || len(b)/width > mostNumbers {
		return nil
	}
	var at func([]byte) float64
	switch code {
	case "f8":
		at = func(p []byte) float64 { return math.Float64frombits(end.Uint64(p)) }
	case "f4":
		at = func(p []byte) float64 { return float64(math.Float32frombits(end.Uint32(p))) }
	case "i8":
		at = func(p []byte) float64 { return float64(int64(end.Uint64(p))) }
	case "u8":
		at = func(p []byte) float64 { return float64(end.Uint64(p)) }
	case "i4":
		at = func(p []byte) float64 { return float64(int32(end.Uint32(p))) }
	case "u4":
		at = func(p []byte) float64 { return float64(end.Uint32(p)) }
	case "i2":
		at = func(p []byte) float64 { return float64(int16(end.Uint16(p))) }
	case "u2":
		at = func(p []byte) float64 { return float64(end.Uint16(p)) }
	case "i1":
		at = func(p []byte) float64 { return float64(int8(p[0])) }
	case "u1":
		at = func(p []byte) float64 { return float64(p[0]) }
	default:
		return nil
	}
	out := make([]float64, 0, len(b)/width)
	for ; len(b) >= width; b = b[width:] {
		out = append(out, at(b))
	}
	return out
}

// Loose hands on the numbers of a JSON document: those beside each other in a
// list, and those of one object.
func Loose(s *look.Scope, r *look.Report, f look.File, doc any) {
	c := &contents{s: s, r: r, f: f}
	c.loose(doc, 0)
}

func (c *contents) loose(v any, depth int) {
	var inside []any
	switch v := v.(type) {
	case map[string]any:
		for _, k := range look.Keys(v) {
			inside = append(inside, v[k])
		}
	case []any:
		inside = v
	}
	if depth > 400 {
		return
	}
	var plain []float64
	var beside [][]float64
	for _, x := range inside {
		switch x := x.(type) {
		case float64:
			plain = append(plain, x)
		case []any:
			var column []float64
			for _, y := range x {
				if n, ok := y.(float64); ok {
					column = append(column, n)
				}
			}
			beside = append(beside, column)
		}
		c.loose(x, depth+1)
	}
	c.give(plain)
	c.giveBeside(beside)
}
