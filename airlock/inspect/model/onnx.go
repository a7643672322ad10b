package model

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/airlock/inspect/markup"
)

var errProto = errors.New("model: not a protocol buffer")

// field is one field of a protocol buffer message.
type field struct {
	number int
	value  uint64
	bytes  []byte // of wire type 2
}

// fields reads a message.
func fields(b []byte) ([]field, error) {
	var out []field
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		if n <= 0 || key>>3 == 0 || key>>3 > 1<<29 || len(out) > 4_000_000 {
			return nil, errProto
		}
		b = b[n:]
		f := field{number: int(key >> 3)}
		switch key & 7 {
		case 0:
			v, n := binary.Uvarint(b)
			if n <= 0 {
				return nil, errProto
			}
			f.value, b = v, b[n:]
		case 1, 5:
			size := map[uint64]int{1: 8, 5: 4}[key&7]
			if len(b) < size {
				return nil, errProto
			}
			b = b[size:]
		case 2:
			v, n := binary.Uvarint(b)
			if n <= 0 || v > uint64(len(b)-n) {
				return nil, errProto
			}
			f.bytes, b = b[n:n+int(v)], b[n+int(v):]
		default:
			return nil, errProto
		}
		out = append(out, f)
	}
	return out, nil
}

// ONNX looks at an ONNX model: its tensors, its trees, its texts.
func ONNX(s *look.Scope, f look.File) look.Report {
	r := look.Report{Media: "application/onnx"}
	c := &contents{s: s, r: &r, f: f}
	m, err := fields(f.Data)
	graph := false
	for _, x := range m {
		switch x.number {
		case 2, 3, 4, 6: // producer, version, domain, documentation
			c.text(string(x.bytes))
			if len(x.bytes) > 2000 {
				r.Add(f, "model-unknown", look.Nowhere, "what", "documentation")
			}
		case 7:
			graph = true
			err = errors.Join(err, c.graph(x.bytes, 0))
		case 14:
			c.text(strings.Map(printable, string(x.bytes)))
			if len(x.bytes) > 2000 {
				r.Add(f, "model-unknown", look.Nowhere, "what", "metadata")
			}
		case 1, 5, 8:
		case 20, 25, 26:
		default:
			r.Add(f, "model-unknown", look.Nowhere, "what", "a field of the model")
		}
	}
	if err != nil || !graph {
		r.Add(f, "model-unknown", look.Nowhere, "what", "the graph")
		return r
	}
	return c.finish()
}

func printable(r rune) rune {
	if r < 0x20 || r == 0x7f || r == 0xfffd {
		return ' '
	}
	return r
}

// graph judges a graph's nodes (1) and initializers (5).
func (c *contents) graph(b []byte, depth int) error {
	if depth > 8 {
		return errProto
	}
	fs, err := fields(b)
	if err != nil {
		return err
	}
	for _, x := range fs {
		switch x.number {
		case 1:
			if err := c.node(x.bytes, depth); err != nil {
				return err
			}
		case 5:
			if err := c.tensor(x.bytes); err != nil {
				return err
			}
		case 15:
			c.r.Add(c.f, "model-unknown", look.Nowhere, "what", "sparse tensors")
		case 2, 10:
			c.text(string(x.bytes))
		}
	}
	return nil
}

// node judges an operator's attributes (5).
func (c *contents) node(b []byte, depth int) error {
	fs, err := fields(b)
	if err != nil {
		return err
	}
	op := ""
	for _, x := range fs {
		if x.number == 4 {
			op = string(x.bytes)
		}
	}
	switch {
	case strings.HasPrefix(op, "TreeEnsemble"):
		c.trees = true
	case strings.HasPrefix(op, "SVM"):
		c.stores("support vectors", 0)
	}
	for _, x := range fs {
		if x.number != 5 {
			continue
		}
		as, err := fields(x.bytes)
		if err != nil {
			return err
		}
		name, n := "", 0
		var loose []float64
		for _, a := range as {
			switch a.number {
			case 1:
				name = string(a.bytes)
			case 7, 8: // packed, or one by one
				n += max(1, len(a.bytes)/4)
				if a.number == 7 {
					loose = append(loose, numbersIn("f4", a.bytes, binary.LittleEndian)...)
				}
			case 9:
				n++
				c.text(strings.Map(printable, string(a.bytes)))
			case 4:
				c.text(strings.Map(printable, string(a.bytes)))
				if len(a.bytes) > 400 {
					c.r.Add(c.f, "model-unknown", look.Nowhere, "what", "a long text")
				}
			case 5:
				if err := c.tensor(a.bytes); err != nil {
					return err
				}
			case 6, 11:
				if err := c.graph(a.bytes, depth+1); err != nil {
					return err
				}
			}
		}
		c.give(loose)
		if n > 0 {
			tree := strings.HasPrefix(op, "TreeEnsemble") || name == "coefficients" || strings.HasPrefix(op, "Label") || strings.HasPrefix(op, "Linear")
			if tree {
				c.numbers += n
			} else {
				c.array(name, []int{n})
			}
		}
	}
	return nil
}

// tensor judges an initializer's shape, and that its data is inside.
func (c *contents) tensor(b []byte) error {
	fs, err := fields(b)
	if err != nil {
		return err
	}
	var shape []int
	name := ""
	for _, x := range fs {
		switch x.number {
		case 1:
			if x.bytes == nil {
				shape = append(shape, int(min(x.value, 1<<31)))
			}
			for p := x.bytes; len(p) > 0; {
				v, n := binary.Uvarint(p)
				if n <= 0 {
					return errProto
				}
				shape, p = append(shape, int(min(v, 1<<31))), p[n:]
			}
		case 8:
			name = string(x.bytes)
		case 6:
			c.text(strings.Map(printable, string(x.bytes)))
		case 13:
			c.r.Add(c.f, "page-outside", look.Nowhere)
		}
	}
	if len(shape) == 0 {
		shape = []int{1}
	}
	c.array(name, shape)
	c.giveArray(tensorNumbers(fs), shape)
	return nil
}

// tensorTypes are ONNX's numbers of types by numpy's code.
var tensorTypes = map[uint64]string{1: "f4", 2: "u1", 3: "i1", 4: "u2", 5: "i2", 6: "i4", 7: "i8", 11: "f8", 12: "u4", 13: "u8"}

// tensorNumbers are a tensor's numbers, wherever it keeps them.
func tensorNumbers(fs []field) []float64 {
	code := ""
	for _, x := range fs {
		if x.number == 2 {
			code = tensorTypes[x.value]
		}
	}
	var out []float64
	for _, x := range fs {
		switch x.number {
		case 4:
			out = append(out, numbersIn("f4", x.bytes, binary.LittleEndian)...)
		case 9:
			out = append(out, numbersIn(code, x.bytes, binary.LittleEndian)...)
		case 10:
			out = append(out, numbersIn("f8", x.bytes, binary.LittleEndian)...)
		case 5, 7:
			for p := x.bytes; len(p) > 0 && len(out) < mostNumbers; {
				v, n := binary.Uvarint(p)
				if n <= 0 {
					return out
				}
				out, p = append(out, float64(int64(v))), p[n:]
			}
		}
	}
	return out
}

// safeTypes are the names of types in safetensors by numpy's code.
var safeTypes = map[string]string{"F64": "f8", "F32": "f4", "I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1", "U8": "u1", "U16": "u2", "U32": "u4", "U64": "u8"}

// Safetensors looks at a safetensors file: a head of JSON, then tensors.
func Safetensors(s *look.Scope, f look.File) look.Report {
	r := look.Report{Media: "application/x-safetensors"}
	c := &contents{s: s, r: &r, f: f}
	if len(f.Data) < 8 {
		r.Add(f, "file-unreadable", look.Nowhere)
		return r
	}
	n := binary.LittleEndian.Uint64(f.Data)
	if n > uint64(len(f.Data)-8) || n > 4<<20 {
		r.Add(f, "file-unreadable", look.Nowhere)
		return r
	}
	head := map[string]json.RawMessage{}
	if json.Unmarshal(f.Data[8:8+n], &head) != nil {
		r.Add(f, "file-unreadable", look.Nowhere)
		return r
	}
	type span struct{ from, to int }
	var spans []span
	for _, name := range look.Keys(head) {
		raw := head[name]
		if name == "__metadata__" {
			c.text(string(raw))
			if len(raw) > 1000 {
				r.Add(f, "model-unknown", look.Nowhere, "what", "metadata")
			}
			continue
		}
		c.text(name)
		var t struct {
			Type    string `json:"dtype"`
			Shape   []int  `json:"shape"`
			Offsets [2]int `json:"data_offsets"`
		}
		if json.Unmarshal(raw, &t) != nil || t.Offsets[0] > t.Offsets[1] || t.Offsets[0] < 0 {
			r.Add(f, "file-unreadable", look.Nowhere)
			return r
		}
		spans = append(spans, span{t.Offsets[0], t.Offsets[1]})
		c.array(name, t.Shape)
		if data := f.Data[8+n:]; t.Offsets[1] <= len(data) {
			c.giveArray(numbersIn(safeTypes[t.Type], data[t.Offsets[0]:t.Offsets[1]], binary.LittleEndian), t.Shape)
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	at := 0
	for _, x := range spans {
		if x.from != at {
			r.Add(f, "archive-hidden-data", look.Nowhere)
		}
		at = x.to
	}
	if at != len(f.Data)-8-int(n) {
		r.Add(f, "archive-hidden-data", look.Nowhere)
	}
	return c.finish()
}

// PMML looks at a PMML model.
func PMML(s *look.Scope, f look.File) look.Report {
	r := look.Report{Media: "application/xml"}
	c := &contents{s: s, r: &r, f: f}
	m := markup.New(f.Data)
	rows, first := 0, true
	for {
		ok, err := m.Next()
		if err != nil {
			r.Add(f, "file-unreadable", look.Nowhere)
			return r
		}
		if !ok {
			break
		}
		switch m.Kind {
		case markup.Comment:
			c.text(m.Data)
			if len(m.Data) > 200 {
				r.Add(f, "page-hidden", look.Nowhere)
			}
		case markup.Text:
			c.text(m.Data)
			fields := strings.Fields(m.Data)
			c.numbers += len(fields)
			var v []float64
			for _, x := range fields {
				if n, ok := look.Float(x); ok {
					v = append(v, n)
				}
			}
			c.give(v)
		case markup.Start:
			if first && m.Name != "PMML" {
				r.Add(f, "file-type-mismatch", look.Nowhere)
				return r
			}
			first = false
			switch m.Name {
			case "TrainingInstances", "SupportVectors", "VectorDictionary", "NearestNeighborModel", "GaussianProcessModel":
				c.stores(m.Name, 0)
			case "row":
				rows++
			case "Extension":
				if len(m.Attr("value")) > 200 {
					r.Add(f, "page-hidden", look.Nowhere)
				}
			}
			for _, a := range m.Attrs {
				if a.Name == "recordCount" {
					if n, ok := look.Float(a.Value); ok && n < leastLeaf {
						r.Add(f, "model-small-leaf", look.Nowhere, "smallest_leaf", a.Value[:min(len(a.Value), 8)])
					}
				}
				c.text(a.Value)
			}
		}
	}
	if rows >= 20 {
		c.stores("an inline table", rows)
	}
	return c.finish()
}
