package model

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/airlock/inspect/look"
)

// stataTypes are the codes of formats 117 and later.
const (
	stDouble, stFloat, stLong, stInt, stByte, stLongString = 65526, 65527, 65528, 65529, 65530, 32768
)

// Stata looks at a Stata data file of format 117 or later as the table it is.
// Earlier formats, and Stata's graphs and estimates, are not understood.
func Stata(s *look.Scope, f look.File) look.Report {
	r := look.Report{Media: "application/x-stata-dta"}
	unknown := func() look.Report {
		r.Add(f, "model-unknown", look.Nowhere, "what", "this format of Stata")
		return r
	}
	d := f.Data
	if !bytes.HasPrefix(d, []byte("<stata_dta><header><release>")) || !bytes.HasSuffix(d, []byte("</stata_dta>")) {
		return unknown()
	}
	release := string(d[28:31])
	lsf := bytes.Contains(d[:min(len(d), 80)], []byte("<byteorder>LSF</byteorder>"))
	if !lsf || release != "117" && release != "118" && release != "119" {
		return unknown()
	}
	part := func(name string) []byte {
		a := bytes.Index(d, []byte("<"+name+">"))
		z := bytes.Index(d, []byte("</"+name+">"))
		if a < 0 || z < a {
			return nil
		}
		return d[a+len(name)+2 : z]
	}
	k, n := 0, 0
	kb, nb := part("K"), part("N")
	for i := len(kb) - 1; i >= 0; i-- {
		k = k<<8 | int(kb[i])
	}
	for i := len(nb) - 1; i >= 0; i-- {
		n = n<<8 | int(nb[i])
	}
	types, names, data := part("variable_types"), part("varnames"), part("data")
	width := map[string]int{"117": 33, "118": 129, "119": 129}[release]
	if k <= 0 || k > 5000 || n < 0 || n > 50_000_000 || len(types) != 2*k || len(names) != k*width {
		return unknown()
	}
	for _, name := range []string{"label", "characteristics", "strls", "value_labels", "variable_labels"} {
		for _, w := range strings.FieldsFunc(strings.Map(printable, string(part(name))), func(r rune) bool { return r == ' ' }) {
			s.Word(&r, f, look.Nowhere, w)
		}
	}
	if len(part("strls")) > 0 || len(part("characteristics")) > 4000 {
		r.Add(f, "model-unknown", look.Nowhere, "what", "long texts")
	}
	sizes, size := make([]int, k), 0
	for i := range k {
		t := int(binary.LittleEndian.Uint16(types[2*i:]))
		switch {
		case t <= 2045:
			sizes[i] = t
		case t == stDouble, t == stLongString:
			sizes[i] = 8
		case t == stFloat, t == stLong:
			sizes[i] = 4
		case t == stInt:
			sizes[i] = 2
		case t == stByte:
			sizes[i] = 1
		default:
			return unknown()
		}
		size += sizes[i]
	}
	if len(data) != n*size {
		return unknown()
	}
	c := &contents{s: s, r: &r, f: f, numbers: n * k}
	if n > 20*look.DefaultRows {
		c.stores("a table", n)
		return c.finish()
	}
	t := look.Table{Rows: [][]string{nil}}
	for i := range k {
		t.Rows[0] = append(t.Rows[0], cstring(names[i*width:(i+1)*width]))
	}
	for row := range n {
		at := data[row*size:]
		var out []string
		for i := range k {
			out = append(out, stataCell(int(binary.LittleEndian.Uint16(types[2*i:])), at[:sizes[i]]))
			at = at[sizes[i]:]
		}
		t.Rows = append(t.Rows, out)
	}
	s.Table(&r, f, t)
	r.Tables = []look.Table{t}
	r.Rebuilt, r.Ending = look.CSV(t, ','), "csv"
	return c.finish()
}

func cstring(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return strings.ToValidUTF8(string(b), "?")
}

func stataCell(kind int, b []byte) string {
	v := 0.0
	switch {
	case kind <= 2045:
		return cstring(b)
	case kind == stDouble:
		v = math.Float64frombits(binary.LittleEndian.Uint64(b))
	case kind == stFloat:
		v = float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	case kind == stLong:
		v = float64(int32(binary.LittleEndian.Uint32(b)))
	case kind == stInt:
		v = float64(int16(binary.LittleEndian.Uint16(b)))
	case kind == stByte:
		v = float64(int8(b[0]))
	default:
		return "text"
	}
	if v > 8e307 || v == 32741 && kind == stInt || v == 101 && kind == stByte || kind == stFloat && v > 1.7e38 || kind == stLong && v == 2147483621 {
		return "" // missing
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
