package model

import (
	"strings"
)

// widths of numpy's types by their code.
var widths = map[string]int{"f8": 8, "f4": 4, "f2": 2, "i8": 8, "i4": 4, "i2": 2, "i1": 1, "u8": 8, "u4": 4, "u2": 2, "u1": 1, "b1": 1, "c16": 16, "c8": 8, "M8": 8, "m8": 8}

// joblib returns what reads the array that a joblib file keeps right after the
// wrapper that announces it.
func (w *walk) joblib(m *machine) func(*object) int {
	return func(o *object) int {
		if !strings.HasSuffix(o.of.module, "numpy_pickle") || o.of.name != "NumpyArrayWrapper" {
			return 0
		}
		d, ok := o.state.(*dict)
		if !ok {
			return -1
		}
		var shape []int
		width, objects, align := 0, false, false
		for i := 0; i+1 < len(d.at); i += 2 {
			switch k, _ := d.at[i].(string); k {
			case "shape":
				if shape, ok = ints(d.at[i+1]); !ok {
					return -1
				}
			case "dtype":
				width, objects = dtypeWidth(d.at[i+1])
			case "numpy_array_alignment_bytes":
				_, align = d.at[i+1].(int64)
			}
		}
		if objects { // a pickle of its own follows
			inner := &machine{in: m.in, at: m.at}
			inner.after = w.joblib(inner)
			made, err := inner.run()
			m.globals = append(m.globals, inner.globals...)
			if err != nil {
				return -1
			}
			w.item(made, "", 1)
			return inner.at - m.at
		}
		n := width
		for _, s := range shape {
			if s < 0 || s > 1<<28 || n > 1<<30 {
				return -1
			}
			n *= s
		}
		if width == 0 {
			return -1
		}
		pad := 0
		if align {
			if m.at >= len(m.in) {
				return -1
			}
			pad = 1 + int(m.in[m.at])
		}
		if m.at+pad+n > len(m.in) {
			return -1
		}
		d.at = append(d.at, "\x00data", raw{m.in[m.at+pad : m.at+pad+n]})
		return pad + n
	}
}

// dtypeWidth is the width of an element, or that elements are objects.
func dtypeWidth(x item) (width int, objects bool) {
	o, ok := x.(*object)
	if !ok || len(o.args) == 0 {
		return 0, false
	}
	code, _ := o.args[0].(string)
	if code == "O8" || code == "O" || code == "O4" {
		return 0, true
	}
	if n, ok := widths[code]; ok {
		return n, false
	}
	digits := 0
	for _, c := range strings.TrimLeft(code, "USVa") {
		if c < '0' || c > '9' {
			return 0, false
		}
		digits = digits*10 + int(c-'0')
	}
	if strings.HasPrefix(code, "U") {
		digits *= 4
	}
	return digits, false
}
